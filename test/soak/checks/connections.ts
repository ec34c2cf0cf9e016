import type { Roll } from '../app/tally.js';
import type { Ledger } from '../load/ledger.js';
import type { Samples } from '../server/metrics.js';
import { ascending, equal, list, none, type Row } from './row.js';

/** @param roll of hub `steady`, whose one handler wants everything and never changes */
export function connectionRows(samples: Samples, ledger: Ledger, roll: Roll): Row[] {
  const opened = samples.sum('connections_opened_total');
  return [
    equal('every connection opened is closed', [
      ['opened', opened],
      ['closed', samples.sum('connections_closed_total')],
    ]),
    none('hubs and protocols where that is not so', unbalanced(samples)),
    equal('nobody is connected any more', [
      ['connections', samples.sum('connections')],
      ['expected', 0],
    ]),
    ascending(
      'connections as clients saw them',
      ['upgrades seen', ledger.upgrades - recoveries(ledger)],
      ['opened', opened],
      ['asked for', ledger.dials],
    ),
    ...rollRows(samples, roll),
    list('how they were closed', samples.by('connections_closed_total', 'category')),
    list('upgrades refused', samples.by('upgrades_refused_total', 'status')),
  ];
}

function rollRows(samples: Samples, roll: Roll): Row[] {
  const { accepted, connected, disconnected, abandoned, memberships } = roll;
  const opened = samples.sum('connections_opened_total', { hub: 'steady' });
  const unpaired = [...memberships].filter(([, count]) => count !== 0).map(([membership]) => membership);
  return [
    equal(
      'steady: one `connected` for each that opened',
      [
        ['opened', opened],
        ['`connected`', connected.size],
      ],
      [
        ['let in by `connect`', accepted.size],
        [`came, or left before (${abandoned.size})`, connected.size + abandoned.size],
      ],
    ),
    none('steady: `connected` without `disconnected`', without(connected, disconnected)),
    none('steady: `disconnected` without `connected`', without(disconnected, connected)),
    none(
      'steady: said to have left before, yet connected',
      [...abandoned].filter(id => connected.has(id)),
    ),
    equal('steady: who joined a group has left it', [
      ['joined', roll.joined],
      ['left', roll.left],
    ]),
    none('steady: members joined and left unequally often', unpaired),
  ];
}

function unbalanced(samples: Samples): string[] {
  const opened = samples.by('connections_opened_total', 'hub', 'protocol');
  const closed = samples.by('connections_closed_total', 'hub', 'protocol');
  const places = new Set([...opened.keys(), ...closed.keys()]);
  return [...places].filter(place => (opened.get(place) ?? 0) !== (closed.get(place) ?? 0));
}

/** An upgrade that takes up a session opens nothing. */
function recoveries({ sessions, stalled }: Ledger): number {
  return stalled.recoveries + sessions.reduce((total, session) => total + session.recoveries, 0);
}

function without(ids: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...ids].filter(id => !others.has(id));
}
