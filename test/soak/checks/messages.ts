import type { Ledger } from '../load/ledger.js';
import type { Samples } from '../server/metrics.js';
import { ascending, none, type Row, shown } from './row.js';

export function messageRows(samples: Samples, ledger: Ledger): Row[] {
  const { success, duplicate, failed } = ledger.answers;
  return [
    ascending(
      'messages from clients',
      ['answered', success + duplicate + failed],
      ['received', samples.sum('messages_received_total')],
      ['sent by clients', ledger.messagesSent],
    ),
    ascending(
      'messages to clients',
      ['heard by JSON clients', ledger.messagesHeard],
      ['sent', samples.sum('messages_sent_total')],
    ),
    ...sessionRows(ledger),
    ...editRows(ledger),
  ];
}

function sessionRows({ sessions }: Ledger): Row[] {
  const sum = (of: (session: (typeof sessions)[number]) => number) =>
    sessions.reduce((total, each) => total + of(each), 0);
  const figures = [
    `${sessions.length} sessions`,
    `${sum(({ recoveries }) => recoveries)} recoveries`,
    `${sum(({ heard }) => heard).toLocaleString('en')} messages`,
    `${sum(({ events }) => events)} events`,
  ];
  return [
    shown('reliable clients', figures.join(', ')),
    none(
      'reliable: lost, twice, or out of order',
      sessions.flatMap(({ wrong }) => wrong),
    ),
  ];
}

function editRows({ edits: { taken, refused, astray } }: Ledger): Row[] {
  return [
    shown('edits of hubs.yaml', `${taken} taken, ${refused} bad ones refused`),
    none('edits that changed something else than they should', astray),
  ];
}
