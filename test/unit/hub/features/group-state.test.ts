import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../../src/backplane/memory.js';
import type { Answers, Query, QueryKind, Target } from '../../../../src/hub/commands.js';
import { GroupStates } from '../../../../src/hub/features/group-state.js';
import { maxSnapshotItems } from '../../../../src/hub/features/state-items.js';
import type { Backplane, Gathered } from '../../../../src/hub/ports.js';
import { Slices } from '../../../../src/hub/slices.js';
import type { GroupStateItem, NumberedMessage } from '../../../../src/protocols/messages.js';
import { jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { ackText, type FakeClient, type OpenOptions, settled, TestNode } from '../../../support/fake-ports.js';
import { ManualPace } from '../../../support/manual-pace.js';

const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState', 'webpubsub.joinLeaveGroup'];
const member: OpenOptions = { roles, groups: ['g'] };

const set = (client: FakeClient, state: Record<string, string> | null, more: object = {}) =>
  client.say({ type: 'setGroupState', group: 'g', state, ...more });

interface Item {
  readonly connectionId: string;
  readonly userId?: string;
  readonly state?: Record<string, string>;
  readonly updatedAt: number;
}

/** State messages heard since the last look: `=` for a snapshot, `+` for an update, with each member's state. */
function states(client: FakeClient): string[] {
  return client.heard().flatMap(text => {
    const { type, items } = JSON.parse(text) as { type: string; items: Item[] };
    if (!type.startsWith('groupState')) return [];
    const shown = items.map(({ connectionId, state }) => `${connectionId}:${state ? JSON.stringify(state) : '-'}`);
    return [`${type === 'groupStateSnapshot' ? '=' : '+'} ${shown.join(' ')}`.trim()];
  });
}

/** Subscribes, and answers the snapshot. */
async function subscribe(client: FakeClient): Promise<string[]> {
  client.say({ type: 'subscribeGroupState', group: 'g' });
  await settled();
  return states(client);
}

describe('[client-protocols 4.9] on one node', () => {
  let node: TestNode;
  let ann: FakeClient;
  let bob: FakeClient;

  beforeEach(() => {
    node = new TestNode();
    ann = node.open({ ...member, id: 'a', userId: 'ann' });
    bob = node.open({ ...member, id: 'b' });
  });

  test('[CP-103] subscribe: first the ack, then the snapshot, in the order of connection ids', async () => {
    set(bob, { k: 'b' });
    set(ann, { k: 'a', l: '' });
    bob.say({ type: 'subscribeGroupState', group: 'g', ackId: 1 });
    expect(bob.heard()).toEqual([ackText(1)]);
    await settled();
    const now = node.clock.now();
    expect(bob.heard().map(text => JSON.parse(text))).toEqual([
      {
        type: 'groupStateSnapshot',
        group: 'g',
        items: [
          { connectionId: 'a', userId: 'ann', state: { k: 'a', l: '' }, updatedAt: now },
          { connectionId: 'b', state: { k: 'b' }, updatedAt: now },
        ],
      },
    ]);
  });

  test('set and clear reach those who subscribed, the setter too, before its ack', async () => {
    expect(await subscribe(ann)).toEqual(['=']);
    set(ann, { k: '1' }, { ackId: 1 });
    expect(ann.heard()).toEqual([expect.stringContaining('"groupStateUpdate"'), ackText(1)]);
    set(bob, { k: '2' });
    set(bob, null);
    set(bob, null);
    expect(states(ann)).toEqual(['+ b:{"k":"2"}', '+ b:-']);
    expect(bob.heard()).toEqual([]);
  });

  test('an empty state is a state', async () => {
    await subscribe(ann);
    set(bob, {});
    expect(states(ann)).toEqual(['+ b:{}']);
    expect(await subscribe(bob)).toEqual(['= b:{}']);
  });

  test('unsubscribe always succeeds and ends the updates', async () => {
    await subscribe(ann);
    ann.say({ type: 'unsubscribeGroupState', group: 'g', ackId: 1 });
    ann.say({ type: 'unsubscribeGroupState', group: 'nowhere', ackId: 2 });
    expect(ann.heard()).toEqual([ackText(1), ackText(2)]);
    set(bob, { k: '1' });
    expect(states(ann)).toEqual([]);
  });

  test('subscribing again gives another snapshot; a Duplicate does not', async () => {
    await subscribe(ann);
    expect(await subscribe(ann)).toEqual(['=']);
    for (let round = 0; round < 2; round += 1) {
      ann.say({ type: 'subscribeGroupState', group: 'g', ackId: 1 });
      await settled();
      expect(states(ann)).toEqual(round === 0 ? ['='] : []);
    }
  });

  test.each<[string, (node: TestNode) => unknown]>([
    ['its own leave', () => bob.say({ type: 'leaveGroup', group: 'g' })],
    ['the app server’s', node => node.chat.removeConnectionFromGroup('b', 'g')],
    ['leaving all groups', node => node.chat.removeConnectionFromAllGroups('b')],
    ['its end', node => node.chat.closeConnection('b')],
  ])('%s clears the state and ends the subscription', async (_title, leave) => {
    await subscribe(ann);
    await subscribe(bob);
    set(bob, { k: '1' });
    states(bob);
    await leave(node);
    expect(states(ann)).toEqual(['+ b:{"k":"1"}', '+ b:-']);
    if (!bob.connection.isAlive) return;
    bob.say({ type: 'joinGroup', group: 'g' });
    set(ann, { k: '2' });
    expect(states(bob)).toEqual([]);
    expect(await subscribe(bob)).toEqual(['= a:{"k":"2"}']);
  });

  test('a member without a state leaves without an update', async () => {
    await subscribe(ann);
    bob.say({ type: 'leaveGroup', group: 'g' });
    expect(states(ann)).toEqual([]);
  });

  test.each([
    ['setGroupState', ['webpubsub.getGroupState'], ['g'], 'no setGroupState permission for group g'],
    ['subscribeGroupState', ['webpubsub.setGroupState'], ['g'], 'no getGroupState permission for group g'],
    ['setGroupState', roles, ['h'], 'not a member of group g'],
    ['subscribeGroupState', roles, ['h'], 'not a member of group g'],
  ])('[CP-103] %s with %j in %j is Forbidden', async (type, roles, groups, message) => {
    const client = node.open({ roles, groups });
    client.say({ type, group: 'g', state: { k: 'v' }, ackId: 1 });
    await settled();
    const error = JSON.stringify({ name: 'Forbidden', message });
    expect(client.heard()).toEqual([`{"type":"ack","ackId":1,"success":false,"error":${error}}`]);
    expect(await subscribe(ann)).toEqual(['=']);
  });

  test('[CP-103] 512 bytes of UTF-8 are taken, 513 are BadRequest and change nothing', async () => {
    await subscribe(ann);
    set(bob, { ké: 'é'.repeat(254), '': 'x' }, { ackId: 1 });
    set(bob, { ké: 'é'.repeat(254), '': 'xy' }, { ackId: 2 });
    expect(bob.heard()).toEqual([ackText(1), expect.stringContaining('"name":"BadRequest"')]);
    expect(states(ann)).toHaveLength(1);
  });

  test('updatedAt grows with each change of a connection, whatever the clock says', async () => {
    await subscribe(ann);
    const now = node.clock.now();
    set(bob, { k: '1' });
    set(bob, { k: '2' });
    bob.say({ type: 'leaveGroup', group: 'g' });
    bob.say({ type: 'joinGroup', group: 'g' });
    set(bob, { k: '3' });
    node.clock.advance(1_000);
    set(bob, { k: '4' });
    const times = ann.heard().map(text => (JSON.parse(text) as { items: [Item] }).items[0].updatedAt);
    expect(times).toEqual([now, now + 1, now + 2, now + 3, now + 1_000]);
  });

  test('a snapshot holds the first 200', async () => {
    const ids = Array.from({ length: maxSnapshotItems + 5 }, (_, index) => `m${String(index).padStart(3, '0')}`);
    for (const id of [...ids].reverse()) set(node.open({ ...member, id }), { k: '1' });
    ann.say({ type: 'subscribeGroupState', group: 'g' });
    await settled();
    const [text = ''] = ann.heard();
    const { items } = JSON.parse(text) as { items: Item[] };
    expect(items.map(({ connectionId }) => connectionId)).toEqual(ids.slice(0, maxSnapshotItems));
  });

  test('groups do not share states', async () => {
    const client = node.open({ roles, groups: ['g', 'h'], id: 'c' });
    await subscribe(ann);
    client.say({ type: 'setGroupState', group: 'h', state: { k: '1' } });
    expect(states(ann)).toEqual([]);
  });
});

describe('[client-protocols D24] a reliable subscriber', () => {
  const away = { category: 'Normal', reason: '' } as const;

  test('that was away gets the last state of each member', async () => {
    const node = new TestNode();
    const ann = node.open({ ...member, id: 'a', protocol: jsonReliable });
    const [bob, cleo] = [node.open({ ...member, id: 'b' }), node.open({ ...member, id: 'c' })];
    await subscribe(ann);
    node.chat.lifecycle.lose(ann.connection, ann.outlet, away, false);
    for (const k of ['1', '2', '3']) for (const client of [bob, cleo]) set(client, { k });
    await node.chat.closeConnection('c');
    node.chat.lifecycle.resume(ann.connection, ann.outlet);
    expect(states(ann)).toEqual(['=', '+ b:{"k":"3"}', '+ c:-']);
  });

  test('is not ended by any number of states, and gets a snapshot when it missed too many', async () => {
    const node = new TestNode();
    const ann = node.open({ ...member, id: 'a', protocol: jsonReliable });
    await subscribe(ann);
    node.chat.lifecycle.lose(ann.connection, ann.outlet, away, false);
    const others = Array.from({ length: 1_001 }, (_, index) => node.open({ ...member, id: `m${1_000 + index}` }));
    for (const other of others) set(other, { k: '1' });
    for (const { id } of others.slice(2)) await node.chat.closeConnection(id);
    node.chat.lifecycle.resume(ann.connection, ann.outlet);
    await settled();
    expect(ann.connection.isOpen).toBe(true);
    expect(states(ann).at(-1)).toBe('= m1000:{"k":"1"} m1001:{"k":"1"}');
  });
});

describe('[client-protocols 4.9] on two nodes', () => {
  let east: TestNode;
  let west: TestNode;
  let ann: FakeClient;
  let bob: FakeClient;

  beforeEach(() => {
    const bus = new MemoryBus();
    [east, west] = [new TestNode(bus.connect()), new TestNode(bus.connect())];
    ann = east.open({ ...member, id: 'a', userId: 'ann' });
    bob = west.open({ ...member, id: 'b' });
  });

  test('updates reach subscribers of both, and nobody else', async () => {
    const silent = west.open({ ...member, id: 's' });
    await subscribe(ann);
    await subscribe(bob);
    set(ann, { k: 'a' });
    set(bob, { k: 'b' });
    await east.chat.closeConnection('b');
    expect(states(ann)).toEqual(['+ a:{"k":"a"}', '+ b:{"k":"b"}', '+ b:-']);
    expect(states(bob)).toEqual(['+ a:{"k":"a"}', '+ b:{"k":"b"}']);
    expect(silent.heard()).toEqual([]);
  });

  test('a snapshot gathers from both', async () => {
    set(ann, { k: 'a' });
    set(bob, { k: 'b' });
    set(west.open({ ...member, id: 'B' }), { k: 'B' });
    const all = ['= B:{"k":"B"} a:{"k":"a"} b:{"k":"b"}'];
    expect([await subscribe(ann), await subscribe(bob)]).toEqual([all, all]);
  });
});

describe('while other nodes are asked', () => {
  /** Answers when the test says so. */
  class SlowBackplane implements Backplane {
    readonly tag = 'slow';
    readonly listensAtOnce = true;
    readonly asked: ((answers: readonly Answers['states'][]) => void)[] = [];
    fault: Error | undefined;

    attach(): void {}
    publish(): 'accepted' {
      return 'accepted';
    }
    listen(): undefined {}
    unlisten(): void {}
    async close(): Promise<void> {}

    gather<K extends QueryKind>(_target: Target, { kind }: Query<K>): Promise<Gathered<Answers[K]>> {
      if (kind !== 'states') return Promise.resolve({ answers: [], missing: [] });
      if (this.fault) return Promise.reject(this.fault);
      return new Promise(resolve => {
        this.asked.push(answers => resolve({ answers: answers as unknown as Answers[K][], missing: ['another'] }));
      });
    }
  }

  const elsewhere = (connectionId: string, k: string | undefined, updatedAtMs: number) => ({
    connectionId,
    userId: undefined,
    state: k === undefined ? undefined : new Map([['k', k]]),
    updatedAtMs,
  });
  const target: Target = { scope: 'group', hub: 'chat', group: 'g' };
  const answer = (...items: ReturnType<typeof elsewhere>[]) => [items];

  let backplane: SlowBackplane;
  let node: TestNode;
  let ann: FakeClient;

  beforeEach(() => {
    backplane = new SlowBackplane();
    node = new TestNode(backplane);
    ann = node.open({ ...member, id: 'a' });
  });

  test('updates are held back, and the newest of update and answer is in the snapshot', async () => {
    await subscribe(ann);
    node.chat.performer.perform(target, { kind: 'groupState', item: elsewhere('x', 'new', 20) });
    node.chat.performer.perform(target, { kind: 'groupState', item: elsewhere('y', 'old', 10) });
    node.chat.performer.perform(target, { kind: 'groupState', item: elsewhere('z', undefined, 20) });
    set(node.open({ ...member, id: 'b' }), { k: 'b' });
    expect(states(ann)).toEqual([]);
    backplane.asked[0]?.(answer(elsewhere('x', 'old', 10), elsewhere('y', 'new', 20), elsewhere('z', 'old', 10)));
    await settled();
    expect(states(ann)).toEqual(['= b:{"k":"b"} x:{"k":"new"} y:{"k":"new"}']);
    node.chat.performer.perform(target, { kind: 'groupState', item: elsewhere('x', 'newer', 30) });
    expect(states(ann)).toEqual(['+ x:{"k":"newer"}']);
  });

  test('who leaves meanwhile gets no snapshot; who joined again gets the one it asked for', async () => {
    await subscribe(ann);
    await node.chat.removeConnectionFromGroup('a', 'g');
    backplane.asked[0]?.(answer(elsewhere('x', 'first', 10)));
    await settled();
    expect(states(ann)).toEqual([]);
    await node.chat.addConnectionToGroup('a', 'g');
    await subscribe(ann);
    backplane.asked[1]?.(answer(elsewhere('x', 'second', 20)));
    await settled();
    expect(states(ann)).toEqual(['= x:{"k":"second"}']);
  });

  test('of two snapshots under way only the later is sent, whichever is answered first', async () => {
    const asked: ((items: readonly GroupStateItem[]) => void)[] = [];
    const sent: NumberedMessage[] = [];
    const groupStates = new GroupStates({
      hub: 'chat',
      sends: { sendNow: (_receivers, [send]) => void sent.push(send!.message) },
      backplane: {
        publish: () => 'accepted',
        gather: <K extends QueryKind>() =>
          new Promise<Gathered<Answers[K]>>(resolve =>
            asked.push(items => resolve({ answers: [items as unknown as Answers[K]], missing: [] })),
          ),
      },
      clock: { now: () => 0 },
      observer: { fault: () => {} },
      slices: new Slices(new ManualPace()),
    });
    groupStates.subscribe(ann.connection, 'g');
    const both = [1, 2].map(() => groupStates.sendSnapshot(ann.connection, 'g'));
    groupStates.receive('g', elsewhere('x', 'new', 20));
    asked[0]?.([elsewhere('y', 'of the first', 10)]);
    await settled();
    expect(sent).toEqual([]);
    asked[1]?.([elsewhere('y', 'of the second', 10)]);
    await Promise.all(both);
    const items = [elsewhere('x', 'new', 20), elsewhere('y', 'of the second', 10)];
    expect(sent).toEqual([{ kind: 'groupStateSnapshot', group: 'g', items }]);
  });

  test('later requests wait for the snapshot', async () => {
    await subscribe(ann);
    ann.say({ type: 'unsubscribeGroupState', group: 'g', ackId: 2 });
    expect(ann.heard()).toEqual([]);
    backplane.asked[0]?.([]);
    await settled();
    expect(ann.heard()).toEqual(['{"type":"groupStateSnapshot","group":"g","items":[]}', ackText(2)]);
  });

  test('nodes that cannot be asked do not keep what is known here from the subscriber', async () => {
    backplane.fault = new Error('no route');
    set(ann, { k: 'a' });
    expect(await subscribe(ann)).toEqual(['= a:{"k":"a"}']);
    expect(node.observer.of('fault')).toMatchObject([{ error: backplane.fault }]);
  });

  test('a node answers with its own members alone', () => {
    set(ann, { k: 'a' });
    const { performer } = node.chat;
    expect(performer.answer(target, { kind: 'states' })).toMatchObject([
      { connectionId: 'a', state: new Map([['k', 'a']]) },
    ]);
    expect(performer.answer({ ...target, group: 'h' }, { kind: 'states' })).toEqual([]);
  });
});
