import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import type { LogLevel } from '../../src/log-levels.js';
import { LogObserver, makeLogger } from '../../src/logging.js';
import { facts } from '../support/facts.js';
import { ManualClock } from '../support/manual-clock.js';

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
});

function observer(level: LogLevel = 'info', clock = new ManualClock()): LogObserver {
  const log = pino({ level, base: null }, { write: line => lines.push(JSON.parse(line)) });
  return new LogObserver(log, clock);
}

const warn = 40;
const debug = 20;

describe('[L8] a role that gives nothing', () => {
  const ignored = (role: string) => facts.roleIgnored({ hub: 'chat' }, role, 'not a role of this service');

  test('[newcomer F11] is logged once for each text, with the role that was probably meant', () => {
    const log = observer();
    for (let time = 0; time < 3; time += 1) log.tell(ignored('webpubsub.sendToGroups'));
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
    for (let index = 0; index < 100_000; index += 1) log.tell(ignored(`nonce-${index}`));
    expect(lines).toHaveLength(101);
    expect(lines[100]).toMatchObject({ level: warn, msg: expect.stringContaining('hubwire_roles_ignored_total') });
  });

  test('a long one is cut', () => {
    observer().tell(ignored(`sendToGroup.${'x'.repeat(1_000_000)}`));
    expect(JSON.stringify(lines).length).toBeLessThan(500);
  });
});

test('a user event that no handler takes is logged once for each hub and event', () => {
  const log = observer();
  const outcome = 'unhandled';
  const reason = 'no event handler of hub chat takes user event vote';
  for (const hub of ['chat', 'chat', 'news']) log.tell(facts.evented({ hub, event: 'vote', outcome, reason }));
  expect(lines).toMatchObject([
    { level: warn, hub: 'chat', event: 'vote', reason },
    { level: warn, hub: 'news', event: 'vote' },
  ]);
  for (let index = 0; index < 1_000; index += 1)
    log.tell(facts.evented({ hub: 'chat', event: `e${index}`, outcome, reason }));
  expect(lines).toHaveLength(101);
});

test('[F4] events that were not sent for a full queue are one line a minute for each hub, with their number', () => {
  const clock = new ManualClock();
  const log = new LogObserver(pino({ base: null }, { write: line => lines.push(JSON.parse(line)) }), clock);
  const event = { hub: 'chat', event: 'e', attempts: 1, reason: 'too many' };
  const refuse = () => log.tell(facts.evented({ ...event, outcome: 'overloaded' }));
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
  const fact = facts.refused({ hub: 'chat' }, refused.reason);
  observer('info').tell(fact);
  expect(lines).toEqual([]);
  observer('debug').tell(fact);
  expect(lines).toMatchObject([{ level: debug, ...refused }]);
});

describe('[F10] what is told of upgrades and REST calls', () => {
  const upgrade = { hub: 'chat', path: '/client/hubs/chat', durationMs: 1.26 };
  const call = { method: 'POST', path: '/api/hubs/chat/:send', durationMs: 0.31, isAnswer: false };
  const sent = { ...call, status: 202, receivers: 2, reason: undefined };
  const refusedCall = { ...call, status: 401, receivers: undefined, reason: 'the token has expired' };
  const refusedUpgrade = { ...upgrade, method: 'GET', status: 401, reason: 'the token has expired' };

  test('at debug those that succeed, and answers that are no', () => {
    const log = observer('debug');
    log.upgraded({ ...upgrade, connectionId: 'c', status: 101 });
    log.upgraded({ ...upgrade, connectionId: undefined, status: 101 });
    log.restCallTold(sent);
    log.restCallTold({ ...sent, method: 'HEAD', status: 404, isAnswer: true });
    expect(lines).toMatchObject([
      { level: debug, hub: 'chat', connectionId: 'c', status: 101, durationMs: 1.3, msg: 'upgrade answered' },
      { level: debug, msg: 'upgrade answered, session not recovered' },
      { level: debug, method: 'POST', path: call.path, status: 202, durationMs: 0.3, receivers: 2, msg: 'REST call' },
      { level: debug, method: 'HEAD', status: 404, msg: 'REST call' },
    ]);
  });

  test('at info refusals only, with the reason', () => {
    const log = observer('info');
    log.restCallTold(sent);
    log.upgraded({ ...upgrade, connectionId: 'c', status: 101 });
    log.restCallTold(refusedCall);
    log.connectionRefused(refusedUpgrade);
    expect(lines).toMatchObject([
      { level: 30, path: call.path, status: 401, reason: 'the token has expired', msg: 'REST call refused' },
      { level: 30, path: upgrade.path, status: 401, reason: 'the token has expired', msg: 'connection refused' },
    ]);
  });

  test('100,000 refusals are 20 lines of each kind, and one that counts the rest', async () => {
    const clock = new ManualClock();
    const log = observer('info', clock);
    for (let index = 0; index < 100_000; index += 1) {
      log.restCallTold(refusedCall);
      log.connectionRefused(refusedUpgrade);
    }
    expect(lines).toHaveLength(40);
    await clock.advance(10_000);
    expect(lines.slice(40)).toMatchObject([
      { level: 30, statuses: { 401: 99_980 }, msg: 'REST calls refused: 99980 more' },
      { level: 30, statuses: { 401: 99_980 }, msg: 'connections refused: 99980 more' },
    ]);
  });

  test('as many closed connections and failed events: the same', async () => {
    const clock = new ManualClock();
    const log = observer('info', clock);
    const closed = facts.closed({ hub: 'chat' }, 'BadRequest', 'not JSON');
    const failed = facts.evented({ hub: 'chat', event: 'vote', outcome: 'failed', reason: 'answered 500' });
    for (let index = 0; index < 1_000; index += 1) {
      log.tell(closed);
      log.tell(failed);
    }
    expect(lines).toHaveLength(40);
    await clock.advance(10_000);
    expect(lines.slice(40)).toMatchObject([
      { level: 30, count: 980, msg: 'connections closed: 980 more' },
      { level: 40, count: 980, msg: 'events failed: 980 more' },
    ]);
  });
});

describe('[F3] the first message of a hub', () => {
  const texts = () => lines.map(({ msg }) => msg);

  test('is told once, with its receivers', () => {
    const log = observer();
    log.delivered('chat', 3, 2);
    log.delivered('chat', 1, 5);
    log.delivered('news', 1, 1);
    expect(texts()).toEqual(['chat: first message, 2 receivers', 'news: first message, 1 receiver']);
  });

  test('that reached nobody is told, and the first that did', () => {
    const log = observer();
    for (const receivers of [0, 0, 2, 0, 3]) log.delivered('chat', 1, receivers);
    expect(texts()).toEqual(['chat: first message, 0 receivers', 'chat: first message that was received, 2 receivers']);
  });

  test('is told of 100 hubs: their names may be anything', () => {
    const log = observer();
    for (let index = 0; index < 10_000; index += 1) log.delivered(`h${index}`, 1, 1);
    expect(lines).toHaveLength(100);
  });

  test('at trace every delivery is told', () => {
    const log = observer('trace');
    log.delivered('chat', 1, 2);
    log.delivered('chat', 4, 2);
    expect(lines.filter(({ level }) => level === 10)).toMatchObject([
      { hub: 'chat', sends: 1, receivers: 2, msg: 'messages delivered' },
      { hub: 'chat', sends: 4, receivers: 2 },
    ]);
  });
});

describe('[F21] a line of the log', () => {
  const refusal = (log: Logger) => log.warn({ hub: 'chat', status: 401 }, 'connection refused');

  function written(isTTY: boolean, write: (log: Logger) => void = refusal): string {
    let text = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const log = makeLogger('debug', Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream);
    write(log);
    return text;
  }

  test('is JSON with the name of its level and an ISO time', () => {
    const { time, ...rest } = JSON.parse(written(false));
    expect(rest).toEqual({ level: 'warn', hub: 'chat', status: 401, msg: 'connection refused' });
    expect(new Date(time).toISOString()).toBe(time);
  });

  test('never has a text that Node could not read as a URL, nor a password in one', () => {
    const failed = (read: () => unknown) => {
      try {
        return read();
      } catch (error) {
        return error as Error;
      }
    };
    const invalid = failed(() => new URL('redis://u:s3cret@h:99999/0', 'http://u:s3cret@h')) as Error;
    const failures = [
      invalid,
      new Error('outer', { cause: invalid }),
      Object.assign(new Error('with a field'), { reason: invalid }),
      new AggregateError([invalid], 'several'),
      failed(() => new Request('http://u:s3cret@h/')),
      new TypeError('Failed to parse URL from http://u:s3/cret@h:99999'),
    ];
    const text = written(false, log => {
      for (const err of [...failures, 'no error']) log.error({ err }, 'internal error');
      log.error(invalid);
    });
    const lines = text.trim().split('\n');
    const errors = lines.map(line => JSON.parse(line).err);
    expect(text).not.toMatch(/s3|cret/);
    expect(errors[0]).toEqual({
      type: 'TypeError',
      message: 'Invalid URL',
      code: 'ERR_INVALID_URL',
      stack: expect.stringMatching(/^TypeError: Invalid URL\n +at /),
    });
    expect(errors[2].reason).toEqual(errors[0]);
    expect(errors[3].aggregateErrors).toEqual([errors[0]]);
    expect(errors[4].message).toContain('http://***@h/');
    expect(errors.slice(6)).toEqual(['no error', errors[0]]);
  });

  test('is one line for a person at a terminal', () => {
    const plain = written(true).replace(/\x1b\[\d+m/g, '');
    expect(plain).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: connection refused \{"hub":"chat","status":401\}\n$/);
  });
});
