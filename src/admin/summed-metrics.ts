import { AggregatorRegistry, Registry } from 'prom-client';
import { counter, gauge } from './registered.js';

/** The metrics of one process, as prom-client represents them. */
export type MetricsRecord = readonly object[];

export interface WorkerCounts {
  readonly ready: number;
  readonly paused: number;
  readonly silent: number;
  readonly configured: number;
  readonly restarts: number;
}

export interface SummedMetricsOptions {
  /** What the workers have counted, by the place of each; of one that is left out the last figures stay. */
  readonly collect: () => Promise<ReadonlyMap<number, MetricsRecord>>;
  readonly workers: () => WorkerCounts;
}

/** The types whose values only grow: what a process has counted stays true when it has ended. */
const lasting: ReadonlySet<unknown> = new Set(['counter', 'histogram']);

/**
 * The metrics of several processes as one. Values are summed up, except where the catalog says otherwise. What an ended process had
 * counted when it was last read stays in the sums: a sum that went down would look like growth from 0 to Prometheus.
 */
export class SummedMetrics {
  readonly #options: SummedMetricsOptions;
  readonly #own = new Registry();
  readonly #last = new Map<number, MetricsRecord>();
  #ended: MetricsRecord = [];

  constructor(options: SummedMetricsOptions) {
    this.#options = options;
    gauge(this.#own, 'hubwire_workers', workers => {
      const { ready, paused, silent, configured } = options.workers();
      workers.set({ state: 'ready' }, ready);
      workers.set({ state: 'paused' }, paused);
      workers.set({ state: 'silent' }, silent);
      workers.set({ state: 'missing' }, configured - ready - paused - silent);
    });
    counter(this.#own, 'hubwire_worker_restarts_total', total => total.inc(options.workers().restarts));
  }

  get contentType(): string {
    return this.#own.contentType;
  }

  /** All metrics in Prometheus' text format. */
  async render(): Promise<string> {
    for (const [place, record] of await this.#options.collect()) this.#last.set(place, record);
    const sums = summed([this.#ended, ...this.#last.values()]);
    return `${await sums.metrics()}\n${await this.#own.metrics()}`;
  }

  /** The process at this place has ended. */
  async ended(place: number): Promise<void> {
    const record = this.#last.get(place);
    this.#last.delete(place);
    if (record === undefined) return;
    this.#ended = await summed([this.#ended, record.filter(isLasting)]).getMetricsAsJSON();
  }
}

function summed(records: readonly MetricsRecord[]): Registry {
  return AggregatorRegistry.aggregate(records.filter(({ length }) => length > 0).map(record => [...record]));
}

function isLasting(metric: object): boolean {
  return 'type' in metric && lasting.has(metric.type);
}
