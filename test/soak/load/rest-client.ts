import { Pool } from 'undici';
import { within } from '../patience.js';
import type { Hubwire } from '../server/hubwire.js';
import type { Ledger } from './ledger.js';
import type { Tokens } from './tokens.js';

export interface RestCall {
  /** For the ledger and for complaints. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/hubs`, without a query: what the token is for. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** In place of a good one. */
  readonly token?: string;
  /** Statuses that make sense. */
  readonly expected: readonly number[];
}

/** Calls the data plane over a few sockets that stay open. */
export class RestClient {
  readonly #pool: Pool;
  readonly #tokens: Tokens;
  readonly #ledger: Ledger;

  constructor({ publicUrl }: Hubwire, tokens: Tokens, ledger: Ledger) {
    this.#pool = new Pool(publicUrl, { connections: 4 });
    this.#tokens = tokens;
    this.#ledger = ledger;
  }

  /** Answers the status. @throws Error for one that makes no sense */
  async call({ operation, method, path, query = {}, text, token, expected }: RestCall): Promise<number> {
    const whole = `/api/hubs${path}`;
    const search = new URLSearchParams({ ...query, 'api-version': '2024-12-01' });
    const authorization = `Bearer ${token ?? this.#tokens.restToken(whole)}`;
    const headers = { authorization, ...(text === undefined ? {} : { 'content-type': 'text/plain' }) };
    const request = this.#pool.request({ method, path: `${whole}?${search}`, headers, body: text ?? null });
    const { statusCode, body } = await within(request, `the answer to ${operation}`);
    const answer = await within(body.text(), `the body of the answer to ${operation}`);
    this.#ledger.called(operation);
    if (!expected.includes(statusCode)) throw new Error(`${operation} ${path} was answered ${statusCode}: ${answer}`);
    return statusCode;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
