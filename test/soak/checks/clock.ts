import type { ClockRecord, Ledger } from '../load/ledger.js';
import type { Samples } from '../server/metrics.js';
import { ascending, equal, none, type Row } from './row.js';

/** Steps of the wall clock end no connection and no token that has life left. */
export function clockRows(samples: Samples, { clock, unresponsive }: Pick<Ledger, 'clock' | 'unresponsive'>): Row[] {
  return [
    equal('steps of the wall clock', [
      [`made (${stepsOf(clock)})`, clock.steps.length],
      ['taken by the service', clock.steps.filter(({ isTaken }) => isTaken).length],
    ]),
    none(`connections lost, of ${clock.idleClients} idle clients that answer pings`, clock.idleClosed),
    ascending(
      'connections closed for unanswered pings',
      ['PingTimeout', samples.sum('connections_closed_total', { category: 'PingTimeout' })],
      ['of clients that answer none', unresponsive],
    ),
    none('tokens with life left that were refused after a step', clock.refusedTokens),
  ];
}

function stepsOf({ steps }: ClockRecord): string {
  const seconds = [...new Set(steps.map(({ stepSeconds }) => stepSeconds))];
  return seconds.map(step => `${step > 0 ? '+' : '−'}${Math.abs(step)} s`).join(', ');
}
