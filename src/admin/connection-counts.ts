import type { Registry } from 'prom-client';
import type { CloseCategory } from '../errors.js';
import type { HubLabels } from './hub-labels.js';
import { PerProtocol } from './per-protocol.js';
import { counter, gauge } from './registered.js';

/** Connections of one hub and protocol. */
class Tally {
  opened = 0;
  now = 0;
  readonly closed = new Map<CloseCategory, number>();

  constructor(
    readonly hub: string,
    readonly protocol: string,
  ) {}
}

/**
 * Connections by hub and protocol. Hot path: as for `Traffic`, prom-client gets the numbers when metrics are read: its labels
 * cost more than all else that a connection's beginning and end are told to observers.
 */
export class ConnectionCounts {
  readonly #hubs: HubLabels;
  readonly #tallies = new PerProtocol((hub, protocol) => new Tally(hub, protocol));

  constructor(registry: Registry, hubs: HubLabels) {
    this.#hubs = hubs;
    const tallies = this.#tallies;
    gauge(registry, 'hubwire_connections', connections => {
      for (const { hub, protocol, now } of tallies) connections.set({ hub, protocol }, now);
    });
    counter(registry, 'hubwire_connections_opened_total', total => {
      for (const { hub, protocol, opened } of tallies) total.inc({ hub, protocol }, opened);
    });
    counter(registry, 'hubwire_connections_closed_total', total => {
      for (const { hub, protocol, closed } of tallies) {
        for (const [category, count] of closed) total.inc({ hub, protocol, category }, count);
      }
    });
  }

  opened(hub: string, protocol: string): void {
    const tally = this.#tallies.of(this.#hubs.opened(hub), protocol);
    tally.opened += 1;
    tally.now += 1;
  }

  /** An open connection that came from another node. */
  takenOver(hub: string, protocol: string): void {
    this.#tallies.of(this.#hubs.opened(hub), protocol).now += 1;
  }

  /** One that goes on on another node. */
  handedOver(hub: string, protocol: string): void {
    this.#tallies.of(this.#hubs.closed(hub), protocol).now -= 1;
  }

  closed(hub: string, protocol: string, category: CloseCategory): void {
    const tally = this.#tallies.of(this.#hubs.closed(hub), protocol);
    tally.now -= 1;
    tally.closed.set(category, (tally.closed.get(category) ?? 0) + 1);
  }
}
