import { Pool } from 'undici';
import type { Clock } from '../clock.js';
import { type Answer, type Bounds, Exchange } from './exchange.js';

export interface OutgoingRequest {
  readonly method: 'POST' | 'OPTIONS' | 'GET';
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
}

/** A socket that cannot be opened within this is a connection failure, which is retried. */
const connectTimeoutMs = 10_000;

/** HTTP to upstreams: one keep-alive pool per origin; connections are never waited for. [upstream-events 7.4] */
export class Transport {
  readonly #clock: Clock;
  readonly #pools = new Map<string, Pool>();
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One attempt: no redirects, no decompression. Failures are answers; this never rejects. */
  send(request: OutgoingRequest, bounds: Bounds): Promise<Answer> {
    if (this.#isClosed) return Promise.resolve({ kind: 'failure', failure: 'unsendable', code: 'CLOSED' });
    return new Promise(resolve => {
      this.#pool(request.origin).dispatch(
        { method: request.method, path: request.path, headers: request.headers, body: request.body ?? null },
        new Exchange(this.#clock, bounds, resolve),
      );
    });
  }

  /** Closes the pools of other origins once their requests have ended. */
  keepOnly(origins: ReadonlySet<string>): void {
    for (const [origin, pool] of this.#pools) if (!origins.has(origin)) this.#retire(origin, pool);
  }

  /** Origins with an open pool. */
  get origins(): readonly string[] {
    return [...this.#pools.keys()];
  }

  /** Resolves once the requests under way have ended and the sockets are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.keepOnly(new Set());
    await Promise.all(this.#closing);
  }

  #retire(origin: string, pool: Pool): void {
    this.#pools.delete(origin);
    const closed = pool.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (!pool) {
      // Time limits are the exchange's own, kept by the injected clock.
      pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0, connectTimeout: connectTimeoutMs });
      this.#pools.set(origin, pool);
    }
    return pool;
  }
}
