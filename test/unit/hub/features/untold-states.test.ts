import { expect, test } from 'vitest';
import type { Connection } from '../../../../src/hub/connection.js';
import { maxUntold, UntoldStates } from '../../../../src/hub/features/untold-states.js';
import type { GroupStateItem } from '../../../../src/protocols/messages.js';
import { settled } from '../../../support/fake-ports.js';

const connection = {} as Connection;
const item = (k: string | undefined): GroupStateItem => ({
  connectionId: 'c',
  userId: undefined,
  state: k === undefined ? undefined : new Map([['k', k]]),
  updatedAtMs: 0,
});

function start() {
  const untold = new UntoldStates();
  const told: (string | undefined)[] = [];
  const hold = (k: string) => {
    let resolve = (_isKept: boolean) => {};
    const keeping = new Promise<boolean>(done => {
      resolve = done;
    });
    void untold.hold(connection, 'g', item(k), keeping, next => told.push(next.state?.get('k')));
    return async (isKept: boolean) => {
      resolve(isKept);
      await settled();
    };
  };
  return { untold, told, hold, add: (k: string | undefined) => untold.add(connection, 'g', item(k)) };
}

test('[CL-059] a first state and all that follows it are told in order, once it is kept, and later ones at once', async () => {
  const { told, hold, add } = start();
  const keep = hold('1');
  expect([add('2'), add(undefined)]).toEqual([true, true]);
  await settled();
  expect(told).toEqual([]);
  await keep(true);
  expect(told).toEqual(['1', '2', undefined]);
  expect(add('3')).toBe(false);
});

test('[CL-059] a state after one that was cleared waits until it is kept itself', async () => {
  const { told, hold, add } = start();
  const keepOne = hold('1');
  add(undefined);
  const keepTwo = hold('2');
  add('3');
  await keepOne(true);
  expect(told).toEqual(['1', undefined]);
  await keepTwo(true);
  expect(told).toEqual(['1', undefined, '2', '3']);
});

test('nothing is told of what is never kept, or of a connection that is forgotten', async () => {
  const { untold, told, hold, add } = start();
  const keep = hold('1');
  add('2');
  await keep(false);
  const keepOther = hold('3');
  untold.forget(connection);
  expect(add('4')).toBe(false);
  await keepOther(true);
  expect(told).toEqual([]);
});

test('of too many that wait, the latest are told', async () => {
  const { told, hold, add } = start();
  const keep = hold('0');
  for (let k = 1; k <= maxUntold; k += 1) add(`${k}`);
  await keep(true);
  expect([told.length, told[0], told.at(-1)]).toEqual([maxUntold, '1', `${maxUntold}`]);
});
