import jwt from 'jsonwebtoken';
import type { AccessKeys } from '../../src/auth/key-tokens.js';
import { systemClock } from '../../src/clock.js';
import { observers } from '../../src/hub/observers.js';
import { Mailbox } from '../support/mailbox.js';
import { startHub } from '../support/start-hub.js';
import { jsonProtocol, type ReceivedFrame, type TestClient } from '../support/test-client.js';

export const primaryKey = 'primary-key-of-the-conformance-suite-00';
export const secondaryKey = 'secondary-key-of-the-conformance-suite-';

export const json = jsonProtocol;

/** A client that only receives. */
export class Client {
  readonly id: string;
  readonly #client: TestClient;

  constructor(id: string, client: TestClient) {
    this.id = id;
    this.#client = client;
  }

  /** All that was sent to it so far, without the first `connected` message of a JSON client. */
  async frames(): Promise<readonly ReceivedFrame[]> {
    const { ws } = this.#client;
    await this.#client.sentByAll();
    const answered = new Promise(resolve => ws.once('pong', resolve));
    ws.ping();
    await Promise.race([answered, this.#client.closed]);
    return this.#client.rest.filter(({ bytes }) => !bytes.includes('"event":"connected"'));
  }

  /** The same, as texts. */
  async heard(): Promise<readonly string[]> {
    return (await this.frames()).map(({ bytes }) => bytes.toString());
  }

  get isOpen(): boolean {
    return this.#client.ws.readyState === this.#client.ws.OPEN;
  }

  get closed(): TestClient['closed'] {
    return this.#client.closed;
  }
}

export interface HostOptions {
  readonly keys?: AccessKeys;
  readonly endpoints?: readonly string[];
  readonly now?: () => number;
}

/** A whole service, without event handlers. */
export async function startHost({
  keys = { primary: primaryKey, secondary: undefined },
  endpoints = [],
  now = Date.now,
}: HostOptions = {}) {
  const opened = new Mailbox<string>();
  const { service, dial } = await startHub({
    ...{ keys, endpoints, clock: { ...systemClock, now } },
    observer: observers({ tell: fact => void (fact.kind === 'opened' && opened.put(fact.connection.id)) }),
  });
  const base = service.publicUrl;
  return {
    base,
    connectionString: `Endpoint=${base};AccessKey=${primaryKey};Version=1.0;`,
    /** Calls with a token for the URL, or with the one given. */
    async call(method: string, path: string, init: RequestInit & { token?: string } = {}): Promise<Response> {
      const { token = sign({ aud: base + path }), ...rest } = init;
      return fetch(base + path, { ...rest, method, headers: { authorization: `Bearer ${token}`, ...rest.headers } });
    },
    async connect(
      hub: string,
      {
        subprotocol,
        ...token
      }: { userId?: string; groups?: readonly string[]; subprotocol?: string; roles?: readonly string[] } = {},
    ): Promise<Client> {
      const client = await dial({ hub, token, protocols: subprotocol === undefined ? [] : [subprotocol] });
      return new Client(await opened.take(), client);
    },
  };
}

/** A token as an SDK signs it: `aud` and `exp`, nothing else. */
export function sign(claims: Record<string, unknown>, key: string | Buffer = primaryKey, now = Date.now()): string {
  return jwt.sign({ exp: Math.floor(now / 1000) + 60, ...claims }, key, { algorithm: 'HS256', noTimestamp: true });
}
