import { Counter, Gauge, type Registry } from 'prom-client';
import type { CloseCategory } from '../errors.js';
import type { HubLabels } from './hub-labels.js';

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
  /** By label, then protocol. */
  readonly #tallies = new Map<string, Map<string, Tally>>();

  constructor(registry: Registry, prefix: string, hubs: HubLabels) {
    this.#hubs = hubs;
    const labelNames = ['hub', 'protocol'] as const;
    const all = () => this.#all();
    new Gauge({
      name: `${prefix}connections`,
      help: 'Connections now, detached reliable ones included',
      labelNames,
      registers: [registry],
      collect() {
        for (const { hub, protocol, now } of all()) this.set({ hub, protocol }, now);
      },
    });
    new Counter({
      name: `${prefix}connections_opened_total`,
      help: 'Connections opened',
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { hub, protocol, opened } of all()) this.inc({ hub, protocol }, opened);
      },
    });
    new Counter({
      name: `${prefix}connections_closed_total`,
      help: 'Connections closed',
      labelNames: [...labelNames, 'category'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { hub, protocol, closed } of all()) {
          for (const [category, count] of closed) this.inc({ hub, protocol, category }, count);
        }
      },
    });
  }

  opened(hub: string, protocol: string): void {
    const tally = this.#tally(this.#hubs.opened(hub), protocol);
    tally.opened += 1;
    tally.now += 1;
  }

  closed(hub: string, protocol: string, category: CloseCategory): void {
    const tally = this.#tally(this.#hubs.closed(hub), protocol);
    tally.now -= 1;
    tally.closed.set(category, (tally.closed.get(category) ?? 0) + 1);
  }

  #tally(hub: string, protocol: string): Tally {
    return this.#tallies.get(hub)?.get(protocol) ?? this.#add(hub, protocol);
  }

  #add(hub: string, protocol: string): Tally {
    const tally = new Tally(hub, protocol);
    const ofHub = this.#tallies.get(hub) ?? new Map<string, Tally>();
    this.#tallies.set(hub, ofHub.set(protocol, tally));
    return tally;
  }

  *#all(): Iterable<Tally> {
    for (const ofHub of this.#tallies.values()) yield* ofHub.values();
  }
}
