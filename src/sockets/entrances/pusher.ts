import type { Clock } from '../../clock.js';
import { ConnectRefused, PubSubError } from '../../errors.js';
import type { Admission } from '../../hub/admission.js';
import type { Connection } from '../../hub/connection.js';
import type { Hub } from '../../hub/hub.js';
import { headerOf } from '../../listener/header-lines.js';
import { appHubPrefix } from '../../protocols/names.js';
import type { Protocol } from '../../protocols/protocol.js';
import {
  defaultTimes,
  PusherDialogue,
  type PusherProtocols,
  type PusherTimes,
  pusherProtocols,
} from '../../protocols/pusher/index.js';
import { closeCodes } from '../../protocols/pusher/names.js';
import { isFull } from '../capacity.js';
import { checkHandshake } from '../client-request.js';
import type { Door } from '../door.js';
import { type Query, readQuery } from '../query.js';
import { ClosedUpgrade } from '../refusal.js';
import type { Upgrade } from '../upgrade.js';
import type { Arrival, Entrance } from './entrance.js';
import { isOriginAllowed } from './origins.js';
import { type Apps, AppView, maxMessageBytesOf, type PusherApp } from './pusher-apps.js';
import { PusherCandidate } from './pusher-candidate.js';
import { newSocketId } from './socket-id.js';

export type { Apps, PusherApp, PusherAppLimits } from './pusher-apps.js';

export interface PusherOptions {
  readonly apps: Apps;
  readonly clock: Clock;
  readonly times?: PusherTimes | undefined;
}

/** What an upgrade request is for. */
interface Wanted {
  readonly key: string;
  readonly app: PusherApp;
  readonly protocol: Protocol;
}

/** For requests that are no upgrades. */
export const pusherClientPaths = ['/app/*'];

const ownPath = /^\/app(?:\/|$)/i;
const appPath = /^\/app\/([^/]+)\/?$/i;
const versions = { oldest: 4, newest: 7, firstWithoutErrorMessage: 6 } as const;
const longestVersion = 128;

/**
 * Clients of the Pusher protocol: `/app/{key}`. The key names the app, and is no secret; what a client may do its app
 * server signs later. A client that is refused gets its WebSocket first, and then a close code, since that is where its
 * library looks. [PW §3.1, §3.10]
 */
export class PusherEntrance implements Entrance {
  readonly location = '/app/{key}';
  readonly #door: Door;
  readonly #options: PusherOptions;
  readonly #protocols: PusherProtocols;

  constructor(door: Door, options: PusherOptions) {
    this.#door = door;
    this.#options = options;
    this.#protocols = pusherProtocols(options.times ?? defaultTimes);
  }

  serves(path: string): boolean {
    return ownPath.test(path);
  }

  take(upgrade: Upgrade): Arrival | Promise<Arrival> {
    checkHandshake(upgrade.request);
    try {
      return this.#admit(upgrade, this.#read(upgrade));
    } catch (error) {
      if (
        upgrade.isFinished ||
        upgrade.finish(undefined, this.#protocolOf(versionOf(readQuery(upgrade.query)))) !== undefined
      )
        throw error;
      return 'left';
    }
  }

  /** @throws ClosedUpgrade */
  #read(upgrade: Upgrade): Wanted {
    const key = keyOf(upgrade.path);
    const app = this.#options.apps.findByKey(key);
    if (app === undefined || !app.keys.some(each => each.active && each.key === key)) {
      throw new ClosedUpgrade('notFound', `No app has the key ${key.slice(0, 64)}`, closeCodes.unknownApp);
    }
    upgrade.hub = appHubPrefix + app.id;
    if (!app.enabled) throw new ClosedUpgrade('forbidden', 'The app is disabled', closeCodes.appDisabled);
    checkOrigin(app, upgrade);
    return { key, app, protocol: this.#protocolOf(checkedVersion(upgrade)) };
  }

  /** Also for clients that are refused, whatever version they name. */
  #protocolOf(version: number): Protocol {
    const { current, older } = this.#protocols;
    return version >= versions.oldest && version < versions.firstWithoutErrorMessage ? older : current;
  }

  /** @throws ClosedUpgrade; PubSubError `tooMany` */
  #admit(upgrade: Upgrade, wanted: Wanted): Arrival | Promise<Arrival> {
    const door = this.#door;
    if (!door.isOpen) throw notReady();
    const name = { app: wanted.app.id };
    const known = door.hubs.find(name);
    if (known !== undefined && isFull(known, wanted.app.limits?.maxConnections ?? Number.POSITIVE_INFINITY)) {
      door.recognize(upgrade);
      throw new ClosedUpgrade('tooMany', 'The app is over its connection quota', closeCodes.overQuota);
    }
    const hub = door.enter(upgrade, name, known);
    const socketId = newSocketId();
    const dialogue = new PusherDialogue(new AppView(this.#options.apps, wanted.key), socketId);
    const admission = door.admit(hub, new PusherCandidate(upgrade, wanted.protocol, dialogue, socketId));
    const open = (admitted: Admission) => this.#open(upgrade, hub, admitted, { dialogue, app: wanted.app });
    if (!(admission instanceof Promise)) return open(admission);
    return this.#openOnceAdmitted(upgrade, hub, wanted.protocol, admission, open);
  }

  /** What the client sends meanwhile is read once it is admitted. */
  async #openOnceAdmitted(
    upgrade: Upgrade,
    hub: Hub,
    protocol: Protocol,
    admission: Promise<Admission>,
    open: (admitted: Admission) => Arrival,
  ): Promise<Arrival> {
    const ws = upgrade.finish(undefined, protocol);
    ws?.pause();
    try {
      const admitted = await admission;
      if (ws === undefined) return abandoned(hub, admitted);
      if (this.#door.isOpen) return open(admitted);
      hub.lifecycle.abandon(admitted);
      throw notReady();
    } catch (error) {
      if (ws === undefined) return 'left';
      throw error instanceof ConnectRefused ? refusedByHandler(error) : error;
    } finally {
      ws?.resume();
    }
  }

  #open(
    upgrade: Upgrade,
    hub: Hub,
    admission: Admission,
    { dialogue, app }: { readonly dialogue: PusherDialogue; readonly app: PusherApp },
  ): Arrival {
    const arrival = this.#door.open(upgrade, hub, admission);
    if (typeof arrival === 'string') return arrival;
    const ws = upgrade.openSocket();
    ws?.limitMessages(maxMessageBytesOf(app)); // it reads from the next turn on
    const { authorizationTimeoutMs } = app;
    if (authorizationTimeoutMs !== undefined) {
      const { clock } = this.#options;
      ws?.once(
        'close',
        clock.after(authorizationTimeoutMs, () => endUnauthorized(hub, arrival, dialogue)),
      );
    }
    return arrival;
  }
}

/** @throws ClosedUpgrade */
function keyOf(path: string): string {
  const [, key] = appPath.exec(path) ?? [];
  if (key !== undefined) return key;
  throw new ClosedUpgrade('notFound', 'Pusher clients connect at /app/{key}', closeCodes.badPath);
}

/** @throws ClosedUpgrade */
function checkOrigin({ allowedOrigins }: PusherApp, { request }: Upgrade): void {
  if (allowedOrigins === undefined) return;
  const origin = headerOf(request, 'origin');
  if (origin === undefined || isOriginAllowed(allowedOrigins, origin)) return;
  throw new ClosedUpgrade('forbidden', 'Pages of this origin may not connect', closeCodes.unauthorized);
}

/** 7 where it is left out, as old clients and simple tools do; `NaN` where it is no number. [PW §3.1, §7, row 30] */
function versionOf(query: Query): number {
  const text = query.get('protocol') ?? '';
  if (text === '') return versions.newest;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** @throws ClosedUpgrade */
function checkedVersion(upgrade: Upgrade): number {
  const query = readQuery(upgrade.query);
  const version = versionOf(query);
  if (Number.isNaN(version) || (query.get('version') ?? '').length > longestVersion) {
    throw new ClosedUpgrade('invalid', 'protocol must be a number, and version a short text', closeCodes.badVersion);
  }
  if (version >= versions.oldest && version <= versions.newest) return version;
  const range = `${versions.oldest} to ${versions.newest}`;
  throw new ClosedUpgrade('invalid', `protocol must be ${range}`, closeCodes.unsupportedProtocol);
}

/** Those that come now must wait; `reconnect` would have them come back at once, again and again. */
function notReady(): PubSubError {
  return new ClosedUpgrade('shuttingDown', 'The service is starting or shutting down', closeCodes.overCapacity);
}

/** The handler's own answer, unless it may be another one later. */
function refusedByHandler(refusal: ConnectRefused): PubSubError {
  const { status, body } = refusal;
  if (status < 400 || status >= 500 || waitingStatuses.has(status)) return refusal;
  const text =
    body === undefined || body.length === 0 ? 'The app server refused the connection' : body.toString('utf8');
  return new ClosedUpgrade('forbidden', text, closeCodes.unauthorized);
}

/** Request Timeout and Too Many Requests. */
const waitingStatuses: ReadonlySet<number> = new Set([408, 429]);

function abandoned(hub: Hub, admission: Admission): Arrival {
  hub.lifecycle.abandon(admission);
  return 'left';
}

function endUnauthorized(hub: Hub, connection: Connection, dialogue: PusherDialogue): void {
  if (!connection.isAlive || dialogue.isAuthorized) return;
  const message = 'Connection not authorized within timeout';
  hub.lifecycle.fail(connection, new PubSubError('unauthorized', message));
}
