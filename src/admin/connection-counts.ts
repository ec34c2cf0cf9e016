import { Counter, Gauge, type Registry } from 'prom-client';
import type { CloseCategory } from '../errors.js';
import type { HubLabels } from './hub-labels.js';
import { PerProtocol } from './per-protocol.js';

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
 * Connections by hub and protocol. As for `Traffic`, prom-client hears the numbers when metrics are read: its labels
 * cost more than all else that a connection's beginning and end are told to observers.
 */
export class ConnectionCounts {
  readonly #hubs: HubLabels;
  readonly #tallies = new PerProtocol((hub, protocol) => new Tally(hub, protocol));

  constructor(registry: Registry, prefix: string, hubs: HubLabels) {
    this.#hubs = hubs;
    const labelNames = ['hub', 'protocol'] as const;
    const tallies = this.#tallies;
    new Gauge({
      name: `${prefix}connections`,
      help: 'Connections now, detached reliable ones included',
      labelNames,
      registers: [registry],
      collect() {
        for (const { hub, protocol, now } of tallies) this.set({ hub, protocol }, now);
      },
    });
    new Counter({
      name: `${prefix}connections_opened_total`,
      help: 'Connections opened',
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { hub, protocol, opened } of tallies) this.inc({ hub, protocol }, opened);
      },
    });
    new Counter({
      name: `${prefix}connections_closed_total`,
      help: 'Connections closed',
      labelNames: [...labelNames, 'category'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { hub, protocol, closed } of tallies) {
          for (const [category, count] of closed) this.inc({ hub, protocol, category }, count);
        }
      },
    });
  }

  opened(hub: string, protocol: string): void {
    const tally = this.#tallies.of(this.#hubs.opened(hub), protocol);
    tally.opened += 1;
    tally.now += 1;
  }

  closed(hub: string, protocol: string, category: CloseCategory): void {
    const tally = this.#tallies.of(this.#hubs.closed(hub), protocol);
    tally.now -= 1;
    tally.closed.set(category, (tally.closed.get(category) ?? 0) + 1);
  }
}
