import { describe, expect, test } from 'vitest';
import { connectionRows } from '../../soak/checks/connections.js';
import { eventRows } from '../../soak/checks/events.js';
import { handleRows } from '../../soak/checks/handles.js';
import { memoryRows } from '../../soak/checks/memory.js';
import { messageRows } from '../../soak/checks/messages.js';
import type { Row } from '../../soak/checks/row.js';
import { serviceRows } from '../../soak/checks/service.js';
import type { Ledger } from '../../soak/load/ledger.js';
import { failuresOf, textOf } from '../../soak/report.js';
import { left, samplesWith, tell, wellLedger, wellTally } from './soak-facts.js';

function failed(rows: readonly Row[]): string[] {
  return failuresOf(rows).map(({ check }) => check);
}

function ledgerWith(change: (ledger: Ledger) => void): Ledger {
  const ledger = wellLedger();
  change(ledger);
  return ledger;
}

describe('memory', () => {
  const reading = (live: number) => ({ live, resident: 100 });
  const early = reading(100);

  test('may grow by a tenth of what it was early, and shrink', () => {
    expect(failed(memoryRows({ before: early, early, late: reading(110), drained: reading(50) }))).toEqual([]);
  });

  test('must not grow by more, under load or after it', () => {
    expect(failed(memoryRows({ before: early, early, late: reading(111), drained: reading(111) }))).toEqual([
      'memory in use at the end of the load',
      'memory in use after everybody has left',
    ]);
  });
});

describe('handles', () => {
  const handles = (sockets: number, timers: number) => ({
    descriptors: new Map([['socket', sockets]]),
    resources: new Map([
      ['TCPSocketWrap', sockets],
      ['Timeout', timers],
    ]),
  });

  test('must be as before, but for timers', () => {
    expect(failed(handleRows({ before: handles(3, 0), after: handles(3, 2) }))).toEqual([]);
    for (const sockets of [2, 4]) {
      expect(failed(handleRows({ before: handles(3, 0), after: handles(sockets, 0) }))).toEqual([
        'open file descriptors',
        'handles that Node counts',
      ]);
    }
  });

  test('a kind that was not there before counts too', () => {
    const after = { ...handles(3, 0), descriptors: new Map([...handles(3, 0).descriptors!, ['file', 1]]) };
    expect(failed(handleRows({ before: handles(3, 0), after }))).toEqual(['open file descriptors']);
  });

  test('without /proc, descriptors are not judged', () => {
    const blind = { ...handles(3, 0), descriptors: undefined };
    expect(failed(handleRows({ before: blind, after: blind }))).toEqual([]);
  });
});

describe('connections', () => {
  const rows = (changes: Record<string, number> = {}, tally = wellTally(), ledger = wellLedger()) =>
    failed(connectionRows(samplesWith(changes), ledger, tally.rollOf('steady')));
  const closed = 'connections_closed_total{hub="steady",protocol="simple",category="Normal"}';

  test('hold when all is well', () => {
    expect(rows()).toEqual([]);
  });

  test('one that was opened and not closed', () => {
    expect(rows({ [closed]: 0 })).toEqual([
      'every connection opened is closed',
      'hubs and protocols where that is not so',
    ]);
  });

  test('one that was closed where another was opened', () => {
    const elsewhere = 'connections_closed_total{hub="edited",protocol="simple",category="Normal"}';
    expect(rows({ [closed]: 0, [elsewhere]: 1 })).toEqual(['hubs and protocols where that is not so']);
  });

  test('one that is still counted as open', () => {
    expect(rows({ 'connections{hub="steady",protocol="simple"}': 1 })).toEqual(['nobody is connected any more']);
  });

  test('more upgrades seen than connections opened, or fewer asked for', () => {
    const claims = (change: (ledger: Ledger) => void) => rows({}, wellTally(), ledgerWith(change));
    expect(claims(ledger => (ledger.upgrades = 2))).toEqual(['connections as clients saw them']);
    expect(claims(ledger => (ledger.dials = 0))).toEqual(['connections as clients saw them']);
  });

  test('`connected` without `disconnected`, and the reverse', () => {
    const tally = wellTally();
    tell(tally, 'c', { type: 'sys.connect', id: '0' }, { type: 'sys.connected', id: '1' });
    tell(tally, 'd', { type: 'sys.connect', id: '0' }, { type: 'sys.disconnected', id: '1', body: '{"reason":""}' });
    expect(rows({}, tally)).toEqual([
      'steady: one `connected` for each that opened',
      'steady: `connected` without `disconnected`',
      'steady: `disconnected` without `connected`',
    ]);
  });

  test('one that came although it is said to have left before', () => {
    const tally = wellTally();
    tell(tally, 'a', { type: 'sys.disconnected', id: '9', body: left });
    expect(rows({}, tally)).toContain('steady: said to have left before, yet connected');
  });

  test('one that was let in and never heard of again', () => {
    const tally = wellTally();
    tell(tally, 'c', { type: 'sys.connect', id: '0' });
    expect(rows({}, tally)).toEqual(['steady: one `connected` for each that opened']);
  });

  test('a member that joined and never left; two that left in each other’s place', () => {
    const tally = wellTally();
    tell(tally, 'a', { type: 'gp.joined', id: '7', body: '{"group":"room-2"}' });
    expect(rows({}, tally)).toEqual([
      'steady: who joined a group has left it',
      'steady: members joined and left unequally often',
    ]);
    tell(tally, 'a', { type: 'gp.left', id: '8', body: '{"group":"room-3"}' });
    expect(rows({}, tally)).toEqual(['steady: members joined and left unequally often']);
  });
});

describe('events', () => {
  const rows = (changes: Record<string, number> = {}, tally = wellTally(), ledger = wellLedger()) =>
    failed(eventRows(samplesWith(changes), ledger, tally));
  const counted = '`user` events: counted = at app servers';

  test('hold when all is well', () => {
    expect(rows()).toEqual([]);
  });

  test.each([
    ['has not ended', 'event_duration_seconds_count{kind="user"}', 0],
    ['was tried more often than its app server saw', 'event_attempts_total{kind="user"}', 3],
    ['was refused, though nobody did', 'events_total{kind="user",outcome="refused"}', 1],
  ])('one that %s', (_what, name, value) => {
    expect(rows({ [name]: value })).toContain(counted);
  });

  test('a success that is counted as a failure', () => {
    const changes = {
      'events_total{kind="user",outcome="success"}': 0,
      'events_total{kind="user",outcome="failed"}': 1,
    };
    expect(rows(changes)).toEqual([counted]);
  });

  test('what was cancelled may have arrived or not, and no more than that', () => {
    const changes = { 'events_total{kind="user",outcome="success"}': 0 };
    const cancelled = (count: number) => rows({ ...changes, 'events_total{kind="user",outcome="cancelled"}': count });
    expect(cancelled(0)).toContain(counted);
    expect(cancelled(1)).toEqual([]);
  });

  test('one with two outcomes, and one with none that its client was answered', () => {
    const outcome = (count: number) => rows({ 'events_total{kind="user",outcome="unhandled"}': count });
    expect(outcome(1)).toEqual(['user events have one outcome each']);
    expect(
      rows(
        {},
        wellTally(),
        ledgerWith(ledger => ledger.events.set('mark-2', 'failed')),
      ),
    ).toEqual(['user events have one outcome each']);
  });

  test('acks that contradict the app server', () => {
    const acks = (outcome: 'success' | 'duplicate' | 'failed' | 'lost', tally = wellTally()) =>
      rows(
        {},
        tally,
        ledgerWith(ledger => ledger.events.set('mark-1', outcome)),
      );
    const check = 'acks that say something else than the app server did';
    expect([acks('duplicate'), acks('lost')]).toEqual([[], []]);
    expect(acks('failed')).toEqual([check]);
    const twice = wellTally();
    tell(twice, 'a', { type: 'user.good', id: '6', body: 'mark-1' });
    for (const outcome of ['success', 'lost'] as const) expect(acks(outcome, twice)).toContain(check);
  });
});

describe('messages, sessions and edits', () => {
  const rows = (changes: Record<string, number>, change: (ledger: Ledger) => void = () => {}) =>
    failed(messageRows(samplesWith(changes), ledgerWith(change)));

  test('hold when all is well', () => {
    expect(rows({})).toEqual([]);
  });

  test('more received than was sent, and more answered than was received', () => {
    const received = 'messages_received_total{hub="steady",protocol="simple"}';
    expect([rows({ [received]: 3 }), rows({ [received]: 0 })]).toEqual([
      ['messages from clients'],
      ['messages from clients'],
    ]);
  });

  test('more heard than was sent', () => {
    expect(rows({}, ledger => (ledger.messagesHeard = 4))).toEqual(['messages to clients']);
  });

  test('a session that lost something', () => {
    const session = { recoveries: 1, heard: 1, events: 0, wrong: ['message 3 follows 1'] };
    expect(rows({}, ledger => ledger.sessions.push(session))).toEqual(['reliable: lost, twice, or out of order']);
  });

  test('an edit that went astray', () => {
    expect(rows({}, ledger => ledger.edits.astray.push('failed'))).toEqual([
      'edits that changed something else than they should',
    ]);
  });
});

describe('the service', () => {
  const log = { faults: [], faultCount: 0, refusedEdits: 1 };
  const rows = (more: object = {}, faults = 0) =>
    failed(serviceRows(samplesWith({ faults_total: faults }), { ...log, ...more }, wellLedger()));

  test('is well', () => {
    expect(rows()).toEqual([]);
  });

  test('faults, in the log or in /metrics; a bad edit that nobody was told of', () => {
    expect(rows({ faults: ['x'], faultCount: 1 })).toEqual(['faults in the log']);
    expect(rows({}, 1)).toEqual(['faults in /metrics']);
    expect(rows({ refusedEdits: 0 })).toEqual(['bad edits in the log']);
  });

  test('complaints of the load', () => {
    const ledger = ledgerWith(({ complain }) => complain(new Error('nothing came')));
    expect(failed(serviceRows(samplesWith(), log, ledger))).toEqual(['answers that did not come, or made no sense']);
  });
});

test('the last line of the report says how many checks failed', () => {
  const row = (isOk: boolean | undefined): Row => ({ check: 'c', figures: 'f', isOk });
  expect(textOf([row(true), row(undefined)], 7)).toBe('ok      c  f\n        c  f\nsoak: 1 checks hold (--seed 7)');
  expect(textOf([row(true), row(false)], 7)).toContain('FAILED  c  f\nsoak: FAILED, 1 of 2 checks (--seed 7)');
});
