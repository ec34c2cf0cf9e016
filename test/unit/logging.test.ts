import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { type LogLevel, LogObserver } from '../../src/logging.js';
import { ManualClock } from '../support/manual-clock.js';

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
});

function observer(level: LogLevel = 'info'): LogObserver {
  return new LogObserver(pino({ level, base: null }, { write: line => lines.push(JSON.parse(line)) }));
}

const warn = 40;
const debug = 20;

describe('[L8] a role that gives nothing', () => {
  const ignored = (role: string) => ({ hub: 'chat', connectionId: 'c', role, reason: 'not a role of this service' });

  test('[newcomer F11] is logged once for each text, with the role that was probably meant', () => {
    const log = observer();
    for (let time = 0; time < 3; time += 1) log.roleIgnored(ignored('webpubsub.sendToGroups'));
    expect(lines).toMatchObject([
      {
        level: warn,
        role: 'webpubsub.sendToGroups',
        reason: 'not a role of this service; did you mean "webpubsub.sendToGroup"?',
      },
    ]);
  });

  test('100,000 of them are 101 lines, and the last names the counter', () => {
    const log = observer();
    for (let index = 0; index < 100_000; index += 1) log.roleIgnored(ignored(`nonce-${index}`));
    expect(lines).toHaveLength(101);
    expect(lines[100]).toMatchObject({ level: warn, msg: expect.stringContaining('hubwire_roles_ignored_total') });
  });

  test('a long one is cut', () => {
    observer().roleIgnored(ignored(`sendToGroup.${'x'.repeat(1_000_000)}`));
    expect(JSON.stringify(lines).length).toBeLessThan(500);
  });
});

test('a user event that no handler takes is logged once for each hub and event', () => {
  const log = observer();
  const event = { connectionId: 'c', kind: 'user', outcome: 'unhandled', durationMs: 0, attempts: 0 } as const;
  const reason = 'no event handler of hub chat takes user event vote';
  for (const hub of ['chat', 'chat', 'news']) log.eventFinished({ ...event, hub, event: 'vote', reason });
  expect(lines).toMatchObject([
    { level: warn, hub: 'chat', event: 'vote', reason },
    { level: warn, hub: 'news', event: 'vote' },
  ]);
  for (let index = 0; index < 1_000; index += 1)
    log.eventFinished({ ...event, hub: 'chat', event: `e${index}`, reason });
  expect(lines).toHaveLength(101);
});

test('[F4] events that were not sent for a full queue are one line a minute for each hub, with their number', () => {
  const clock = new ManualClock();
  const log = new LogObserver(pino({ base: null }, { write: line => lines.push(JSON.parse(line)) }), clock);
  const event = {
    connectionId: 'c',
    event: 'e',
    kind: 'user',
    durationMs: 0,
    attempts: 1,
    reason: 'too many',
  } as const;
  const refuse = () => log.eventFinished({ ...event, hub: 'chat', outcome: 'overloaded' });
  for (let count = 0; count < 5; count += 1) refuse();
  clock.advance(59_999);
  refuse();
  clock.advance(1);
  refuse();
  expect(lines).toMatchObject([
    { level: warn, hub: 'chat', events: 1, reason: 'too many' },
    { level: warn, hub: 'chat', events: 6 },
  ]);
});

test('a warning is logged once for each hub and text, and 100 of a hub', () => {
  const log = observer();
  for (const hub of ['chat', 'chat', 'news']) log.warned({ hub, warning: 'mend this' });
  expect(lines).toMatchObject([
    { level: warn, hub: 'chat', msg: 'mend this' },
    { level: warn, hub: 'news', msg: 'mend this' },
  ]);
  for (let index = 0; index < 1_000; index += 1) log.warned({ hub: 'chat', warning: `${index}` });
  expect(lines).toHaveLength(102);
  expect(lines[101]).toMatchObject({
    level: warn,
    hub: 'chat',
    msg: expect.stringContaining('hubwire_warnings_total'),
  });
  log.warned({ hub: 'news', warning: 'mend that' });
  expect(lines[102]).toMatchObject({ hub: 'news', msg: 'mend that' });
});

test('[newcomer] a request that is refused for want of a role is logged at debug', () => {
  const refused = { hub: 'chat', connectionId: 'c', reason: 'no joinLeaveGroup permission for group g' };
  observer('info').requestRefused(refused);
  expect(lines).toEqual([]);
  observer('debug').requestRefused(refused);
  expect(lines).toMatchObject([{ level: debug, ...refused }]);
});
