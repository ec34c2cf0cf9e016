import type { FastifyInstance } from 'fastify';
import { createPublicServer } from '../../src/listener/public-server.js';
import { pusherApi, pusherApiPrefix, pusherErrorFormat } from '../../src/pusher-api/api.js';
import type {
  ApiApp,
  ApiAppLimits,
  AppChannels,
  CachedEvent,
  ChannelEvent,
  OccupiedChannel,
} from '../../src/pusher-api/apps.js';
import { MessageQuotas } from '../../src/pusher-api/quotas.js';
import { type RequestParts, signedTarget, type TestApp, testApp } from './pusher-requests.js';

/** Channels that keep what is done with them. */
export class RecordedChannels implements AppChannels {
  readonly published: ChannelEvent[] = [];
  readonly terminated: string[] = [];
  readonly counted: OccupiedChannel[] = [];
  cachedEvent: CachedEvent | undefined;
  /** Thrown by what reaches other nodes. */
  failure: Error | undefined;

  publish(event: ChannelEvent): void {
    this.#reach();
    this.published.push(event);
  }

  async named(names: readonly string[]): Promise<readonly OccupiedChannel[]> {
    this.#reach();
    return this.counted.filter(({ name }) => names.includes(name));
  }

  async occupied(prefix: string): Promise<readonly OccupiedChannel[]> {
    this.#reach();
    return this.counted.filter(({ name }) => name.startsWith(prefix));
  }

  async cached(): Promise<CachedEvent | undefined> {
    this.#reach();
    return this.cachedEvent;
  }

  async terminate(userId: string): Promise<void> {
    this.#reach();
    this.terminated.push(userId);
  }

  #reach(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

export interface ApiServerOptions {
  readonly limits?: ApiAppLimits;
  readonly basePaths?: readonly string[];
  readonly enabled?: boolean;
}

export interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The public server with the Pusher API, as the service builds them, over recorded channels. */
export function createApiServer({ limits, basePaths = [], enabled = true }: ApiServerOptions = {}) {
  const channels = new RecordedChannels();
  const time = { nowMs: 0 };
  const quotas = new MessageQuotas(() => time.nowMs);
  const app: ApiApp = {
    id: testApp.id,
    enabled,
    keys: [{ key: testApp.key, secret: testApp.secret, active: true }],
    limits,
  };
  const other: ApiApp = { ...app, id: '43', keys: [{ key: 'other', secret: 'other', active: true }] };
  const server: FastifyInstance = createPublicServer({ endpoints: { basePaths }, errorFormats: [pusherErrorFormat] });
  const apps = { findById: (id: string) => [app, other].find(each => each.id === id) };
  const api = {
    apps,
    channelsOf: () => channels,
    quotas,
    endpoints: { basePaths },
    now: Date.now,
    monotonicMs: () => time.nowMs,
  };
  server.register(pusherApi(api), { prefix: pusherApiPrefix });

  /** Sends a request that is signed for the app. */
  async function call(
    parts: RequestParts & { readonly payload?: string },
    signer: TestApp = testApp,
  ): Promise<Answered> {
    const { method, body, payload = body } = parts;
    return raw(method, signedTarget(parts, signer), payload);
  }

  async function raw(
    method: 'GET' | 'POST',
    url: string,
    payload?: string | Buffer,
    more: Record<string, string> = {},
  ): Promise<Answered> {
    const headers = payload === undefined ? more : { 'content-type': 'application/json', ...more };
    const answer = await server.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
    return { status: answer.statusCode, body: JSON.parse(answer.body), headers: answer.headers };
  }

  const post = (path: string, fields: unknown) => call({ method: 'POST', path, body: JSON.stringify(fields) });
  const get = (path: string, query: RequestParts['query'] = []) => call({ method: 'GET', path, query });
  return { server, channels, quotas, time, call, raw, post, get };
}
