import { describe, expect, test } from 'vitest';
import { clockRows } from '../../soak/checks/clock.js';
import type { Row } from '../../soak/checks/row.js';
import { silentRows } from '../../soak/checks/silent.js';
import { stalledRows } from '../../soak/checks/stalled.js';
import { type StopFacts, stopRows } from '../../soak/checks/stop.js';
import { Ledger, type SilentRecord, type StalledRecord, type StalledRound } from '../../soak/load/ledger.js';
import { silentKinds } from '../../soak/load/silent-socket.js';
import { failuresOf } from '../../soak/report.js';
import { residentOf } from '../../soak/server/resident.js';
import { samplesWith } from './soak-facts.js';

function failed(rows: readonly Row[]): string[] {
  return failuresOf(rows).map(({ check }) => check);
}

describe('[F1] stalled clients', () => {
  const closed = (category: string) => `connections_closed_total{hub="stalled",protocol="json",category="${category}"}`;
  const well = { [closed('SlowClient')]: 1, [closed('ClosedByAppServer')]: 1 };
  const client: StalledRecord = { ending: 'slow', isReliable: true, heard: 9, wrong: [] };
  const round: StalledRound = { ending: 'slow', before: 100e6, peak: 250e6, slowestMs: 5_000, slowestTurnMs: 1_000 };

  const rows = (
    changes: { client?: Partial<StalledRecord>; round?: Partial<StalledRound>; closed?: Record<string, number> } = {},
  ) => {
    const ledger = new Ledger();
    ledger.stalled.clients.push({ ...client, ...changes.client }, { ...client, ending: 'closedByRest' });
    ledger.stalled.rounds.push({ ...round, slowestMs: 1, peak: 100e6 }, { ...round, ...changes.round });
    return failed(stalledRows(samplesWith({ ...well, ...changes.closed }), ledger, 'stalled'));
  };

  test('hold when all is well, at the limits too', () => {
    expect(rows()).toEqual([]);
  });

  test('a message that was lost', () => {
    expect(rows({ client: { wrong: ['message 3 follows 1'] } })).toEqual([
      'stalled: messages lost, twice, or out of order',
    ]);
  });

  test.each(['SlowClient', 'ClosedByAppServer'])('one that was not closed as %s', category => {
    expect(rows({ closed: { [closed(category)]: 0 } })).toEqual(['stalled: closed as slow, or by REST']);
  });

  test('a client beside them that waits too long', () => {
    expect(rows({ round: { slowestMs: 5_001 } })).toEqual(['stalled: the slowest message of a client beside them']);
    expect(rows({ round: { slowestTurnMs: 1_001 } })).toEqual(['stalled: the slowest turn of the event loop']);
  });

  test('memory that grows by a copy for each client; where it is not counted it is not judged', () => {
    const check = 'stalled: resident memory of a round, before and at its peak';
    expect(rows({ round: { peak: 251e6 } })).toEqual([check]);
    expect(rows({ round: { before: undefined, peak: undefined } })).toEqual([]);
  });

  test('no rounds at all', () => {
    const none = failed(stalledRows(samplesWith(), new Ledger(), 'stalled'));
    expect(none).toEqual([
      'stalled: the slowest message of a client beside them',
      'stalled: the slowest turn of the event loop',
    ]);
  });
});

describe('[F3] silent connections', () => {
  const late = { live: 30e6, resident: 100e6 };
  const connection: SilentRecord = { form: 'nothing', listener: 'admin', lastedMs: 50_000, isEnded: true };

  const rows = (change: (ledger: Ledger) => void = () => {}, flooded = 50e6) => {
    const ledger = new Ledger();
    ledger.silent.connections.push(connection, { ...connection, lastedMs: 59_999, isEnded: false });
    Object.assign(ledger.silent.flood, { opened: 1_100, slowestMs: 5_000 });
    change(ledger);
    return failed(silentRows(ledger, { late, flooded: { ...late, live: flooded } }));
  };

  test('hold when all is well; what the end of the load cut short is not judged', () => {
    expect(rows()).toEqual([]);
  });

  test('one that the service kept', () => {
    const kept = { ...connection, lastedMs: 60_000, isEnded: false };
    expect(rows(({ silent }) => silent.connections.push(kept))).toEqual(['silent connections that lasted 60 s']);
  });

  test('a client that was refused, or waited too long', () => {
    expect(rows(({ silent }) => silent.flood.refused.push('no answer'))).toEqual([
      'clients refused while 1100 silent connections came',
    ]);
    expect(rows(({ silent }) => Object.assign(silent.flood, { slowestMs: 5_001 }))).toEqual([
      'silent: the longest wait of a client meanwhile',
    ]);
  });

  test('bodies that are kept', () => {
    expect(rows(() => {}, 51e6)).toEqual(['silent: memory in use meanwhile']);
  });

  test('every form is there on both listeners', () => {
    const kinds = silentKinds.map(({ form, listener }) => `${form} ${listener}`);
    expect([new Set(kinds).size, kinds.length]).toEqual([12, 12]);
  });
});

describe('[F7] steps of the clock', () => {
  const pings = (count: number) =>
    samplesWith({ 'connections_closed_total{hub="quiet",protocol="json",category="PingTimeout"}': count });

  const rows = (change: (ledger: Ledger) => void = () => {}, timeouts = 2) => {
    const ledger = new Ledger();
    ledger.clock.steps.push({ stepSeconds: 90, isTaken: true }, { stepSeconds: -3_600, isTaken: true });
    ledger.unresponsive = 2;
    change(ledger);
    return failed(clockRows(pings(timeouts), ledger));
  };

  test('hold when all is well', () => {
    expect(rows()).toEqual([]);
  });

  test('a step that did not reach the service', () => {
    expect(rows(({ clock }) => clock.steps.push({ stepSeconds: 120, isTaken: false }))).toEqual([
      'steps of the wall clock',
    ]);
  });

  test('an idle client that lost its connection', () => {
    const check = 'connections lost, of 0 idle clients that answer pings';
    expect(rows(({ clock }) => clock.idleClosed.push('code 1006'))).toEqual([check]);
  });

  test('more ping timeouts than clients that answer no pings', () => {
    expect(rows(() => {}, 3)).toEqual(['connections closed for unanswered pings']);
  });

  test('a token that was refused', () => {
    expect(rows(({ clock }) => clock.refusedTokens.push('a client’s'))).toEqual([
      'tokens with life left that were refused after a step',
    ]);
  });
});

describe('[F5] the stop', () => {
  const well: StopFacts = {
    exit: { code: 0, signal: null },
    tookMs: 25_000,
    clients: 2,
    roll: { connected: new Set(['a', 'b']), disconnected: new Set(['a', 'b']) },
    wrong: [],
    before: { current: 100e6 },
    peak: 200e6,
  };
  const rows = (changes: Partial<StopFacts> = {}) => failed(stopRows({ ...well, ...changes }));

  test('is well', () => {
    expect(rows()).toEqual([]);
  });

  test('an end with another code, or by a signal', () => {
    const check = ['the service ends with 0 after SIGTERM'];
    expect(rows({ exit: { code: 1, signal: null } })).toEqual(check);
    expect(rows({ exit: { code: null, signal: 'SIGKILL' } })).toEqual(check);
  });

  test('takes too long', () => {
    expect(rows({ tookMs: 25_001 })).toEqual(['the service stops in time']);
  });

  test('a client that is not reported', () => {
    const check = ['stop: one `connected` and one `disconnected` each'];
    expect(rows({ roll: { ...well.roll, disconnected: new Set(['a', 'c']) } })).toEqual(check);
    expect(rows({ clients: 3 })).toEqual(check);
  });

  test('a message that was lost, and memory that grows by a copy for each client', () => {
    expect(rows({ wrong: ['message 3 follows 1'] })).toEqual(['stop: messages lost, twice, or out of order']);
    expect(rows({ peak: 201e6 })).toEqual(['stop: resident memory before and at its peak']);
    expect(rows({ peak: undefined })).toEqual([]);
  });
});

test('resident memory is read from the status of the process', () => {
  expect(residentOf('Name:\tnode\nVmHWM:\t   200 kB\nVmRSS:\t   100 kB\n')).toEqual({
    current: 102_400,
    peak: 204_800,
  });
  expect(residentOf('Name:\tnode\n')).toBeUndefined();
});
