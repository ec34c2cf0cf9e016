import { Tally } from '../../soak/app/tally.js';
import { Ledger } from '../../soak/load/ledger.js';
import { Samples } from '../../soak/server/metrics.js';

/** What app servers are told of one connection, in order. */
export interface Told {
  readonly type: string;
  readonly id: string;
  readonly body?: string;
  readonly isTaken?: boolean;
}

export function headersOf({ type, id }: Told, connectionId: string) {
  const name = type.split('.').at(-1) as string;
  return {
    'ce-type': `azure.webpubsub.${type}`,
    'ce-eventname': name,
    'ce-hub': 'steady',
    'ce-connectionid': connectionId,
    'ce-id': id,
  };
}

export function tell(tally: Tally, connectionId: string, ...events: readonly Told[]): void {
  for (const told of events) {
    const event = tally.heard('/', headersOf(told, connectionId), told.body ?? '{}');
    if (told.isTaken !== false) tally.taken(event);
  }
}

export const left = '{"reason":"The client left before the connection was established."}';

/** One connection of hub `steady`, from `connect` to `disconnected`, with one event; another one left too early. */
export function wellTally(): Tally {
  const tally = new Tally();
  tell(
    tally,
    'a',
    { type: 'sys.connect', id: '0' },
    { type: 'sys.connected', id: '1' },
    { type: 'gp.joined', id: '2', body: '{"group":"room-1"}' },
    { type: 'user.good', id: '3', body: 'mark-1', isTaken: false },
    { type: 'user.good', id: '3', body: 'mark-1' },
    { type: 'gp.left', id: '4', body: '{"group":"room-1"}' },
    { type: 'sys.disconnected', id: '5', body: '{"reason":"bye"}' },
  );
  tell(tally, 'b', { type: 'sys.connect', id: '0' }, { type: 'sys.disconnected', id: '1', body: left });
  return tally;
}

export function wellLedger(): Ledger {
  const ledger = new Ledger();
  ledger.dials = 2;
  ledger.upgrades = 1;
  ledger.messagesSent = 2;
  ledger.messagesHeard = 3;
  ledger.eventsSent = 1;
  ledger.answers.success = 1;
  ledger.events.set('mark-1', 'success');
  ledger.edits.refused = 1;
  return ledger;
}

const at = 'hub="steady",protocol="simple"';

const wellMetrics: Readonly<Record<string, number>> = {
  [`connections{${at}}`]: 0,
  [`connections_opened_total{${at}}`]: 1,
  [`connections_closed_total{${at},category="Normal"}`]: 1,
  [`messages_received_total{${at}}`]: 2,
  [`messages_sent_total{${at}}`]: 3,
  'events_total{kind="user",outcome="success"}': 1,
  'event_attempts_total{kind="user"}': 2,
  'event_duration_seconds_count{kind="user"}': 1,
  ...Object.fromEntries(
    ['connected', 'joined', 'left'].flatMap(kind => [
      [`events_total{kind="${kind}",outcome="success"}`, 1],
      [`event_attempts_total{kind="${kind}"}`, 1],
      [`event_duration_seconds_count{kind="${kind}"}`, 1],
    ]),
  ),
  ...Object.fromEntries(
    ['connect', 'disconnected'].flatMap(kind => [
      [`events_total{kind="${kind}",outcome="success"}`, 2],
      [`event_attempts_total{kind="${kind}"}`, 2],
      [`event_duration_seconds_count{kind="${kind}"}`, 2],
    ]),
  ),
  faults_total: 0,
};

/** @param changes in place of what is well */
export function samplesWith(changes: Readonly<Record<string, number>> = {}): Samples {
  const lines = Object.entries({ ...wellMetrics, ...changes }).map(([name, value]) => `hubwire_${name} ${value}`);
  return new Samples(`# HELP something\n${lines.join('\n')}\n`);
}
