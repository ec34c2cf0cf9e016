import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import type { Hub } from '../../../src/hub/hub.js';
import { ackText, type FakeClient, TestNode, textPayload } from '../../support/fake-ports.js';

/** Two nodes of one service. `east` is asked; clients are on both. */
let east: TestNode;
let west: TestNode;
let hub: Hub;

beforeEach(() => {
  const bus = new MemoryBus();
  east = new TestNode(bus.connect());
  west = new TestNode(bus.connect());
  hub = east.chat;
});

const message = textPayload('x');
const fromServer = '{"type":"message","from":"server","dataType":"text","data":"x"}';
const fromGroup = (user: string | null) =>
  `{"type":"message","from":"group","group":"g","fromUserId":${JSON.stringify(user)},"dataType":"text","data":"x"}`;

/** What each of them heard since the last look. */
const heardBy = (...clients: FakeClient[]) => clients.map(client => client.heard());

/** One client on each node; ids `e` and `w`. */
function pair(options: Parameters<TestNode['open']>[0] = {}): [FakeClient, FakeClient] {
  return [east.open({ ...options, id: 'e' }), west.open({ ...options, id: 'w' })];
}

describe('sends reach every node', () => {
  test('[RA-029] to all, a group, a user and a connection', () => {
    const clients = pair({ userId: 'ann', groups: ['g'] });
    const stranger = west.open({ userId: 'bob' });
    hub.sendToAll(message);
    expect(heardBy(...clients, stranger)).toEqual([[fromServer], [fromServer], [fromServer]]);
    hub.sendToGroup('g', message);
    expect(heardBy(...clients, stranger)).toEqual([[fromGroup(null)], [fromGroup(null)], []]);
    hub.sendToUser('ann', message);
    expect(heardBy(...clients, stranger)).toEqual([[fromServer], [fromServer], []]);
    for (const { id } of [...clients, stranger]) hub.sendToConnection(id, message);
    expect(heardBy(...clients, stranger)).toEqual([[fromServer], [fromServer], [fromServer]]);
  });

  test('[RA-040] the excluded are spared on every node', () => {
    const clients = pair({ groups: ['g'] });
    const others = [east.open({ groups: ['g'] }), west.open({ groups: ['g'] })];
    hub.sendToAll(message, { excluded: ['e', 'w'] });
    hub.sendToGroup('g', message, { excluded: ['w'] });
    expect(heardBy(...clients)).toEqual([[fromGroup(null)], []]);
    expect(heardBy(...others)).toEqual([
      [fromServer, fromGroup(null)],
      [fromServer, fromGroup(null)],
    ]);
  });

  test('a client’s publish, once to each member, before its ack', () => {
    const [mine, theirs] = pair({ userId: 'ann', roles: ['webpubsub.sendToGroup'], groups: ['g'] });
    mine.say({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x', ackId: 1 });
    expect(heardBy(mine, theirs)).toEqual([[fromGroup('ann'), ackText(1)], [fromGroup('ann')]]);
    mine.say({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x', noEcho: true, ackId: 2 });
    expect(heardBy(mine, theirs)).toEqual([[ackText(2)], [fromGroup('ann')]]);
  });

  test('[RA-043] in the order of the calls, across kinds of send', () => {
    const { heard, id } = west.open({ userId: 'ann', groups: ['g'] });
    for (let round = 0; round < 10; round += 1) {
      hub.sendToAll(textPayload(`${round}a`));
      hub.sendToGroup('g', textPayload(`${round}b`));
      hub.sendToUser('ann', textPayload(`${round}c`));
      hub.sendToConnection(id, textPayload(`${round}d`));
    }
    const order = heard().map(text => (JSON.parse(text) as { data: string }).data);
    expect(order).toEqual(Array.from({ length: 40 }, (_, index) => `${Math.floor(index / 4)}${'abcd'[index % 4]}`));
  });

  test('[RA-029] to nobody is nothing', () => {
    const clients = pair();
    hub.sendToGroup('g', message);
    hub.sendToUser('nobody', message);
    hub.sendToConnection('nobody', message);
    expect(heardBy(...clients)).toEqual([[], []]);
  });
});

describe('[rest-api 5] what is changed from one node is seen from both once the promise settles', () => {
  const groups = (group: string) =>
    Promise.all(
      [east, west].map(async node => (await node.chat.listGroup(group)).map(({ connectionId }) => connectionId)),
    );

  test.each(['e', 'w'])('[RA-051] [RA-052] connection %s joins and leaves a group', async id => {
    const clients = pair();
    expect(await hub.addConnectionToGroup(id, 'g')).toBe(true);
    expect(await hub.addConnectionToGroup(id, 'g')).toBe(true);
    hub.sendToGroup('g', message);
    expect(heardBy(...clients)).toEqual(clients.map(client => (client.id === id ? [fromGroup(null)] : [])));
    expect(await groups('g')).toEqual([[id], [id]]);
    await hub.removeConnectionFromGroup(id, 'g');
    await hub.removeConnectionFromGroup(id, 'g');
    hub.sendToGroup('g', message);
    expect(heardBy(...clients)).toEqual([[], []]);
    expect(await groups('g')).toEqual([[], []]);
  });

  test('[RA-051] [RA-052] an unknown connection cannot join, and may be removed', async () => {
    pair();
    expect(await hub.addConnectionToGroup('nobody', 'g')).toBe(false);
    await hub.removeConnectionFromGroup('nobody', 'g');
    await hub.removeConnectionFromAllGroups('nobody');
    expect(await hub.groupExists('g')).toBe(false);
  });

  test('[RA-054] [RA-055] [RA-056] a user’s present connections join and leave', async () => {
    pair({ userId: 'ann' });
    expect(await hub.addUserToGroup('ann', 'g')).toBe(true);
    east.open({ id: 'later', userId: 'ann' });
    expect(await groups('g')).toEqual([
      ['e', 'w'],
      ['e', 'w'],
    ]);
    await hub.removeUserFromGroup('ann', 'g');
    expect(await groups('g')).toEqual([[], []]);
    expect(await hub.addUserToGroup('nobody', 'g')).toBe(false);
    await hub.removeUserFromGroup('nobody', 'g');
  });

  test('[RA-053] [RA-056] leaving all groups keeps the connection', async () => {
    const clients = pair({ userId: 'ann', groups: ['g', 'h'] });
    await hub.removeConnectionFromAllGroups('w');
    expect(await groups('g')).toEqual([['e'], ['e']]);
    expect(await groups('h')).toEqual([['e'], ['e']]);
    await hub.removeUserFromAllGroups('ann');
    expect(await groups('h')).toEqual([[], []]);
    hub.sendToAll(message);
    expect(heardBy(...clients)).toEqual([[fromServer], [fromServer]]);
  });

  test('[RA-063] [RA-064] a group is listed in the order of ids, with its users', async () => {
    const ids = ['c', 'B', 'a', '10', '9'];
    ids.forEach((id, index) => {
      (index % 2 === 0 ? east : west).open({ id, groups: ['g'], ...(id === 'a' ? { userId: 'ann' } : {}) });
    });
    expect(await hub.listGroup('g')).toEqual([
      { connectionId: '10', userId: undefined },
      { connectionId: '9', userId: undefined },
      { connectionId: 'B', userId: undefined },
      { connectionId: 'a', userId: 'ann' },
      { connectionId: 'c', userId: undefined },
    ]);
    expect(await hub.listGroup('empty')).toEqual([]);
  });
});

describe('[RA-044] existence', () => {
  const exists = () => Promise.all([hub.connectionExists('w'), hub.userExists('ann'), hub.groupExists('g')]);

  test('is known of connections on other nodes, and ends with them', async () => {
    expect(await exists()).toEqual([false, false, false]);
    const client = west.open({ id: 'w', userId: 'ann', groups: ['g'] });
    expect(await exists()).toEqual([true, true, true]);
    west.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    expect(await exists()).toEqual([false, false, false]);
  });

  test('[RA-045] a group exists while it has a member', async () => {
    pair({ groups: ['g'] });
    await hub.removeConnectionFromGroup('e', 'g');
    expect(await hub.groupExists('g')).toBe(true);
    await hub.removeConnectionFromGroup('w', 'g');
    expect(await hub.groupExists('g')).toBe(false);
  });
});

describe('closing', () => {
  const closedOf = (...clients: FakeClient[]) => clients.map(({ outlet }) => outlet.closed?.code);

  test('[RA-046] a connection anywhere; it is gone when the promise settles', async () => {
    const clients = pair({ userId: 'ann', groups: ['g'] });
    await hub.closeConnection('w', 'maintenance');
    expect(closedOf(...clients)).toEqual([undefined, 1000]);
    expect(await hub.connectionExists('w')).toBe(false);
    expect((await hub.listGroup('g')).map(({ connectionId }) => connectionId)).toEqual(['e']);
    await hub.closeConnection('w');
    await hub.closeConnection('nobody');
    expect(clients[1].outlet.closed).toEqual({ code: 1000, reason: '' });
  });

  test.each<[string, (options?: { excluded?: string[]; reason?: string }) => Promise<void>]>([
    ['all', options => hub.closeAll(options)],
    ['a group', options => hub.closeGroup('g', options)],
    ['a user', options => hub.closeUser('ann', options)],
  ])('[RA-049] %s on every node, but for the excluded', async (_title, close) => {
    const clients = pair({ userId: 'ann', groups: ['g'] });
    const kept = west.open({ id: 'kept', userId: 'ann', groups: ['g'] });
    await close({ excluded: ['kept', 'nobody'], reason: 'r' });
    expect(closedOf(...clients, kept)).toEqual([1000, 1000, undefined]);
    const goodbye =
      '{"type":"system","event":"disconnected","message":"Application server closed the connection. Reason: r"}';
    expect(heardBy(...clients, kept)).toEqual([[goodbye], [goodbye], []]);
    await close();
    expect(closedOf(kept)).toEqual([1000]);
    await close();
    expect([east.chat.size, west.chat.size]).toEqual([0, 0]);
  });

  test('a group or user does not take others along', async () => {
    const clients = pair();
    await hub.closeGroup('g');
    await hub.closeUser('ann');
    expect(closedOf(...clients)).toEqual([undefined, undefined]);
  });
});

describe('permissions', () => {
  const check = (group = 'g') => hub.checkPermission('w', 'sendToGroup', group);

  test('[RA-071] [RA-075] are granted, checked and revoked on other nodes', async () => {
    const client = west.open({ id: 'w' });
    expect(await check()).toBe(false);
    expect(await hub.grantPermission('w', 'sendToGroup', 'g')).toBe(true);
    expect([await check(), await check('*'), await hub.checkPermission('w', 'joinLeaveGroup', 'g')]).toEqual([
      true,
      false,
      false,
    ]);
    client.say({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(client.heard()).toEqual([ackText(1)]);
    await hub.revokePermission('w', 'sendToGroup', 'g');
    expect(await check()).toBe(false);
    client.say({ type: 'sendToGroup', group: 'g', data: 1, ackId: 2 });
    expect(client.heard()).toEqual([expect.stringContaining('"Forbidden"')]);
  });

  test('[RA-072] of an unknown connection: no grant, nothing to revoke, none to check', async () => {
    expect(await hub.grantPermission('w', 'sendToGroup', 'g')).toBe(false);
    await hub.revokePermission('w', 'sendToGroup', 'g');
    expect(await check()).toBe(false);
  });

  test('[RA-077] a revocation leaves the membership', async () => {
    west.open({ id: 'w', groups: ['g'], roles: ['webpubsub.joinLeaveGroup'] });
    await hub.revokePermission('w', 'joinLeaveGroup', 'g');
    expect((await hub.listGroup('g')).map(({ connectionId }) => connectionId)).toEqual(['w']);
  });

  test('[RA-078] the 1001st override is a conflict, on other nodes too, and changes nothing', async () => {
    west.open({ id: 'w', roles: ['webpubsub.joinLeaveGroup'] });
    for (let index = 0; index < 1000; index += 1) {
      await hub.grantPermission('w', 'sendToGroup', `g${index}`);
      await hub.revokePermission('w', 'joinLeaveGroup', `g${index}`);
    }
    await expect(hub.grantPermission('w', 'sendToGroup', 'more')).rejects.toMatchObject({ kind: 'conflict' });
    await expect(hub.revokePermission('w', 'joinLeaveGroup', 'more')).rejects.toMatchObject({ kind: 'conflict' });
    expect([await check('more'), await check('g999')]).toEqual([false, true]);
    expect(await hub.checkPermission('w', 'joinLeaveGroup', 'more')).toBe(true);
  });
});
