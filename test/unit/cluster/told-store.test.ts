import { TimeoutError } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import type { ClusterStore, LeaseValue } from '../../../src/cluster/store.js';
import { type TellFailure, toldStore } from '../../../src/cluster/told-store.js';
import { ManualClock } from '../../support/manual-clock.js';

const value: LeaseValue = { name: 'n', version: '1', formats: [1], startedMs: 1, digest: '', state: 'live' };

/** A store that fails as a test says. */
function setup() {
  let failure: string | undefined;
  let isUnanswered = false;
  const clock = new ManualClock();
  const calls: unknown[] = [];
  const call = async (...given: unknown[]) => {
    calls.push(given);
    if (isUnanswered) throw new TimeoutError();
    if (failure !== undefined) throw new Error(failure);
    return { kind: 'stored', sequence: 7 };
  };
  const store = {
    ...{ maxRecordBytes: 5, isShared: true, writeLease: call, readLease: call, leases: call, deleteLease: call },
    ...{ append: call, nextRecord: call, lastSequence: call, readLedger: call, purge: call },
  };
  const lines: string[] = [];
  const tell: TellFailure = (what, tag, reason) => void lines.push(`${what} (${tag}): ${reason}`);
  const told = toldStore(store as unknown as ClusterStore, tell, clock);
  const fail = async (reason: string | undefined, attempt: () => Promise<unknown>) => {
    failure = reason;
    const outcome = attempt();
    await (reason === undefined ? outcome : expect(outcome).rejects.toThrow(reason));
  };
  const write = () => told.writeLease('me', value, 3);
  const goUnanswered = async () => {
    isUnanswered = true;
    await expect(write()).rejects.toThrow(TimeoutError);
    isUnanswered = false;
  };
  return { told, clock, lines, calls, fail, goUnanswered, write };
}

test('[CL-123] why the store fails is told once, until it is another reason or it succeeds', async () => {
  const { lines, fail, write } = setup();
  await fail('full', write);
  await fail('full', write);
  expect(lines).toEqual(['write a lease (me): full']);
  await fail('denied', write);
  await fail('full', write);
  await fail('full', write);
  await fail(undefined, write);
  await fail(undefined, write);
  await fail('full', write);
  expect(lines.slice(1)).toEqual(['denied', 'full', 'full'].map(reason => `write a lease (me): ${reason}`));
});

test('[CL-123] that nobody answers is told once it has lasted for a second', async () => {
  const { lines, clock, fail, goUnanswered, write } = setup();
  await goUnanswered();
  clock.advance(999);
  await goUnanswered();
  await fail(undefined, write); // as when a stream is known to all servers
  clock.advance(10_000);
  await goUnanswered();
  expect(lines).toEqual([]);
  clock.advance(1_000);
  await goUnanswered();
  await goUnanswered();
  expect(lines).toEqual(['write a lease (me): timeout']);
});

test('[CL-123] each call has reasons of its own, for each tag; a number in it makes no other reason', async () => {
  const { told, lines, fail, write } = setup();
  await fail('full', write);
  await fail(undefined, () => told.leases());
  await fail('full', () => told.writeLease('other', value, undefined));
  await fail('record 8 is gone', () => told.lastSequence('me'));
  await fail('record 9 is gone', () => told.lastSequence('me'));
  await fail('full', () => told.leases());
  await fail('full', write);
  expect(lines).toEqual([
    'write a lease (me): full',
    'write a lease (other): full',
    'find the end of a ledger (me): record 8 is gone',
    'read the leases of all nodes (undefined): full',
  ]);
});

test('what is given, and what comes back, stay the same', async () => {
  const { told, calls, write } = setup();
  expect(await write()).toEqual({ kind: 'stored', sequence: 7 });
  await told.purge('me', 4);
  expect(calls).toEqual([
    ['me', value, 3],
    ['me', 4],
  ]);
  expect([told.maxRecordBytes, told.isShared]).toEqual([5, true]);
});
