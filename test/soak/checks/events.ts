import type { EventKind } from '../../../src/hub/facts.js';
import type { Tally } from '../app/tally.js';
import type { Ledger } from '../load/ledger.js';
import type { Samples } from '../server/metrics.js';
import { ascending, equalWithin, list, none, type Row } from './row.js';

const kinds: readonly EventKind[] = ['connect', 'connected', 'user', 'joined', 'left', 'disconnected'];

export function eventRows(samples: Samples, ledger: Ledger, tally: Tally): Row[] {
  return [
    ...kinds.map(kind => kindRow(kind, samples, tally)),
    ascending(
      'user events have one outcome each',
      ['answered to their clients', answered(ledger)],
      ['outcomes', samples.sum('events_total', { kind: 'user' })],
      ['sent by clients', ledger.eventsSent],
    ),
    none('acks that say something else than the app server did', contradictions(ledger, tally)),
    list('outcomes', samples.by('events_total', 'outcome')),
    list('what clients were answered', Object.entries(ledger.answers)),
  ];
}

/**
 * Once its app server was asked, an event has a duration when it has ended. Those of inactive handlers, and those that no
 * handler takes, have none. Every try arrives: app servers refuse no connection. What
 * becomes of a try that the service cancels, since its client has left or cancelled its invocation, is a matter of chance.
 */
function kindRow(kind: EventKind, samples: Samples, tally: Tally): Row {
  const { events, tries, taken, refused } = tally.totals(kind);
  const outcomes = (outcome: string) => samples.sum('events_total', { kind, outcome });
  return equalWithin(
    ['cancelled', outcomes('cancelled')],
    `\`${kind}\` events: counted = at app servers`,
    [
      ['ended', samples.sum('event_duration_seconds_count', { kind })],
      ['asked about', events],
    ],
    [
      ['tries', samples.sum('event_attempts_total', { kind })],
      ['arrived', tries],
    ],
    [
      ['successes', outcomes('success')],
      ['taken', taken],
    ],
    [
      ['refusals', outcomes('refused')],
      ['declined', kind === 'connect' ? refused : 0],
    ],
  );
}

/** Each event is taken once when its client was told so, never when it was told the opposite, and in no case twice. */
export function contradictions({ events }: Pick<Ledger, 'events'>, tally: Pick<Tally, 'marked'>): string[] {
  return [...events].flatMap(([mark, outcome]) => {
    const events = tally.marked(mark);
    const taken = events.filter(({ isTaken }) => isTaken).length;
    const expected = { success: [1], duplicate: [1], failed: [0], lost: [0, 1] }[outcome];
    return expected.includes(taken)
      ? []
      : [
          `${mark}: ${outcome}, taken ${taken} times (${events.map(({ name, tries }) => `${name}, tries: ${tries}`).join('; ')})`,
        ];
  });
}

function answered({ events }: Ledger): number {
  return [...events.values()].filter(outcome => outcome !== 'lost').length;
}
