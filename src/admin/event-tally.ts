import type { Registry } from 'prom-client';
import type { EventKind, EventOutcome } from '../hub/facts.js';
import { Distribution } from './distribution.js';
import type { HubLabels } from './hub-labels.js';
import { counter, histogram } from './registered.js';

/** Upper ends in seconds, from a neighbour's answer to the delivery time-out. */
const bucketEnds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100];

/** The events of one hub and kind. */
class Tally {
  readonly outcomes = new Map<EventOutcome, number>();
  attempts = 0;
}

/**
 * Events by hub and kind: outcomes and attempts; times by kind. Hot path: as for `Traffic`, each event only adds to
 * numbers; prom-client gets the sums when metrics are read.
 */
export class EventTally {
  readonly #hubs: HubLabels;
  readonly #tallies = new Map<string, Map<EventKind, Tally>>();
  /** In seconds, of events that were sent, so that they have a duration. */
  readonly #times = new Map<EventKind, Distribution>();

  constructor(registry: Registry, hubs: HubLabels) {
    this.#hubs = hubs;
    counter(registry, 'hubwire_events_total', total => {
      for (const [labels, { outcomes }] of this.#each()) {
        for (const [outcome, count] of outcomes) total.inc({ ...labels, outcome }, count);
      }
    });
    counter(registry, 'hubwire_event_attempts_total', total => {
      for (const [labels, { attempts }] of this.#each()) if (attempts > 0) total.inc(labels, attempts);
    });
    histogram(registry, 'hubwire_event_duration_seconds', () =>
      [...this.#times].map(([kind, times]) => [{ kind }, times] as const),
    );
  }

  finished(hub: string, kind: EventKind, outcome: EventOutcome, durationMs: number, attempts: number): void {
    const tally = this.#tallyOf(this.#hubs.of(hub), kind);
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
    if (attempts === 0) return;
    tally.attempts += attempts;
    const times = this.#times.get(kind) ?? new Distribution(bucketEnds);
    if (times.count === 0) this.#times.set(kind, times);
    times.add(durationMs / 1000);
  }

  *#each(): Iterable<readonly [labels: { hub: string; kind: EventKind }, tally: Tally]> {
    for (const [hub, kinds] of this.#tallies) for (const [kind, tally] of kinds) yield [{ hub, kind }, tally];
  }

  #tallyOf(hub: string, kind: EventKind): Tally {
    return this.#tallies.get(hub)?.get(kind) ?? this.#add(hub, kind);
  }

  #add(hub: string, kind: EventKind): Tally {
    const tally = new Tally();
    const kinds = this.#tallies.get(hub) ?? new Map<EventKind, Tally>();
    this.#tallies.set(hub, kinds.set(kind, tally));
    return tally;
  }
}
