import { expect, test } from 'vitest';
import type { Connection } from '../../../../src/hub/connection.js';
import { MemberCounts } from '../../../../src/hub/features/member-counts.js';
import { settled, TestNode } from '../../../support/fake-ports.js';
import { ManualClock } from '../../../support/manual-clock.js';

/** A node whose group has one connection, and two that are elsewhere. */
function start() {
  const told: unknown[] = [];
  const kept: string[] = [];
  const counts = new MemberCounts({
    hub: 'app:1',
    members: { count: () => 1 },
    publisher: {
      offer: (_target, message) => {
        told.push(message);
        return 'accepted';
      },
    },
    backplane: { gather: async () => ({ answers: [2] as never[], missing: ['a node that is gone'] }) },
    clock: new ManualClock(),
    turn: { atEnd: queueMicrotask },
    observer: { tell: () => {}, fault: (_where, error) => expect.fail(String(error)) },
    ledger: {
      line: (hub, id) =>
        ({ changed: async (change: object) => void kept.push(`${hub} ${id} ${JSON.stringify(change)}`) }) as never,
    },
  });
  return { counts, told, kept };
}

const connectionOf = (isAlive: boolean) => ({ id: 'c', isAlive }) as Connection;

test('[CL-059] who is counted is kept for other nodes until it leaves; those that end are kept as ended', async () => {
  const { counts, kept } = start();
  counts.left(connectionOf(true), 'g'); // of which nobody wants to know the number
  counts.joined(connectionOf(true), 'g');
  counts.left(connectionOf(true), 'g');
  counts.left(connectionOf(false), 'g');
  await settled();
  const changes = ['counted', 'notCounted'].map(kind => `app:1 c ${JSON.stringify({ kind, group: 'g' })}`);
  expect(kept).toEqual(changes);
});

test('[CL-059] what has changed elsewhere is told once in a turn, with the numbers of the nodes that answer', async () => {
  const { counts, told, kept } = start();
  for (let index = 0; index < 200; index += 1) counts.changed('g');
  await settled();
  expect(told).toEqual([{ kind: 'memberCount', group: 'g', count: 3 }]);
  expect(kept).toEqual([]);
});

test('[CL-059] connections of a node that is gone, of a hub without clients here, are told of together', async () => {
  const tasks: (() => void)[] = [];
  const { hubs, observer } = new TestNode(undefined, { atEnd: task => void tasks.push(task) });
  for (let index = 0; index < 200; index += 1) {
    const nothing = { userId: undefined, signedInAs: undefined, states: [], members: [] };
    hubs.endElsewhere('app:1', { ...nothing, id: `c${index}`, counted: ['g', 'h'], by: 'gone' });
  }
  for (const task of tasks.splice(0)) task();
  await settled();
  const counted = observer.facts.filter(({ what }) => what === 'counted');
  expect(counted.map(({ group, count }) => [group, count])).toEqual([
    ['g', 0],
    ['h', 0],
  ]);
  expect([...hubs.all()]).toEqual([]);
});
