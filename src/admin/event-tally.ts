import { Counter, type Histogram, type Registry } from 'prom-client';
import type { EventKind, EventOutcome } from '../hub/ports.js';

/** Upper ends in seconds, from a neighbour's answer to the delivery time-out. */
const bucketEnds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100];

/** The events of one kind. */
class Tally {
  readonly outcomes = new Map<EventOutcome, number>();
  attempts = 0;
  /** Events for which somebody was asked, so that there is a time to speak of. */
  timed = 0;
  totalMs = 0;
  /** By bucket, each counting what is in no earlier one; longer times are in none. */
  readonly buckets = new Float64Array(bucketEnds.length);

  add(outcome: EventOutcome, durationMs: number, attempts: number): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (attempts === 0) return;
    this.attempts += attempts;
    this.timed += 1;
    this.totalMs += durationMs;
    const bucket = bucketEnds.findIndex(end => durationMs <= end * 1000);
    if (bucket >= 0) this.buckets[bucket]! += 1;
  }
}

/**
 * Events by kind: outcomes, attempts and times. As for `Traffic`, what is done for each event only adds numbers, a tenth
 * of what prom-client takes for them; it hears the sums when metrics are read.
 */
export class EventTally {
  readonly #tallies = new Map<EventKind, Tally>();

  constructor(registry: Registry, prefix: string) {
    this.#countOutcomes(registry, `${prefix}events_total`);
    this.#countAttempts(registry, `${prefix}event_attempts_total`);
    this.#showTimes(registry, `${prefix}event_duration_seconds`);
  }

  finished(kind: EventKind, outcome: EventOutcome, durationMs: number, attempts: number): void {
    let tally = this.#tallies.get(kind);
    if (tally === undefined) {
      tally = new Tally();
      this.#tallies.set(kind, tally);
    }
    tally.add(outcome, durationMs, attempts);
  }

  #countOutcomes(registry: Registry, name: string): void {
    const tallies = this.#tallies;
    new Counter({
      name,
      help: 'Events to upstreams',
      labelNames: ['kind', 'outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [kind, { outcomes }] of tallies) {
          for (const [outcome, count] of outcomes) this.inc({ kind, outcome }, count);
        }
      },
    });
  }

  #countAttempts(registry: Registry, name: string): void {
    const tallies = this.#tallies;
    new Counter({
      name,
      help: 'Requests made to deliver events',
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [kind, { attempts }] of tallies) if (attempts > 0) this.inc({ kind }, attempts);
      },
    });
  }

  /** A Histogram takes times only one by one, but a registry takes whatever can `get` its values. */
  #showTimes(registry: Registry, name: string): void {
    const help = 'Time from an event to its outcome, retries included';
    const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: this.#times(name) });
    registry.registerMetric({ name, help, type: 'histogram', get } as unknown as Histogram<'kind'>);
  }

  #times(name: string): object[] {
    return [...this.#tallies]
      .filter(([, { timed }]) => timed > 0)
      .flatMap(([kind, { buckets, timed, totalMs }]) => {
        let below = 0;
        const upTo = bucketEnds.map((le, index) => {
          below += buckets[index]!;
          return { metricName: `${name}_bucket`, labels: { le, kind }, value: below };
        });
        return [
          ...upTo,
          { metricName: `${name}_bucket`, labels: { le: '+Inf', kind }, value: timed },
          { metricName: `${name}_sum`, labels: { kind }, value: totalMs / 1000 },
          { metricName: `${name}_count`, labels: { kind }, value: timed },
        ];
      });
  }
}
