import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';
import { onTestFinished } from 'vitest';
import { ContinuationTokens } from '../../src/auth/continuation-tokens.js';
import { Endpoints } from '../../src/auth/endpoints.js';
import { type AccessKeys, KeyTokens } from '../../src/auth/key-tokens.js';
import { KeyReconnectionTokens } from '../../src/auth/reconnection-tokens.js';
import { MemoryBus } from '../../src/backplane/memory.js';
import { systemClock } from '../../src/clock.js';
import type { Frame, Frames } from '../../src/frames/frames.js';
import { Hubs } from '../../src/hub/hubs.js';
import { observers } from '../../src/hub/observers.js';
import type { Outlet, Upstream } from '../../src/hub/ports.js';
import { Slices } from '../../src/hub/slices.js';
import { Watches } from '../../src/hub/watches.js';
import { findProtocol } from '../../src/protocols/index.js';
import { simpleEvents } from '../../src/protocols/webpubsub/simple.js';
import { createRestServer } from '../support/rest-server.js';

export const primaryKey = 'primary-key-of-the-conformance-suite-00';
export const secondaryKey = 'secondary-key-of-the-conformance-suite-';

export const json = 'json.webpubsub.azure.v1';

/** No event handler is configured for anything. */
const noUpstream: Upstream = {
  open: () => ({
    connect: () => undefined,
    event: async () => undefined,
    whenNotified: () => undefined,
    record: () => ({ nextId: 1, cookies: [] }),
  }),
};

/** The far end of one connection: what its client got, and how it was closed. */
export class Client implements Outlet {
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;
  id = '';

  send(frames: Frames): void {
    this.frames.push(...frames.each());
  }
  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }
  drop(): void {}
  pause(): void {}
  resume(): void {}

  /** Payloads as text, without the first `connected` message of a JSON client. */
  get heard(): readonly string[] {
    return this.frames.map(frame => frame.bytes.toString()).filter(text => !text.includes('"event":"connected"'));
  }
}

export interface HostOptions {
  readonly keys?: AccessKeys;
  readonly endpoints?: readonly string[];
  readonly now?: () => number;
}

/** A whole REST server on a port of its own, over real hubs, keys and codecs; its clients have no sockets. */
export async function startHost({
  keys = { primary: primaryKey, secondary: undefined },
  endpoints: configured = [],
  now = Date.now,
}: HostOptions = {}) {
  const hubs = new Hubs({
    upstream: noUpstream,
    backplane: new MemoryBus().connect(),
    observer: observers(),
    watches: new Watches(() => {}),
    clock: { ...systemClock, now },
    turn: { atEnd: task => task() },
    slices: new Slices({ monotonicMs: () => performance.now(), nextTurn: task => void setImmediate(task) }),
    reconnectionTokens: new KeyReconnectionTokens(keys, now),
    recoveryWindowMs: () => 30_000,
    dropsOnEventFailure: () => false,
    membershipsPerCall: () => 10_000_000,
  });
  let base = '';
  const endpoints = new Endpoints(configured, () => base);
  const app = createRestServer({
    hubs: { get: name => hubs.reach(name) },
    tokens: new KeyTokens(keys, now),
    continuationTokens: new ContinuationTokens(keys),
    endpoints,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
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
      who: { userId?: string; groups?: readonly string[]; subprotocol?: string; roles?: readonly string[] } = {},
    ): Promise<Client> {
      const client = new Client();
      const admission = await hubs.get(hub).lifecycle.admit({
        userId: who.userId,
        groups: who.groups ?? [],
        subprotocols: who.subprotocol === undefined ? [] : [who.subprotocol],
        roles: who.roles ?? [],
        claims: {},
        query: {},
        headers: {},
        clientCertificates: [],
        protocol: simpleEvents,
        protocolOf: findProtocol,
      });
      client.id = hubs.get(hub).lifecycle.open(admission, client).id;
      return client;
    },
  };
}

/** A token as an SDK signs it: `aud` and `exp`, nothing else. */
export function sign(claims: Record<string, unknown>, key: string | Buffer = primaryKey, now = Date.now()): string {
  return jwt.sign({ exp: Math.floor(now / 1000) + 60, ...claims }, key, { algorithm: 'HS256', noTimestamp: true });
}
