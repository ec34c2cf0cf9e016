import { beforeEach, describe, expect, test } from 'vitest';
import type { OnPartial } from '../../../src/hub/call-options.js';
import type { Hub } from '../../../src/hub/hub.js';
import { TestNode, textPayload } from '../../support/fake-ports.js';
import { NetworkBus, type NetworkEnd } from '../../support/network-bus.js';

/** Three nodes; `east` is asked, clients are on it and on `west`, and `silent` does not answer. */
let ends: NetworkEnd[];
let east: TestNode;
let west: TestNode;
let hub: Hub;

beforeEach(async () => {
  const bus = new NetworkBus();
  ends = [bus.connect(), bus.connect(), bus.connect()];
  [east, west] = ends.map(end => new TestNode(end)) as [TestNode, TestNode];
  hub = east.chat;
  east.open({ id: 'e', userId: 'eve', groups: ['ge'] });
  west.open({ id: 'w', userId: 'wes', groups: ['gw'] });
  await Promise.resolve();
  ends[2]!.isSilent = true;
});

const unknown = { kind: 'unknown', outcome: { http: 503 } };

/** How often the other nodes are asked. */
function countGathers(): () => number {
  let count = 0;
  const end = ends[0]!;
  const gather = end.gather.bind(end);
  end.gather = (...call) => {
    count += 1;
    return gather(...call) as never;
  };
  return () => count;
}

describe('existence and permissions, with a node that does not answer', () => {
  const exists = {
    connection: (id: string) => hub.connectionExists(id),
    user: (id: string) => hub.userExists(({ e: 'eve', w: 'wes' } as Record<string, string>)[id] ?? 'nobody'),
    group: (id: string) => hub.groupExists(`g${id}`),
  };

  test.each(Object.entries(exists))(
    '%s: yes where it is known, here or elsewhere; otherwise unknown, not no',
    async (_what, ask) => {
      expect(await ask('e')).toBe(true);
      expect(await ask('w')).toBe(true);
      await expect(ask('x')).rejects.toMatchObject(unknown);
      ends[2]!.isSilent = false;
      expect(await ask('x')).toBe(false);
    },
  );

  test('the error says who did not answer, and to try again', async () => {
    await expect(hub.connectionExists('x')).rejects.toThrow(
      'the result is not known: nodes of the service did not answer (end 3). Try again.',
    );
  });

  test('what is here is known without asking anybody', async () => {
    const gathers = countGathers();
    expect([await hub.connectionExists('e'), await hub.userExists('eve'), await hub.groupExists('ge')]).toEqual([
      true,
      true,
      true,
    ]);
    expect(await hub.grantPermission('e', 'sendToGroup', 'g')).toBe(true);
    expect(await hub.checkPermission('e', 'sendToGroup', 'g')).toBe(true);
    expect(await hub.addConnectionToGroup('e', 'h')).toBe(true);
    await hub.closeConnection('e');
    expect(gathers()).toBe(0);
  });

  test('a permission of a connection that is found is granted, checked and revoked; of another it is unknown', async () => {
    for (const id of ['e', 'w']) {
      expect(await hub.grantPermission(id, 'sendToGroup', 'g')).toBe(true);
      expect(await hub.checkPermission(id, 'sendToGroup', 'g')).toBe(true);
      await hub.revokePermission(id, 'sendToGroup', 'g');
    }
    await expect(hub.checkPermission('w', 'sendToGroup', 'g')).rejects.toMatchObject(unknown);
    await expect(hub.grantPermission('x', 'sendToGroup', 'g')).rejects.toMatchObject(unknown);
    await expect(hub.revokePermission('x', 'sendToGroup', 'g')).rejects.toMatchObject(unknown);
  });
});

describe('lists and changes, with a node that does not answer', () => {
  test('a list is refused: it could be short', async () => {
    await expect(hub.listGroup('gw')).rejects.toMatchObject(unknown);
    ends[2]!.isSilent = false;
    expect(await hub.listGroup('gw')).toEqual([{ connectionId: 'w', userId: 'wes' }]);
  });

  test('a connection that is found joins, leaves and is closed', async () => {
    expect(await hub.addConnectionToGroup('w', 'h')).toBe(true);
    await hub.removeConnectionFromGroup('w', 'h');
    await hub.removeConnectionFromAllGroups('w');
    await hub.closeConnection('w');
    expect(west.chat.size).toBe(0);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a connection that is not found joins', () => hub.addConnectionToGroup('x', 'h')],
    ['a connection that is not found leaves', () => hub.removeConnectionFromGroup('x', 'h')],
    ['a connection that is not found is closed', () => hub.closeConnection('x')],
    ['a user joins', () => hub.addUserToGroup('wes', 'h')],
    ['a user leaves', () => hub.removeUserFromGroup('wes', 'gw')],
    ['a user leaves all', () => hub.removeUserFromAllGroups('wes')],
    ['many leave', () => hub.removeConnectionsFromGroups(['gw'])],
    ['all are closed', () => hub.closeAll()],
    ['a group is closed', () => hub.closeGroup('gw')],
    ['a user is closed', () => hub.closeUser('wes')],
  ])('%s: unknown, since it is not done everywhere', async (_what, change) => {
    await expect(change()).rejects.toMatchObject(unknown);
    ends[2]!.isSilent = false;
    await change();
  });

  test.each<[string, (onPartial: OnPartial) => Promise<unknown>]>([
    ['a list', onPartial => hub.listGroup('gw', { onPartial })],
    ['a user joins', onPartial => hub.addUserToGroup('wes', 'h', onPartial)],
    ['a user leaves', onPartial => hub.removeUserFromGroup('wes', 'gw', onPartial)],
    ['a user leaves all', onPartial => hub.removeUserFromAllGroups('wes', onPartial)],
    ['many join', onPartial => hub.addConnectionsToGroups(['h'], undefined, onPartial)],
    ['many leave', onPartial => hub.removeConnectionsFromGroups(['gw'], undefined, onPartial)],
    ['all are closed', onPartial => hub.closeAll({ onPartial })],
    ['a group is closed', onPartial => hub.closeGroup('gw', { onPartial })],
    ['a user is closed', onPartial => hub.closeUser('wes', { onPartial })],
  ])('%s: whoever says so goes on without it, and is told its name', async (_what, call) => {
    const told: (readonly string[])[] = [];
    await call(nodes => void told.push(nodes));
    expect(new Set(told.flat())).toEqual(new Set(['end 3']));
    ends[2]!.isSilent = false;
    told.splice(0);
    await call(nodes => void told.push(nodes));
    expect(told).toEqual([]);
  });

  test('a user whom no node knows is unknown all the same: there may be one', async () => {
    await expect(hub.addUserToGroup('nobody', 'h', () => {})).rejects.toMatchObject(unknown);
  });

  test('what was done on the nodes that answered is done, so that a call can be repeated', async () => {
    await expect(hub.closeUser('wes')).rejects.toMatchObject(unknown);
    expect(west.chat.size).toBe(0);
  });

  test('many join on no node while their number is unknown', async () => {
    await expect(hub.addConnectionsToGroups(['h'])).rejects.toMatchObject(unknown);
    ends[2]!.isSilent = false;
    expect(await hub.groupExists('h')).toBe(false);
    await hub.addConnectionsToGroups(['h']);
    expect((await hub.listGroup('h')).map(({ connectionId }) => connectionId)).toEqual(['e', 'w']);
  });
});

test('pages of a group over two nodes are in one order, none longer than asked for', async () => {
  ends[2]!.isSilent = false;
  for (const id of ['b', 'd', 'f']) east.open({ id, groups: ['p'] });
  for (const id of ['a', 'c', 'g']) west.open({ id, groups: ['p'] });
  await Promise.resolve();
  const page = async (after?: string) =>
    (await hub.listGroup('p', { after, limit: 4 })).map(({ connectionId }) => connectionId);
  expect([await page(), await page('d'), await page('g')]).toEqual([['a', 'b', 'c', 'd'], ['f', 'g'], []]);
});

test('what fails on another node is told there, and unknown here', async () => {
  ends[2]!.isSilent = false;
  const fault = new TypeError('ours');
  west.chat.performer.answer = () => {
    throw fault;
  };
  await expect(hub.listGroup('gw')).rejects.toMatchObject(unknown);
  expect(west.observer.of('fault')).toMatchObject([{ where: 'request of another node for hub chat', error: fault }]);
  west.chat.performer.perform = () => {
    throw fault;
  };
  hub.sendToGroup('gw', textPayload('x'));
  expect(west.observer.of('fault')).toHaveLength(2);
});
