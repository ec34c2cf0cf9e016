import { Readable } from 'node:stream';
import type { InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import type { CancelSignal } from '../cancellation.js';
import { addressRefused } from '../egress/connector.js';
import { attemptText } from '../egress/failure-text.js';
import type { Transport } from '../egress/transport.js';
import type { DeliveryResult } from '../outbox/ports.js';
import { blockedAddress } from './http-sender.js';
import type { PayloadFormat } from './options.js';
import type { LambdaTarget } from './targets.js';

export interface LambdaRequest {
  readonly target: LambdaTarget;
  /** Those of an HTTP request: the function reads and checks them. Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly timeoutMs: number;
  readonly signal: CancelSignal;
}

/** An answer's body is read up to this: that of a function which answers at once. */
const longestAnswer = 6 * 1024 * 1024;

const statusOf = { Event: 202, DryRun: 204, RequestResponse: 200 } as const;

/** How the library's requests are made: by our own way out, with its guard, proxies and time limits. */
interface LibraryRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Invokes AWS Lambda functions. The library is loaded for the first one, and signs with the credentials that it finds. */
export class LambdaSender {
  readonly #transport: Transport;
  /** By region and endpoint. */
  readonly #clients = new Map<string, Promise<LambdaClient>>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One attempt; never rejects. [pusher-webhooks 2.6] */
  async send(request: LambdaRequest): Promise<DeliveryResult> {
    try {
      const output = await this.#invoke(request);
      return resultOf(output, request.target);
    } catch (error) {
      return failureOf(error);
    }
  }

  async #invoke({ target, headers, body, timeoutMs, signal }: LambdaRequest): Promise<InvokeCommandOutput> {
    const { functionName: FunctionName, invocationType: InvocationType, qualifier: Qualifier } = target;
    const { InvokeCommand } = await library();
    const client = await this.#client(target);
    const Payload = Buffer.from(lambdaPayload(target.payloadFormat, headers, body), 'utf8');
    const command = new InvokeCommand({ FunctionName, InvocationType, Qualifier, Payload });
    // The library hands the signal on to `#handle`, and does nothing else with it.
    return client.send(command, { abortSignal: signal as AbortSignal, requestTimeout: timeoutMs });
  }

  #client({ region, endpoint }: LambdaTarget): Promise<LambdaClient> {
    const name = `${region} ${endpoint ?? ''}`;
    const client = this.#clients.get(name) ?? this.#newClient(region, endpoint);
    this.#clients.set(name, client);
    client.catch(() => this.#clients.delete(name));
    return client;
  }

  async #newClient(region: string, endpoint: string | undefined): Promise<LambdaClient> {
    const { LambdaClient } = await library();
    return new LambdaClient({
      region,
      ...(endpoint !== undefined && { endpoint }),
      maxAttempts: 1, // the outbox repeats
      requestHandler: { handle: (request: LibraryRequest, options: HandlerOptions) => this.#handle(request, options) },
    });
  }

  async #handle(request: LibraryRequest, { abortSignal, requestTimeout = 10_000 }: HandlerOptions = {}) {
    const { protocol, hostname, port, path, headers, body } = request;
    const { origin } = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`);
    const answer = await this.#transport.send(
      {
        method: 'POST',
        origin,
        path: path + queryText(request.query),
        headers: Object.entries(headers).flat(),
        body: Buffer.from((body as Uint8Array | string | undefined) ?? ''),
        signal: abortSignal as CancelSignal | undefined,
      },
      {
        headersWithinMs: requestTimeout,
        bodyWithinMs: 0,
        bodyLimit: () => ({ bytes: longestAnswer, beyond: 'cut' }),
      },
    );
    if (answer.kind === 'failure') {
      throw new NoAnswer(attemptText(answer, { origin, timeoutMs: requestTimeout }), answer.code);
    }
    return {
      response: { statusCode: answer.status, headers: flatHeaders(answer.headers), body: Readable.from([answer.body]) },
    };
  }
}

interface HandlerOptions {
  readonly abortSignal?: unknown;
  readonly requestTimeout?: number | undefined;
}

class NoAnswer extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/** What the function is given. `gateway` is what an API gateway gives, which Sockudo's documented receivers read. */
export function lambdaPayload(format: PayloadFormat, headers: readonly string[], body: Buffer): string {
  const text = body.toString('utf8');
  const named: Record<string, string> = {};
  for (let at = 0; at + 1 < headers.length; at += 2) named[headers[at] ?? ''] = headers[at + 1] ?? '';
  switch (format) {
    case 'gateway':
      return JSON.stringify({ headers: named, body: text, isBase64Encoded: false, httpMethod: 'POST' });
    case 'soketi':
      return `{"payload":${text},"headers":${JSON.stringify(named)}}`;
    case 'raw':
      return text;
  }
}

function resultOf(
  { StatusCode: status, FunctionError, Payload }: InvokeCommandOutput,
  target: LambdaTarget,
): DeliveryResult {
  const answer = Payload ? Buffer.from(Payload).toString('utf8', 0, 1024) : ''; // null for an empty body
  if (FunctionError !== undefined)
    return { outcome: 'failed', reason: `the function failed (${FunctionError})`, status, answer };
  const expected = statusOf[target.invocationType];
  if (status === expected) return { outcome: 'delivered', status, answer };
  return { outcome: 'failed', reason: `status ${status}, expected ${expected}`, status, answer };
}

function failureOf(error: unknown): DeliveryResult {
  if (error instanceof NoAnswer && error.code === addressRefused) return { outcome: 'refused', reason: blockedAddress };
  const { name, message, $metadata } = error as Error & { readonly $metadata?: { readonly httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return {
    outcome: 'failed',
    reason: error instanceof NoAnswer ? message : `${name}: ${message}`.slice(0, 500),
    status,
  };
}

/** @throws Error that says what to install */
async function library(): Promise<typeof import('@aws-sdk/client-lambda')> {
  try {
    return await import('@aws-sdk/client-lambda');
  } catch (cause) {
    throw new Error('webhooks to AWS Lambda need a library: npm install @aws-sdk/client-lambda', { cause });
  }
}

function queryText(query: LibraryRequest['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, item ?? '');
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

function flatHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
