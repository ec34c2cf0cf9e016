import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import { PubSubError } from '../../../src/errors.js';
import type { ListOptions } from '../../../src/hub/call-options.js';
import { type FakeClient, settled, TestNode, textPayload } from '../../support/fake-ports.js';
import { ManualPace } from '../../support/manual-pace.js';

/** Each turn of the event loop does one step of the work that is under way. */
let pace: ManualPace;
let node: TestNode;
let clients: FakeClient[];

beforeEach(() => {
  pace = ManualPace.stepByStep();
  node = new TestNode(new MemoryBus().connect(), { atEnd: task => task() }, pace);
  clients = ['a', 'b', 'c'].map(id => node.open({ id, userId: 'ann' }));
});

const groupsOf = () => clients.map(({ connection }) => [...connection.groups].join());
const leave = ({ connection, outlet }: FakeClient) =>
  node.chat.lifecycle.lose(connection, outlet, { category: 'Normal', reason: '' }, true);

/** Lets the call begin, and do that many steps. */
async function steps(count: number): Promise<void> {
  await settled();
  for (let step = 1; step < count; step += 1) pace.turn();
}

/** Until the call is over. */
async function end<T>(call: Promise<T>): Promise<T> {
  await settled();
  await pace.finish();
  return call;
}

async function membersOf(group: string, options?: ListOptions): Promise<string[]> {
  const members = await end(node.chat.listGroup(group, options));
  return members.map(({ connectionId }) => connectionId);
}

describe('[F2] a call over many connections goes in slices', () => {
  test('joins: the answer comes after the last one', async () => {
    let isAnswered = false;
    const call = node.chat.addConnectionsToGroups(['g', 'h']).then(() => {
      isAnswered = true;
    });
    await steps(3);
    expect([groupsOf(), isAnswered]).toEqual([['g,h', 'g', ''], false]);
    await end(call);
    expect([groupsOf(), isAnswered]).toEqual([['g,h', 'g,h', 'g,h'], true]);
    expect(clients.map(({ session }) => session.presence)).toEqual(Array(3).fill(['joined g', 'joined h']));
  });

  test('a connection that ends meanwhile is passed over, and one that opens meanwhile is not concerned', async () => {
    const call = node.chat.addConnectionsToGroups(['g']);
    await steps(1);
    leave(clients[1]!);
    clients.push(node.open({ id: 'd' }));
    await end(call);
    expect(groupsOf()).toEqual(['g', '', 'g', '']);
    expect(await membersOf('g')).toEqual(['a', 'c']);
  });

  test('a connection that ends between two of its groups is left in none', async () => {
    const call = node.chat.addConnectionsToGroups(['g', 'h']);
    await steps(1);
    leave(clients[0]!);
    await end(call);
    expect(clients[0]!.session.presence).toEqual(['joined g', 'left g']);
    expect(await membersOf('h')).toEqual(['b', 'c']);
  });

  test('a send between two slices reaches who is a member by then, once, and a later one everybody', async () => {
    const call = node.chat.addConnectionsToGroups(['g']);
    await steps(2);
    node.chat.sendToGroup('g', textPayload('x'));
    expect(clients.map(client => client.heard().length)).toEqual([1, 1, 0]);
    await end(call);
    node.chat.sendToGroup('g', textPayload('y'));
    expect(clients.map(client => client.heard().length)).toEqual([1, 1, 1]);
  });

  test('two calls at the same time both end, whichever is longer', async () => {
    const joins = node.chat.addConnectionsToGroups(['g', 'h', 'i']);
    const other = node.chat.addConnectionsToGroups(['k']);
    await end(Promise.all([joins, other]));
    expect(groupsOf().map(groups => groups.split(',').sort().join())).toEqual(Array(3).fill('g,h,i,k'));
  });

  test('a small call is not held up by a large one', async () => {
    const joins = node.chat.addConnectionsToGroups(Array.from({ length: 50 }, (_, index) => `g${index}`));
    await steps(3);
    const small = node.chat.closeConnection('c');
    for (let turn = 0; turn < 3; turn += 1) pace.turn();
    await small;
    expect(clients[2]!.connection.isAlive).toBe(false);
    await end(joins);
  });

  test('[RA-060] a filter is evaluated on all of them before anything changes', async () => {
    await end(node.chat.addConnectionsToGroups(['x']));
    await end(node.chat.removeConnectionsFromGroups(['x'], "'x' in groups"));
    expect(groupsOf()).toEqual(['', '', '']);
  });

  test('leaving very many groups takes no longer than there are memberships', async () => {
    await end(node.chat.addConnectionsToGroups(['g5', 'other']));
    const call = node.chat.removeConnectionsFromGroups(Array.from({ length: 10_000 }, (_, index) => `g${index}`));
    await steps(7);
    await call;
    expect(groupsOf()).toEqual(['other', 'other', 'other']);
  });

  test('leaving all groups does not undo what is joined meanwhile', async () => {
    await end(node.chat.addConnectionsToGroups(['g', 'h']));
    const call = node.chat.removeUserFromAllGroups('ann');
    await steps(3);
    await end(Promise.all([call, node.chat.addConnectionToGroup('a', 'g')]));
    expect(groupsOf()).toEqual(['g', '', '']);
    expect(clients[1]!.session.presence).toEqual(['joined g', 'joined h', 'left g', 'left h']);
  });

  test.each(['all', 'group', 'user'] as const)(
    'closing %s spares the excluded and those who come later',
    async whom => {
      await end(node.chat.addConnectionsToGroups(['g']));
      const options = { excluded: ['b'], reason: 'r' };
      const { chat } = node;
      const close = {
        all: () => chat.closeAll(options),
        group: () => chat.closeGroup('g', options),
        user: () => chat.closeUser('ann', options),
      };
      const call = close[whom]();
      await steps(1);
      clients.push(node.open({ id: 'd', userId: 'ann', groups: ['g'] }));
      await end(call);
      expect(clients.map(({ connection }) => connection.isAlive)).toEqual([false, true, false, true]);
    },
  );

  test('a list is read in slices, page by page', async () => {
    await end(node.chat.addConnectionsToGroups(['g']));
    expect(await membersOf('g', { limit: 2 })).toEqual(['a', 'b']);
    expect(await membersOf('g', { after: 'b', limit: 2 })).toEqual(['c']);
  });

  test('the service’s shutdown ends connections in slices', async () => {
    const left = node.chat.lifecycle.evict(2);
    expect(clients.map(({ connection }) => connection.isAlive)).toEqual([false, true, true]);
    await pace.finish();
    expect(await left).toBe(1);
  });

  test('a snapshot of group states has what changed while it was made', async () => {
    const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];
    const members = ['m', 'n', 'o'].map(id => node.open({ id, groups: ['g'], roles }));
    const set = (client: FakeClient, state: object | null) => client.say({ type: 'setGroupState', group: 'g', state });
    for (const member of members) set(member, { k: 'old' });
    const subscriber = members[0]!;
    subscriber.say({ type: 'subscribeGroupState', group: 'g' });
    await steps(1);
    set(members[1]!, { k: 'new' });
    leave(members[2]!);
    await pace.finish();
    const [snapshot, ...others] = subscriber.heard().map(text => JSON.parse(text));
    expect(others).toEqual([]);
    expect(snapshot).toMatchObject({ type: 'groupStateSnapshot', group: 'g' });
    expect(JSON.stringify(snapshot)).toContain('"new"');
    expect(JSON.stringify(snapshot)).not.toContain('"o"');
  });
});

describe('[F2] a call that would make more memberships than limits.membershipsPerCall', () => {
  test('is refused before it starts, and says what to do', async () => {
    node.membershipsPerCall = 5;
    const call = node.chat.addConnectionsToGroups(['g', 'h']);
    await expect(call).rejects.toMatchObject({
      kind: 'invalid',
      message:
        '3 connections × 2 groups are 6 memberships; one call may create at most 5 (limits.membershipsPerCall). ' +
        'Use fewer groups, or a filter that matches fewer connections. Nothing was changed.',
    });
    expect(groupsOf()).toEqual(['', '', '']);
  });

  test('is taken at the limit, and when its filter accepts few enough', async () => {
    node.membershipsPerCall = 4;
    await end(node.chat.addConnectionsToGroups(['g']));
    await end(node.chat.addConnectionsToGroups(['h', 'i'], "connectionId in ('a','b')"));
    expect(groupsOf()).toEqual(['g,h,i', 'g,h,i', 'g']);
  });

  test('counts the connections of every node', async () => {
    const bus = new MemoryBus();
    const [east, west] = [new TestNode(bus.connect()), new TestNode(bus.connect())];
    for (const each of [east, west]) each.open({ id: each === east ? 'e' : 'w' });
    east.membershipsPerCall = 3;
    await expect(east.chat.addConnectionsToGroups(['g', 'h'])).rejects.toMatchObject({ kind: 'invalid' });
    await east.chat.addConnectionsToGroups(['g']);
    expect(await west.chat.listGroup('g')).toHaveLength(2);
  });
});

describe('[F2] a connection in very many groups ends in slices', () => {
  const many = Array.from({ length: 1_001 }, (_, index) => `g${index}`);

  /** One step of its end has been done. */
  function beginEnd(): FakeClient {
    const client = node.open({ id: 'm', userId: 'max', groups: many });
    client.session.presence.length = 0;
    leave(client);
    return client;
  }

  test('it is gone at once; `left` of each group comes before `disconnected`, each once', async () => {
    const client = beginEnd();
    expect(client.connection.isAlive).toBe(false);
    expect(await node.chat.connectionExists('m')).toBe(false);
    expect(await node.chat.userExists('max')).toBe(false);
    expect(client.session.presence).toEqual(['left g0']);
    expect(client.session.history).not.toContain('disconnected');
    await pace.finish();
    expect(client.session.presence).toEqual(many.map(group => `left ${group}`));
    expect(client.session.history.filter(name => name === 'disconnected')).toHaveLength(1);
    expect(node.observer.of('closed')).toHaveLength(1);
  });

  test('meanwhile it gets nothing, is listed nowhere, and other work on it changes nothing', async () => {
    const client = beginEnd();
    node.chat.sendToGroup('g1000', textPayload('x'));
    expect(await membersOf('g1000')).toEqual([]);
    node.chat.lifecycle.fail(client.connection, new PubSubError('slowClient', 'again'));
    await end(node.chat.closeGroup('g1000'));
    await pace.finish();
    expect(client.outlet.frames).toEqual([]);
    expect(client.session.presence).toHaveLength(many.length);
    expect(client.session.history.filter(name => name === 'disconnected')).toHaveLength(1);
  });

  test('its hub is kept, and the service’s stop goes on, until it has left the last group', async () => {
    beginEnd();
    for (const other of clients) leave(other);
    const hub = node.hubs.find('chat');
    expect(hub?.size).toBe(0);
    expect(await hub?.lifecycle.evict(1)).toBe(1);
    await pace.finish();
    expect(await hub?.lifecycle.evict(1)).toBe(0);
    expect(node.hubs.find('chat')).toBeUndefined();
  });
});
