import { isIP } from 'node:net';
import type { CancelSignal } from '../cancellation.js';
import { type AddressGuard, addressRefused } from '../egress/connector.js';
import type { Answer, Failure, ResponseHead } from '../egress/exchange.js';
import { attemptText } from '../egress/failure-text.js';
import { retryAfterMs } from '../egress/retry-after.js';
import type { Transport } from '../egress/transport.js';
import type { DeliveryResult } from '../outbox/ports.js';
import type { HttpTarget } from './targets.js';

/** The reason of a request that the egress policy refuses. [pusher-webhooks 2.2] */
export const blockedAddress = 'blocked_address';

/** Of an answer's body: what the attempt log shows. The rest is read for the socket's sake, up to 64 KiB. */
const keptBytes = 1024;

export interface HttpRequest {
  readonly target: HttpTarget;
  readonly headers: string[];
  readonly body: Buffer;
  /** For the whole attempt. */
  readonly timeoutMs: number;
  /** 410 disables the endpoint. */
  readonly isDisabledWhenGone: boolean;
  readonly signal: CancelSignal;
}

export interface HttpSenderOptions {
  /** With the same guard. */
  readonly transport: Transport;
  readonly guard: AddressGuard;
  /** Wall clock. */
  readonly now: () => number;
}

/** Sends webhooks to URLs. */
export class HttpSender {
  readonly #options: HttpSenderOptions;
  /** A changed configuration has new targets. */
  readonly #areRefused = new WeakMap<HttpTarget, boolean>();

  constructor(options: HttpSenderOptions) {
    this.#options = options;
  }

  /** One attempt; never rejects. Redirects are not followed. [pusher-webhooks 2.2] */
  send(request: HttpRequest): Promise<DeliveryResult> {
    const { transport, now } = this.#options;
    const { target, headers, body, timeoutMs, signal } = request;
    if (this.#isRefused(target)) return Promise.resolve({ outcome: 'refused', reason: blockedAddress });
    const bounds = {
      headersWithinMs: timeoutMs,
      bodyWithinMs: 0, // no more than what the headers have left of the time
      bodyLimit: () => ({ bytes: keptBytes, beyond: 'cut' as const }),
    };
    const { origin, path } = target;
    const resultOf = (answer: Answer) =>
      withoutLocal(answer, transport.localAddress) ?? resultOfAnswer(answer, request, now);
    return transport.sendThen({ method: 'POST', origin, path, headers, body, signal }, bounds, resultOf);
  }

  #isRefused(target: HttpTarget): boolean {
    let isRefused = this.#areRefused.get(target);
    if (isRefused === undefined) {
      isRefused = isRefusedLiteral(target.origin, this.#options.guard);
      this.#areRefused.set(target, isRefused);
    }
    return isRefused;
  }
}

/** An address in place of a name: a proxy on the way would connect to it without a look at the guard. */
function isRefusedLiteral(origin: string, guard: AddressGuard): boolean {
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !guard(host);
}

/** A local address that this machine does not have. */
function withoutLocal(answer: Answer, localAddress: string | undefined): DeliveryResult | undefined {
  if (localAddress === undefined || answer.kind !== 'failure' || answer.code !== 'EADDRNOTAVAIL') return undefined;
  const reason = `no connection (EADDRNOTAVAIL): webhooks.local_address, ${localAddress}, is not an address of this machine, or has no free port`;
  return { outcome: 'failed', reason };
}

/** The head decides, also when the rest of the answer does not come. */
function resultOfAnswer(answer: Answer, request: HttpRequest, now: () => number): DeliveryResult {
  const head = headOf(answer);
  if (head === undefined) return withoutHead(answer as Failure, request);
  const { status, headers } = head;
  const text = answer.kind === 'response' ? answer.body.toString('utf8') : '';
  if (status >= 200 && status < 300) return { outcome: 'delivered', status, answer: text };
  const reason = `status ${status}${redirectText(head, request.target.origin)}`;
  if (status === 410 && request.isDisabledWhenGone) {
    return { outcome: 'refused', reason, status, answer: text, disablesEndpoint: true };
  }
  return { outcome: 'failed', reason, status, answer: text, retryAfterMs: retryAfterMs(headers['retry-after'], now()) };
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Of where it leads only the origin is shown: the path of an endpoint may have a secret. */
function redirectText({ status, headers: { location } }: ResponseHead, origin: string): string {
  if (!redirects.has(status) || typeof location !== 'string' || !URL.canParse(location, origin)) return '';
  const target = new URL(location, origin).origin;
  return `: redirects are not followed; this one leads to ${target === origin ? 'another path' : target}`;
}

/** Undefined: none has come, or the service stopped before the rest came. */
function headOf(answer: Answer): ResponseHead | undefined {
  if (answer.kind === 'response') return answer;
  return answer.failure === 'cancelled' ? undefined : answer.head;
}

function withoutHead(failure: Failure, { target, timeoutMs }: HttpRequest): DeliveryResult {
  if (failure.code === addressRefused) return { outcome: 'refused', reason: blockedAddress };
  return { outcome: 'failed', reason: attemptText(failure, { origin: target.origin, timeoutMs }) };
}
