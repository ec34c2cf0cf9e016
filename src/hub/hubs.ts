import { PubSubError } from '../errors.js';
import { appHubPrefix, canonicalHubName, isHubName } from '../protocols/names.js';
import type { Target } from './commands.js';
import { MessageCache } from './features/cache.js';
import type { GoneConnection } from './gone.js';
import { Hub } from './hub.js';
import type { HubParts, HubPorts } from './hub-parts.js';
import type { BackplaneNode, Performer } from './ports.js';
import type { Steps } from './slices.js';
import type { Watched, WatchTarget } from './watches.js';

/** A Web PubSub hub by its name, or the hub of a Pusher app, which no such name can spell. [design 8] */
export type HubName = string | { readonly app: string };

/**
 * Finds a hub by its name. A hub needs no configuration: it is created for its first client and removed after its last
 * one, when it is empty. [client-protocols 1.1]
 */
export class Hubs implements BackplaneNode, Watched {
  readonly #hubs = new Map<string, Hub>();
  readonly #ports: HubParts;
  /** Without clients on this node, for those of a node that is gone. */
  readonly #onlyElsewhere = new Map<string, Hub>();

  constructor(ports: HubPorts) {
    this.#ports = { ...ports, cache: new MessageCache(ports.clock, ports.backplane) };
    ports.backplane.attach(this);
    ports.watches.attach(this);
  }

  /** For a client that is about to connect: creates and keeps the hub if there is none. @throws as `find` */
  get(name: HubName): Hub {
    const key = keyOf(name);
    const known = this.#hubs.get(key);
    if (known !== undefined) return known;
    const hub: Hub = new Hub(key, this.#ports, () => this.#forget(hub));
    this.#hubs.set(key, hub);
    return hub;
  }

  /**
   * For one call that adds no client. If the hub has no clients, one is created for the call and not kept, so that unused
   * names take no memory; the call reaches other nodes all the same. @throws as `find`
   */
  reach(name: HubName): Hub {
    return this.find(name) ?? new Hub(keyOf(name), this.#ports);
  }

  /** A hub with clients, or with clients that are being admitted; in any letter case. @throws PubSubError `invalid` for what cannot be a hub's name */
  find(name: HubName): Hub | undefined {
    return this.#hubs.get(keyOf(name));
  }

  /** Connections on this node, of all hubs. */
  get size(): number {
    let total = 0;
    for (const hub of this.#hubs.values()) total += hub.size;
    return total;
  }

  /** Clients that are being admitted, to all hubs. */
  get admitting(): number {
    let total = 0;
    for (const hub of this.#hubs.values()) total += hub.lifecycle.admitting;
    return total;
  }

  /** Bytes that wait in the queues of sockets on this node, of all hubs. Summed when it is called. */
  async queuedBytes(): Promise<number> {
    return await this.#ports.slices.run(this.#queuedBytes());
  }

  *#queuedBytes(): Steps<number> {
    let bytes = 0;
    for (const hub of this.#hubs.values()) bytes += yield* hub.queuedBytes();
    return bytes;
  }

  /** Ends the session whose client is longest away, in whichever hub. False when none is away. */
  endLongestAway(): boolean {
    let longest: Hub | undefined;
    for (const hub of this.#hubs.values()) {
      if (
        (hub.lifecycle.longestAwaySinceMs ?? Number.POSITIVE_INFINITY) <
        (longest?.lifecycle.longestAwaySinceMs ?? Number.POSITIVE_INFINITY)
      )
        longest = hub;
    }
    return longest?.lifecycle.endLongestAway() ?? false;
  }

  /** One with clients, also that of an app. @param key its canonical name */
  at(key: string): Hub | undefined {
    return this.#hubs.get(key);
  }

  all(): Iterable<Hub> {
    return this.#hubs.values();
  }

  /** As `Hub.endElsewhere`. @param hub canonical name */
  endElsewhere(hub: string, connection: GoneConnection): void {
    (this.#hubs.get(hub) ?? this.#elsewhere(hub)).endElsewhere(connection);
  }

  /** One for all calls of a turn: what they tell of the same group or user is told together. */
  #elsewhere(name: string): Hub {
    const hub = this.#onlyElsewhere.get(name) ?? new Hub(name, this.#ports);
    const isFirst = this.#onlyElsewhere.size === 0;
    this.#onlyElsewhere.set(name, hub);
    if (isFirst) this.#ports.turn.atEnd(() => this.#onlyElsewhere.clear());
    return hub;
  }

  performerOf(hub: string): Performer | undefined {
    const known = this.#hubs.get(hub);
    if (known !== undefined) return known.performer;
    return this.#ports.cache.has(hub) ? new Hub(hub, this.#ports).performer : undefined;
  }

  /** Expected failures are the caller's, who gets no answer. */
  failed({ hub }: Target, error: unknown): void {
    const { kind } = PubSubError.from(error);
    if (kind === 'internal') this.#ports.observer.fault(`request of another node for hub ${hub}`, error);
  }

  /** For `Watches`. */
  remark({ hub: name, connectionId }: WatchTarget): void {
    for (const hub of this.#hubs.values()) if (name === undefined || name === hub.name) hub.remark(connectionId);
  }

  #forget(hub: Hub): void {
    if (this.#hubs.get(hub.name) === hub) this.#hubs.delete(hub.name);
  }
}

function keyOf(name: HubName): string {
  if (typeof name !== 'string') return appHubPrefix + name.app;
  if (isHubName(name)) return canonicalHubName(name);
  throw new PubSubError('invalid', 'a hub name is a letter followed by up to 127 letters, digits and _ ` , . [ ]');
}
