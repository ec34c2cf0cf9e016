import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HubChannels } from '../../../src/pusher-api/hub-channels.js';

test('very many channels are listed in turns, with those of groups, and without those of users', async () => {
  const groups = Array.from({ length: 20_000 }, (_, index) => ({ group: `c${index}`, connections: 1, memberIds: [] }));
  const users = { group: '#server-to-user-1', connections: 1, memberIds: [] };
  const hub = { occupiedGroups: async () => [...groups, users] };
  const foreign = { occupied: async () => ['c1', 'other'], occupiedAmong: async () => [] };
  const channels = new HubChannels(() => hub as never, foreign);
  let [turns, isOver] = [0, false];
  const listed = channels.occupied('', false).finally(() => {
    isOver = true;
  });
  for (; !isOver; turns += 1) await nextTurn();
  const names = (await listed).map(({ name }) => name);
  expect([names.length, names.at(0), names.at(-1)]).toEqual([20_001, 'c0', 'other']);
  expect(turns).toBeGreaterThan(15);
});
