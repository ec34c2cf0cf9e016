import { setTimeout as delay } from 'node:timers/promises';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { connect, type Receiver } from './receiver.js';

/** Hub of all checks; its events go to the runner's upstream, which echoes them. */
export const hubName = 'sdks';

/** Longest that any one check may take, in milliseconds; recovery needs a few seconds of the SDK's own waits. */
const patienceMs = 40_000;

/** What a check resolves to: nothing, or one line for the report. */
export type Check = (bench: Bench) => Promise<unknown>;

/** A row that the SDK has no method for, and why. */
export interface NotOffered {
  readonly notOffered: string;
}

export type Checks = Readonly<Record<string, Check | NotOffered>>;

export interface TokenOptions {
  readonly userId?: string;
  readonly roles?: string[];
  readonly groups?: string[];
}

export const text = { contentType: 'text/plain' } as const;

export const notOffered = (why: string): NotOffered => ({ notOffered: why });

export function expect(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(what);
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  expect(is === should, `${what}: ${is} instead of ${should}`);
}

/** Resolves with the error of a call that has to fail. */
export async function failureOf(call: Promise<unknown>): Promise<Error & { statusCode?: number; code?: string }> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  expect(failure !== undefined, 'the call succeeded');
  return failure;
}

/** Asks again until it is so: for states that the SDK has no event for. */
export async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await isSo()) return;
    await delay(100);
  }
  throw new Error(`never: ${what}`);
}

/** What each check starts from: a service client, names nobody else uses, and receivers that end with the check. */
export class Bench {
  readonly service: WebPubSubServiceClient;
  readonly #ends: (() => unknown)[] = [];

  constructor(
    readonly connectionString: string,
    /** The service behind a connection that `cut` and `mend` break and restore. */
    readonly unsteadyEndpoint: string,
    readonly controlUrl: string,
    readonly name: string,
  ) {
    this.service = new WebPubSubServiceClient(connectionString, hubName, { allowInsecureConnection: true });
  }

  /** A name of this check's own, e.g. for a group. */
  own(what: string): string {
    return `${what}-${this.name}-${process.pid}`;
  }

  async url(options: TokenOptions = {}): Promise<string> {
    return (await this.service.getClientAccessToken(options)).url;
  }

  /** The same, through the connection that can be cut. */
  async unsteadyUrl(options: TokenOptions = {}): Promise<string> {
    const url = new URL(await this.url(options));
    url.host = new URL(this.unsteadyEndpoint).host;
    return url.href;
  }

  /** A plain JSON client, so that what the service client does is seen as it is on the wire. */
  async receiver(options: TokenOptions = {}): Promise<Receiver> {
    const receiver = await connect(await this.url(options));
    this.later(() => receiver.close());
    return receiver;
  }

  later(end: () => unknown): void {
    this.#ends.push(end);
  }

  async cut(): Promise<void> {
    await fetch(`${this.controlUrl}/cut`, { method: 'POST' });
  }

  async mend(): Promise<void> {
    await fetch(`${this.controlUrl}/mend`, { method: 'POST' });
  }

  async end(): Promise<void> {
    await this.mend();
    for (const end of this.#ends) await end();
  }
}

/** Runs one check to its end. @throws what the check throws, or that it took too long */
export async function run(check: Check, bench: Bench): Promise<string> {
  const late = new AbortController();
  const timeout = delay(patienceMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`no end after ${patienceMs / 1000} s`);
  });
  timeout.catch(() => undefined); // the check was first
  try {
    const detail = await Promise.race([check(bench), timeout]);
    return typeof detail === 'string' ? detail : '';
  } finally {
    late.abort();
    await bench.end();
  }
}
