import { expect, test } from 'vitest';
import type { Connection } from '../../../../src/hub/connection.js';
import { Watchlists } from '../../../../src/hub/features/watchlists.js';
import { settled } from '../../../support/fake-ports.js';
import { ManualClock } from '../../../support/manual-clock.js';

const watcher = {} as Connection;

/** Node 0 with a watcher of ann, and other nodes to which she may come. */
function start() {
  /** Ann's connections, by node. */
  const counts = [0, 0, 0];
  const told: string[] = [];
  const missing: string[] = [];
  const answers: (() => void)[] = [];
  const clock = new ManualClock();
  const nodes = counts.map(
    (_, own) =>
      new Watchlists({
        hub: 'chat',
        members: { countOfUser: () => counts[own]! },
        sends: {
          sendNow: (_receivers, sends) => {
            const [{ message }] = sends as unknown as [{ message: { online: string[]; offline: string[] } }];
            told.push(`+${message.online} -${message.offline}`);
          },
        },
        backplane: {
          publish: () => {
            for (const [other, node] of nodes.entries()) if (other !== own) node.receive('ann');
            return 'accepted';
          },
          gather: async (_target, { kind }) => {
            const isElsewhere = counts.some((count, other) => other !== own && count > 0);
            await new Promise<void>(resolve => void answers.push(resolve));
            const answer = kind === 'exists' ? isElsewhere : isElsewhere ? ['ann'] : [];
            return { answers: [answer] as never[], missing };
          },
        },
        clock,
        observer: { fault: (_where, error) => expect.fail(String(error)) },
      }),
  );
  const change = (node: number, by: 1 | -1) => {
    counts[node]! += by;
    if (counts[node] === (by === 1 ? 1 : 0)) nodes[node]!.changed('ann');
  };
  const answer = async () => {
    while (answers.length > 0) {
      for (const resolve of answers.splice(0)) resolve();
      await settled();
    }
  };
  return { nodes, told, missing, change, answer, clock, counts };
}

test('a user who comes to two nodes at once comes once, and goes once when it leaves both at once', async () => {
  const { nodes, told, change, answer } = start();
  void nodes[0]!.watch(watcher, ['ann']);
  await answer();
  expect(told.splice(0)).toEqual(['+ -ann']);
  change(1, 1);
  change(2, 1);
  await answer();
  expect(told.splice(0)).toEqual(['+ann -']);
  change(1, -1);
  await answer();
  expect(told).toEqual([]);
  change(1, 1);
  change(1, -1);
  change(2, -1);
  await answer();
  expect(told).toEqual(['+ -ann']);
});

test('what changes while it is found out is told too', async () => {
  const { nodes, told, change, answer } = start();
  void nodes[0]!.watch(watcher, ['ann']);
  change(1, 1);
  await answer();
  expect(told.splice(0)).toEqual(['+ -ann', '+ann -']);
  change(1, -1);
  change(0, 1);
  await answer();
  expect(told).toEqual([]);
});

test('[CL-059] that a user has gone is told once it is known: not while a node does not answer', async () => {
  const { nodes, told, missing, change, answer, clock } = start();
  change(1, 1);
  void nodes[0]!.watch(watcher, ['ann']);
  await answer();
  expect(told.splice(0)).toEqual(['+ann -']);
  missing.push('another node');
  change(1, -1);
  await answer();
  for (let second = 0; second < 5; second += 1) {
    clock.advance(1_000);
    await answer();
  }
  expect(told).toEqual([]);
  missing.pop(); // it is back, or gone
  clock.advance(1_000);
  await answer();
  expect(told).toEqual(['+ -ann']);
});

test('who is offline is not told while a node does not answer, and is once it does', async () => {
  const { nodes, told, missing, change, answer, clock } = start();
  missing.push('another node');
  void nodes[0]!.watch(watcher, ['ann']);
  await answer();
  expect(told).toEqual([]);
  missing.pop();
  clock.advance(1_000);
  await answer();
  expect(told.splice(0)).toEqual(['+ -ann']);
  change(1, 1);
  await answer();
  expect(told).toEqual(['+ann -']);
});

test('who is found online later, on a node that did not answer at first, is told then', async () => {
  const { nodes, told, missing, answer, clock, counts } = start();
  missing.push('another node');
  void nodes[0]!.watch(watcher, ['ann']);
  await answer();
  missing.pop();
  counts[1] = 1;
  clock.advance(1_000);
  await answer();
  expect(told).toEqual(['+ann -']);
});
