import type { Counter, Gauge, Registry } from 'prom-client';
import { Distribution } from './distribution.js';
import { counter, gauge, histogram } from './registered.js';

const states = ['present', 'silent', 'absent'] as const;
const ways = ['sent', 'received', 'repeated', 'dropped'] as const;
type Way = (typeof ways)[number];

/** Upper ends in seconds; a barrier is through after 1 s at the latest. */
const barrierEnds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];

/** Upper ends in seconds; without a leader an append takes until there is one again. */
const appendEnds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10];

/** What is read when metrics are. */
export interface BusState {
  readonly keptBytes: number;
  /** Other nodes. */
  countOf(state: (typeof states)[number]): number;
}

/** What a node tells of its cluster. [cluster 10] */
export class ClusterMetrics {
  readonly #connected: Gauge;
  readonly #counts: Record<Way, number> = { sent: 0, received: 0, repeated: 0, dropped: 0 };
  readonly #partialQueries: Counter;
  readonly #barriers = new Distribution(barrierEnds);
  readonly #takeovers: Counter;
  readonly #appends = new Distribution(appendEnds);
  #state: BusState | undefined;
  #leaseAgeMs: (() => number) | undefined;
  #configs = 1;

  constructor(registry: Registry) {
    this.#connected = gauge(registry, 'hubwire_bus_connected');
    counter(registry, 'hubwire_bus_envelopes_total', counted => {
      for (const way of ways) counted.inc({ way }, this.#counts[way]);
    });
    gauge(registry, 'hubwire_bus_ring_bytes', bytes => bytes.set(this.#state?.keptBytes ?? 0));
    histogram(registry, 'hubwire_barrier_seconds', () => [[{}, this.#barriers]]);
    this.#partialQueries = counter(registry, 'hubwire_query_partial_total');
    gauge(registry, 'hubwire_lease_age_seconds', seconds => {
      const ageMs = this.#leaseAgeMs?.() ?? Number.POSITIVE_INFINITY;
      seconds.set(Number.isFinite(ageMs) ? ageMs / 1_000 : 0);
    });
    gauge(registry, 'hubwire_cluster_configs', configs => configs.set(this.#configs));
    this.#takeovers = counter(registry, 'hubwire_takeovers_total');
    histogram(registry, 'hubwire_ledger_append_seconds', () => [[{}, this.#appends]]);
    gauge(registry, 'hubwire_cluster_nodes', nodes => {
      for (const state of states) nodes.set({ state }, this.#state?.countOf(state) ?? 0);
    });
  }

  /** Where gauges are read from now on. @param leaseAgeMs infinite before the first lease is stored */
  follow(state: BusState, leaseAgeMs: () => number): void {
    this.#state = state;
    this.#leaseAgeMs = leaseAgeMs;
  }

  /** This node speaks for another one, which is gone. */
  takenOver(): void {
    this.#takeovers.inc();
  }

  /** How many configurations the nodes run. */
  configs(count: number): void {
    this.#configs = count;
  }

  appended(durationMs: number): void {
    this.#appends.add(durationMs / 1_000);
  }

  /** Is there a connection to NATS for what nodes send to each other? */
  busConnected(isConnected: boolean): void {
    this.#connected.set(isConnected ? 1 : 0);
  }

  /** Hot path: only adds to a number. */
  envelope(way: Way): void {
    this.#counts[way] += 1;
  }

  barrierPassed(durationMs: number): void {
    this.#barriers.add(durationMs / 1_000);
  }

  partialQuery(): void {
    this.#partialQueries.inc();
  }
}
