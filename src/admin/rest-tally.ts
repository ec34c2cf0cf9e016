import type { Registry } from 'prom-client';
import { Distribution } from './distribution.js';
import { counter, histogram } from './registered.js';

/** Upper bounds in seconds: a send takes well below a millisecond, work for many connections seconds. */
const bucketEnds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The calls of one operation. */
class Tally {
  readonly statuses = new Map<number, number>();
  /** In seconds. */
  readonly times = new Distribution(bucketEnds);
}

/** REST calls by operation. Hot path: as for `Traffic`, each call only adds to numbers. */
export class RestTally {
  /** Bounded by the number of operations. */
  readonly #tallies = new Map<string, Tally>();

  constructor(registry: Registry) {
    const tallies = this.#tallies;
    counter(registry, 'hubwire_rest_requests_total', total => {
      for (const [operation, { statuses }] of tallies) {
        for (const [status, count] of statuses) total.inc({ operation, status: String(status) }, count);
      }
    });
    histogram(registry, 'hubwire_rest_request_duration_seconds', () =>
      [...tallies].map(([operation, { times }]) => [{ operation }, times] as const),
    );
  }

  finished(operation: string, status: number, durationMs: number): void {
    const tally = this.#tallies.get(operation) ?? this.#add(operation);
    tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
    tally.times.add(durationMs / 1000);
  }

  #add(operation: string): Tally {
    const tally = new Tally();
    this.#tallies.set(operation, tally);
    return tally;
  }
}
