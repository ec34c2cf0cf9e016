import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoints } from '../auth/endpoints.js';
import { PubSubError } from '../errors.js';
import type { Observer } from '../hub/ports.js';
import { headerOf } from '../listener/header-lines.js';
import { requestTarget } from '../listener/request-target.js';
import { canonicalHubName } from '../protocols/names.js';
import { Door, type DoorOptions } from './door.js';
import type { Arrival, Entrance } from './entrances/entrance.js';
import { isWebSocketUpgrade, OtherUpgrades } from './other-upgrade.js';
import { Upgrade, type UpgradeParts } from './upgrade.js';

export interface GatewayOptions extends DoorOptions {
  /** Each is made with the door that all of them use. The first that serves a path takes its upgrades. */
  readonly entrances: readonly ((door: Door) => Entrance)[];
  readonly endpoints: Pick<Endpoints, 'basePaths'>;
  readonly observer: Observer;
  /** Are successful upgrades reported to the observer? */
  readonly tracesUpgrades: boolean;
}

/** Hands upgrade requests to their entrances; counts handshakes and open sockets, and reports how upgrades ended. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #door: Door;
  readonly #entrances: readonly Entrance[];
  readonly #upgradeParts: UpgradeParts;
  #others: OtherUpgrades | undefined;
  /** Handshakes under way: upgrades whose entrance has not let the client in, or refused it. */
  #pending = 0;
  /** Those of them that are finished: clients that are admitted on their WebSocket. */
  readonly #newcomers = new Set<Upgrade>();
  /** Sockets that are open or closing. */
  #sockets = 0;
  #emptied: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    const door = new Door(options);
    this.#options = options;
    this.#door = door;
    this.#entrances = options.entrances.map(entranceAt => entranceAt(door));
    this.#upgradeParts = {
      endpoints: options.endpoints,
      clock: options.clock,
      onSocketOpened: () => {
        this.#sockets += 1;
      },
      onSocketClosed: () => {
        this.#sockets -= 1;
        this.#tellWhenEmpty();
      },
    };
  }

  /** Takes the server's WebSocket upgrades from now on. @param options that the server was made with */
  serve(server: Server, options: ServerOptions): void {
    const others = new OtherUpgrades(server, options);
    this.#others = others;
    server.on('upgrade', (request, socket, head) => {
      if (isWebSocketUpgrade(request) && this.#isOfClient(request)) this.#handle(request, socket, head);
      else others.ignore(request, socket, head);
    });
  }

  /** Or is it a call of an app server, to which a proxy has added the offer of a WebSocket, as it does to all requests? */
  #isOfClient(request: IncomingMessage): boolean {
    if (request.method === 'GET' && headerOf(request, 'sec-websocket-key') !== undefined) return true;
    const [path = ''] = requestTarget(request, this.#options.endpoints.basePaths).split('?', 1);
    return this.#entrances.some(each => each.serves(path));
  }

  /** Never throws or rejects. */
  #handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#pending += 1;
    const upgrade = new Upgrade(request, socket as Socket, head, this.#upgradeParts);
    let arrival: Arrival | Promise<Arrival> = 'left';
    try {
      arrival = this.#entranceAt(upgrade.path).take(upgrade);
    } catch (error) {
      this.#refuse(upgrade, error);
    }
    if (!upgrade.isFinished) socket.on('error', ignore); // ws listens on the others; none is emitted within this call
    if (arrival instanceof Promise) this.#await(upgrade, arrival);
    else this.#over(upgrade, arrival);
  }

  #await(upgrade: Upgrade, arriving: Promise<Arrival>): void {
    const isNewcomer = upgrade.isFinished;
    if (isNewcomer) this.#newcomers.add(upgrade);
    const over = (arrival: Arrival) => {
      if (isNewcomer) this.#newcomers.delete(upgrade);
      this.#over(upgrade, arrival);
    };
    arriving.then(over, error => {
      this.#refuse(upgrade, error);
      over('left');
    });
  }

  /** @throws PubSubError `notFound` */
  #entranceAt(path: string): Entrance {
    const entrance = this.#entrances.find(each => each.serves(path));
    if (entrance !== undefined) return entrance;
    throw new PubSubError(
      'notFound',
      `clients connect at ${this.#entrances.map(({ location }) => location).join(', ')}`,
    );
  }

  /** Refuses clients that have a WebSocket and are not admitted yet: no connection's end would close them. */
  evictNewcomers(): void {
    const error = new PubSubError('shuttingDown', 'the service is shutting down');
    for (const upgrade of this.#newcomers) this.#refuse(upgrade, error);
  }

  /** Settles once no handshake is under way and every socket is closed. */
  whenEmpty(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise(resolve => this.#emptied.push(resolve));
  }

  stop(): void {
    this.#door.stop();
    this.#others?.close();
  }

  #isEmpty(): boolean {
    return this.#pending === 0 && this.#sockets === 0;
  }

  #tellWhenEmpty(): void {
    if (!this.#isEmpty()) return;
    for (const tell of this.#emptied.splice(0)) tell();
  }

  /** One handshake is over, however it ended. */
  #over(upgrade: Upgrade, arrival: Arrival): void {
    this.#pending -= 1;
    this.#tellWhenEmpty();
    const { observer, tracesUpgrades } = this.#options;
    if (!tracesUpgrades || arrival === 'left') return;
    observer.upgraded({
      hub: canonicalHubName(hubLabelOf(upgrade)),
      connectionId: arrival === 'turnedAway' ? undefined : arrival.id,
      path: upgrade.loggedPath,
      status: 101,
      durationMs: upgrade.durationMs,
    });
  }

  #refuse(upgrade: Upgrade, cause: unknown): void {
    const { observer } = this.#options;
    if (PubSubError.from(cause).kind === 'internal') observer.fault('upgrade', cause);
    const refused = upgrade.refuse(cause);
    if (refused === undefined) return;
    observer.connectionRefused({
      hub: hubLabelOf(upgrade),
      status: refused.status,
      reason: refused.reason,
      method: upgrade.request.method ?? '',
      path: upgrade.loggedPath,
      durationMs: upgrade.durationMs,
    });
  }
}

/** A socket's error is followed by its `close`, which is where endings are handled. */
function ignore(): void {}

/** The hub's name for logs, when the request got as far as having one. */
function hubLabelOf({ hub }: Upgrade): string {
  return hub.slice(0, 128);
}
