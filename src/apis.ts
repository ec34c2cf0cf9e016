import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Logger } from 'pino';
import { usageRoute } from './admin/usage.js';
import { ContinuationTokens } from './auth/continuation-tokens.js';
import type { Endpoints } from './auth/endpoints.js';
import { EntraVerifier } from './auth/entra-verifier.js';
import { KeyTokens } from './auth/key-tokens.js';
import type { Keys } from './auth/keys.js';
import type { JoinedChannels } from './bridges/joined-channels.js';
import type { Clock } from './clock.js';
import { proxiedFetch } from './egress/fetch.js';
import type { ProxySettings } from './egress/proxy.js';
import type { Hub } from './hub/hub.js';
import type { HubName } from './hub/hubs.js';
import type { SocketGuard } from './listener/socket-guard.js';
import { pusherApi, pusherApiPrefix, pusherErrorFormat } from './pusher-api/api.js';
import type { ApiApps } from './pusher-api/apps.js';
import { HubChannels } from './pusher-api/hub-channels.js';
import type { MessageQuotas } from './pusher-api/quotas.js';
import { restApi, restPrefix } from './rest/api.js';
import type { Settings } from './settings.js';

/** What the HTTP APIs of the public listener need. */
export interface ApiParts {
  /** A hub for one call. */
  readonly hubs: (name: HubName) => Hub;
  readonly apps: ApiApps;
  readonly quotas: MessageQuotas;
  /** Of an app: those that groups of a hub are joined with. */
  readonly joinedChannels: (app: string) => JoinedChannels;
  readonly callers: ReturnType<Settings['ofCallers']>;
  readonly keys: Keys;
  readonly endpoints: Endpoints;
  /** Of the listener's sockets. */
  readonly guard: SocketGuard;
  readonly clock: Clock;
  readonly proxies: ProxySettings | undefined;
  readonly log: Logger;
}

/** SDKs make a token for each call, and the same one within a second. Those of clients differ, so none is remembered. */
const rememberedRestTokens = 1_000;

/** Of the APIs whose errors do not have the format of the REST data plane. */
export const apiErrorFormats = [pusherErrorFormat];

/** Registers the REST data plane and Pusher's HTTP API, each with its own error format, and what Pusher's operators look at. */
export function registerApis(app: FastifyInstance, parts: ApiParts): void {
  app.register(restApiOf(parts), { prefix: restPrefix });
  app.register(pusherApiOf(parts), { prefix: pusherApiPrefix });
  app.register(usageRoute);
}

function restApiOf({ hubs, callers, keys, endpoints, guard, clock, proxies, log }: ApiParts): FastifyPluginAsync {
  const { access, isLocalAuthDisabled } = callers;
  return restApi({
    hubs: { get: hubs },
    tokens: new KeyTokens(keys, () => clock.now(), rememberedRestTokens),
    continuationTokens: new ContinuationTokens(keys),
    entra: new EntraVerifier({ access, clock, fetch: proxiedFetch(proxies) }),
    isLocalAuthDisabled,
    endpoints,
    onAuthenticated: socket => guard.recognize(socket),
    onHealthAnswered: socket => guard.answered(socket),
    logger: log,
  });
}

function pusherApiOf({
  hubs,
  apps,
  joinedChannels,
  quotas,
  endpoints,
  guard,
  clock,
  log,
}: ApiParts): FastifyPluginAsync {
  return pusherApi({
    apps,
    channelsOf: app => new HubChannels(() => hubs({ app }), joinedChannels(app)),
    quotas,
    endpoints,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    onAuthenticated: socket => guard.recognize(socket),
    logger: log,
  });
}
