import type { Logger } from 'pino';
import { isLoopback } from './addresses.js';
import type { Access } from './admin/access.js';
import type { Metrics } from './admin/metrics.js';
import { type AdminServerOptions, createAdminServer } from './admin/server.js';
import { adminApis } from './admin-apis.js';
import { apiErrorFormats, registerApis } from './apis.js';
import type { Endpoints } from './auth/endpoints.js';
import type { KeyTokens } from './auth/key-tokens.js';
import type { Keys } from './auth/keys.js';
import type { StoredKeys } from './auth/stored-keys.js';
import type { Bridges } from './bridges/bridges.js';
import type { Clock } from './clock.js';
import type { HubsFileEditor } from './config/edit/hubs-file-editor.js';
import type { Hubs } from './hub/hubs.js';
import type { Observer } from './hub/ports.js';
import type { Certificate } from './listener/certificate.js';
import { trustedPeers } from './listener/client-address.js';
import { GuardedListener } from './listener/guarded-listener.js';
import { defaultTimeouts } from './listener/http-settings.js';
import { createPublicServer, nodeOptions } from './listener/public-server.js';
import { SocketGuard, type SocketLimits } from './listener/socket-guard.js';
import type { OutboxDelivery } from './outbox-delivery.js';
import type { MessageQuotas } from './pusher-api/quotas.js';
import type { Readiness } from './readiness.js';
import { Calls } from './rest/calls.js';
import type { PusherApps, ServiceOptions } from './service-options.js';
import type { Settings } from './settings.js';
import { PusherEntrance, pusherClientPaths } from './sockets/entrances/pusher.js';
import { WebPubSubEntrance } from './sockets/entrances/webpubsub.js';
import { Gateway } from './sockets/gateway.js';
import type { EventLoopTurn } from './sockets/turn.js';
import type { HandlerStatus } from './upstream/event-handlers.js';

/** Of the admin listener: probes and scrapers are few. */
const adminLimits: SocketLimits = { perAddress: () => Number.POSITIVE_INFINITY, unauthenticated: () => 128 };

/** What the front of a service is made from. Functions are called once all parts are there. */
export interface FrontParts {
  readonly options: ServiceOptions;
  readonly settings: Settings;
  readonly apps: PusherApps;
  readonly keys: Keys;
  readonly storedKeys: StoredKeys;
  readonly tokens: KeyTokens;
  readonly endpoints: Endpoints;
  readonly hubs: () => Hubs;
  readonly bridges: Bridges;
  readonly handlers: () => readonly HandlerStatus[];
  readonly delivery: () => OutboxDelivery;
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly metrics: Metrics;
  readonly quotas: MessageQuotas;
  readonly turn: EventLoopTurn;
  /** Are calls and upgrades logged in detail? */
  readonly isTraced: boolean;
  /** URL of the admin listener, once it listens. */
  readonly adminUrl: () => string | undefined;
  /** @throws PubSubError `conflict` while there is no file to edit */
  readonly editor: () => HubsFileEditor;
  /** Closes all clients in waves. */
  readonly restart: () => Promise<void>;
}

/** The listener for clients and app servers, with the HTTP APIs. The caller listens. */
export function makePublicListener(parts: FrontParts, certificate: Certificate | undefined): GuardedListener {
  const { clock, observer, isTraced, endpoints, settings } = parts;
  const { log, version, documentation, timeouts, trustProxy = false, proxies } = parts.options;
  const guard = guardOf(parts, trustedPeers(trustProxy), settings.ofPublicListener(trustProxy));
  const app = createPublicServer({
    endpoints,
    trustProxy,
    certificate,
    logger: log,
    version,
    documentation,
    timeouts,
    clientPaths: pusherClientPaths,
    errorFormats: apiErrorFormats,
    watch: new Calls({ observer, monotonicMs: () => clock.monotonicMs(), isTraced }),
  });
  registerApis(app, {
    hubs: name => parts.hubs().reach(name),
    apps: parts.apps,
    quotas: parts.quotas,
    joinedChannels: app => parts.bridges.channelsOf(app),
    callers: settings.ofCallers(),
    keys: parts.keys,
    endpoints,
    guard,
    clock,
    proxies,
    log,
  });
  return new GuardedListener('public', app, guard);
}

/** Takes the WebSocket upgrades of the public listener. */
export function makeGateway(parts: FrontParts, { app, guard }: GuardedListener): Gateway {
  const { endpoints, clock, turn, observer, readiness } = parts;
  const { timeouts = defaultTimeouts, trustProxy = false } = parts.options;
  const settings = parts.settings.ofSockets();
  const ofWebPubSub = { tokens: parts.tokens, endpoints, trustProxy, settings };
  const ofPusher = { apps: parts.apps, clock };
  const gateway = new Gateway({
    entrances: [door => new WebPubSubEntrance(door, ofWebPubSub), door => new PusherEntrance(door, ofPusher)],
    hubs: parts.hubs(),
    endpoints,
    trustProxy,
    settings,
    guard,
    readiness,
    clock,
    turn,
    observer,
    tracesUpgrades: parts.isTraced,
  });
  gateway.serve(app.server, nodeOptions(timeouts));
  return gateway;
}

/** What the listener for operators needs. */
export interface AdminParts
  extends Pick<
    FrontParts,
    'options' | 'settings' | 'storedKeys' | 'endpoints' | 'clock' | 'adminUrl' | 'editor' | 'restart'
  > {
  readonly readiness: Pick<Readiness, 'isReady' | 'whyNot'>;
  readonly handlers: AdminServerOptions['handlers'];
  readonly metrics: AdminServerOptions['metrics'];
  /** Undefined: something else serves the routes of webhooks and the outbox. */
  readonly delivery: () => OutboxDelivery | undefined;
}

/** The listener for operators. The caller listens. @param more routes for operators */
export function makeAdminListener(
  parts: AdminParts,
  certificate: Certificate | undefined,
  more: (access: Access) => NonNullable<AdminServerOptions['plugins']> = () => [],
): GuardedListener {
  const { clock, endpoints, readiness } = parts;
  const { admin, log, version, documentation, timeouts, adminAccess, proxies } = parts.options;
  const guard = guardOf(parts, () => false, adminLimits);
  const apis = adminApis({
    access: adminAccess,
    address: admin,
    hasTls: certificate !== undefined,
    adminUrl: parts.adminUrl,
    callers: parts.settings.ofCallers(),
    keys: parts.storedKeys,
    endpoints,
    editor: parts.editor,
    restart: parts.restart,
    version,
    clock,
    proxies,
    log,
  });
  const app = createAdminServer({
    isReady: () => readiness.isReady,
    whyNot: () => readiness.whyNot,
    handlers: parts.handlers,
    metrics: parts.metrics,
    delivery: parts.delivery(),
    version,
    publicUrl: () => (readiness.isReady ? endpoints.primary : undefined),
    documentation,
    timeouts,
    certificate,
    isLoopbackOnly: admin !== undefined && isLoopback(admin.host),
    logger: fromWarnings(log),
    onAnswered: socket => guard.answered(socket),
    ...apis,
    plugins: [...apis.plugins, ...more(apis.access)],
  });
  return new GuardedListener('admin', app, guard);
}

function guardOf(
  parts: Pick<FrontParts, 'options' | 'clock'>,
  isProxy: (address: string) => boolean,
  limits: SocketLimits,
): SocketGuard {
  const onLimit = (message: string) => parts.options.log.warn(message);
  return new SocketGuard({ limits, isProxy, onLimit, monotonicMs: () => parts.clock.monotonicMs() });
}

/** Without Fastify's own line for each address that it listens on; both listeners are logged in one way. */
function fromWarnings(log: Logger): Logger {
  return log.child({}, { level: log.isLevelEnabled('warn') ? 'warn' : log.level });
}
