import { setImmediate } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { NatsAppender } from '../../../src/outbox/drivers/nats-appender.js';
import { decodeRecord, type Op } from '../../../src/outbox/drivers/nats-records.js';
import { NotKept } from '../../../src/outbox/outbox-error.js';
import { ManualClock } from '../../support/manual-clock.js';

interface Sent {
  readonly id: string | undefined;
  readonly number: number;
  readonly refs: readonly unknown[];
  readonly answer: (outcome: number | Error) => void;
}

/** An appender whose messages a test answers. */
function newAppender() {
  const clock = new ManualClock();
  const sent: Sent[] = [];
  const publish = (subject: string, data: Uint8Array, { msgID }: { msgID?: string }) => {
    const { number, ops } = decodeRecord(1, subject, data);
    return new Promise<{ seq: number }>((resolve, reject) => {
      const answer = (outcome: number | Error) =>
        typeof outcome === 'number' ? resolve({ seq: outcome }) : reject(outcome);
      sent.push({ id: msgID, number, refs: ops.map(op => ('ref' in op ? op.ref : op.do)), answer });
    });
  };
  const appender = new NatsAppender('n', {
    clock,
    maxPayload: () => 100_000,
    publisher: () => ({ publish }) as unknown as JetStreamClient,
    subjectOf: node => `hw.1.out.${node}`,
    onStored: () => {},
    onUnsure: () => {},
  });
  return { appender, clock, sent };
}

const done = (ref: number): Op => ({ do: 'done', ref });
const full = new JetStreamApiError({ code: 400, err_code: 10_077, description: 'maximum bytes exceeded' });

test('what is written while a record is under way goes into the next one', async () => {
  const { appender, sent } = newAppender();
  const first = appender.append([done(1)]);
  await setImmediate();
  const others = [appender.append([done(2)]), appender.append([done(3)])];
  sent[0]?.answer(7);
  expect(await first.stored).toBe(7);
  await setImmediate();
  sent[1]?.answer(8);
  expect(await Promise.all(others.map(({ stored }) => stored))).toEqual([8, 8]);
  expect(sent.map(({ number, refs }) => [number, refs])).toEqual([
    [1, [1]],
    [2, [2, 3]],
  ]);
  appender.read('n', 2, 8, [true, false]);
  expect(await Promise.all(others.map(({ applied }) => applied))).toEqual([[true], [false]]);
});

test('a record of which nobody knows whether it has arrived is sent again as the same one, until it is read', async () => {
  const { appender, clock, sent } = newAppender();
  const written = appender.append([done(1)]);
  await setImmediate();
  sent[0]?.answer(new Error('timeout'));
  await setImmediate();
  clock.advance(50);
  await setImmediate();
  expect(sent.map(({ id, number }) => [id, number])).toEqual([0, 1].map(() => [sent[0]?.id, 1]));
  appender.read('n', 1, 9, [true]);
  expect(await written.stored).toBe(9);
  sent[1]?.answer(new Error('timeout'));
  await setImmediate();
  clock.advance(10_000);
  await setImmediate();
  expect(sent).toHaveLength(2);
});

test('what NATS has no room for is refused, and the next record has its number', async () => {
  const { appender, sent } = newAppender();
  const refused = appender.append([done(1)]);
  await setImmediate();
  sent[0]?.answer(full);
  await expect(refused.stored).rejects.toMatchObject({ reason: 'full' });
  await expect(refused.applied).rejects.toMatchObject({ reason: 'full' });
  appender.append([done(2)]);
  await setImmediate();
  expect(sent.map(({ number }) => number)).toEqual([1, 1]);
  expect(sent[1]?.id).not.toBe(sent[0]?.id); // that one might count as seen
});

test('what may have been stored is not refused: the next record must not have its number', async () => {
  const { appender, clock, sent } = newAppender();
  const written = appender.append([done(1)]);
  await setImmediate();
  const next = appender.append([done(2)]);
  for (const answer of [new Error('timeout'), full]) {
    sent.at(-1)?.answer(answer);
    await setImmediate();
    clock.advance(1_000);
    await setImmediate();
  }
  expect(sent.map(({ number, refs }) => [number, refs])).toEqual([1, 1, 1].map(number => [number, [1]]));
  appender.read('n', 1, 7, [true]);
  expect(await written.stored).toBe(7);
  sent[2]?.answer(7);
  await setImmediate();
  expect(sent.slice(3).map(({ number, refs }) => [number, refs])).toEqual([[2, [2]]]);
  sent[3]?.answer(8);
  expect(await next.stored).toBe(8);
});

test('what could not be sent in time is refused, and not sent later', async () => {
  const { appender, clock, sent } = newAppender();
  const underWay = appender.append([done(1)], 1_000);
  await setImmediate();
  const waiting = appender.append([done(2)], 1_000);
  clock.advance(1_000);
  for (const { stored } of [underWay, waiting]) await expect(stored).rejects.toMatchObject({ reason: 'unreachable' });
  appender.append([done(3)]);
  sent[0]?.answer(5);
  await setImmediate();
  expect(sent.map(({ refs }) => refs)).toEqual([[1], [3]]);
});

test('what NATS has lost before it was read is told as lost, and what it may not have had is sent again', async () => {
  const { appender, clock, sent } = newAppender();
  const lost = appender.append([done(1)]);
  await setImmediate();
  sent[0]?.answer(4);
  expect(await lost.stored).toBe(4);
  const later = appender.append([done(2)]);
  await setImmediate();
  sent[1]?.answer(6);
  appender.append([done(3)]);
  await later.stored;
  await setImmediate();
  sent[2]?.answer(new Error('timeout'));
  await setImmediate();
  appender.lose(5);
  await expect(lost.applied).rejects.toMatchObject({ reason: 'unreachable' });
  appender.read('n', 2, 6, [true]);
  expect(await later.applied).toEqual([true]);
  appender.lose();
  clock.advance(50);
  await setImmediate();
  expect(sent.slice(3).map(({ number, refs }) => [number, refs])).toEqual([[3, [3]]]);
});

test('what is larger than a message may be is refused, and what comes next is sent', async () => {
  const { appender, sent } = newAppender();
  const content = Buffer.alloc(100_000);
  const large = appender.append([{ do: 'schedule', key: 'k', dueAtMs: 1, content }]);
  appender.append([done(1)]);
  await expect(large.stored).rejects.toMatchObject({ reason: 'failed' });
  await setImmediate();
  expect(sent.map(({ number, refs }) => [number, refs])).toEqual([[1, [1]]]);
});

test('the end refuses what waits and what comes', async () => {
  const { appender } = newAppender();
  const before = appender.append([done(1)]);
  appender.close(new NotKept('closed', 'the outbox is closed'));
  for (const { stored } of [before, appender.append([done(2)])]) {
    await expect(stored).rejects.toMatchObject({ reason: 'closed' });
  }
});
