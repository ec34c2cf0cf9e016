import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import type { Connection } from '../../../src/hub/connection.js';
import { endings } from '../../../src/hub/endings.js';
import { readSession, type SessionRecord, writeSession } from '../../../src/hub/session.js';
import { protocols } from '../../../src/protocols/index.js';
import { json, jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { protobufReliable } from '../../../src/protocols/webpubsub/protobuf/index.js';
import type { ClientCall } from '../../support/client-requests.js';
import {
  type FakeClient,
  type OpenOptions,
  RecordingBackplane,
  RecordingOutlet,
  settled,
  TestNode,
  textPayload,
} from '../../support/fake-ports.js';
import { type Happening, SessionWorld } from '../../support/session-world.js';

const group = fc.constantFrom('g', 'h');
const streamId = fc.constantFrom('s', 't');
const invocationId = fc.constantFrom('1', '2');
const ackId = fc.option(fc.nat(6), { nil: undefined });
const ttlSeconds = fc.constantFrom(0, 0, 5, 300);

/** What others may do too: nothing that an app server answers. */
const plainCalls = [
  fc.record({ call: fc.constantFrom('joinGroup' as const, 'leaveGroup' as const), group, ackId }),
  fc.record({ call: fc.constantFrom('subscribeGroupState' as const, 'unsubscribeGroupState' as const), group, ackId }),
  fc.record({
    call: fc.constant('sendToGroup' as const),
    group,
    text: fc.string(),
    noEcho: fc.boolean(),
    ttlSeconds,
    ackId,
  }),
  fc.record({
    call: fc.constant('setGroupState' as const),
    group,
    value: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    ackId,
  }),
];

const call: fc.Arbitrary<ClientCall> = fc.oneof(
  ...plainCalls,
  fc.record({ call: fc.constant('event' as const), text: fc.constant('x'), ackId }),
  fc.record({ call: fc.constant('sequenceAck' as const), sequenceId: fc.nat(40) }),
  fc.record({ call: fc.constantFrom('invoke' as const, 'cancelInvocation' as const), invocationId }),
  fc.record({ call: fc.constant('streamEnd' as const), streamId }),
  fc.constant({ call: 'ping' as const }),
);

const answer = fc.record({
  status: fc.constantFrom(200 as const, 204 as const, 400 as const),
  state: fc.option(fc.constantFrom('eyJ9', 'e30='), { nil: undefined }),
  cookie: fc.option(fc.constantFrom('a=1; Path=/', 'b=2; Path=/', 'c=3; Path=/other'), { nil: undefined }),
});

/** A stream with so many fragments in order, and one that may be anything. */
const stream: fc.Arbitrary<Happening[]> = fc
  .record({
    streamId,
    group,
    noEcho: fc.boolean(),
    idleTimeoutMs: fc.constantFrom(1_000, 20_000, 300_000),
    fragments: fc.nat(3),
    odd: fc.option(fc.nat(4), { nil: undefined }),
  })
  .map(({ fragments, odd, ...start }): ClientCall[] => [
    // Never due at the same moment: which of two streams is then closed first is not said.
    { call: 'streamStart', ...start, idleTimeoutMs: start.idleTimeoutMs + (start.streamId === 't' ? 77 : 0) },
    ...[...Array.from({ length: fragments }, (_, index) => index + 1), odd].map(
      (sequenceId): ClientCall => ({ call: 'streamData', streamId: start.streamId, sequenceId }),
    ),
  ])
  .map(calls => calls.map(made => ({ does: 'client', call: made })));

const one: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ does: fc.constant('client' as const), call }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('answer' as const), answer }) },
  { weight: 4, arbitrary: fc.constantFrom({ does: 'handOver' as const }) },
  { weight: 4, arbitrary: fc.constantFrom({ does: 'recover' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ does: 'lose' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 999, 4_000, 14_000, 20_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('send' as const),
      to: fc.constantFrom('all' as const, 'group' as const, 'user' as const, 'connection' as const),
      times: fc.constantFrom(1, 1, 3, 3, 600),
      ttlSeconds,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constantFrom('grant' as const, 'revoke' as const),
      permission: fc.constantFrom('joinLeaveGroup' as const, 'sendToGroup' as const),
      group,
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('add' as const, 'remove' as const), group }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('peer' as const),
      peer: fc.constantFrom(0 as const, 1 as const),
      call: fc.oneof(...plainCalls),
    }),
  },
);

/** What is rare otherwise. */
const chains: readonly Happening[][] = [
  [{ does: 'handOver' }, { does: 'recover' }],
  [{ does: 'lose' }, { does: 'pass', ms: 20_000 }, { does: 'handOver' }, { does: 'pass', ms: 9_999 }],
  [
    { does: 'recover' },
    { does: 'client', call: { call: 'setGroupState', group: 'g', value: 'a' } },
    { does: 'handOver' },
  ],
  [{ does: 'recover' }, { does: 'client', call: { call: 'subscribeGroupState', group: 'g' } }, { does: 'handOver' }],
];

const happenings: fc.Arbitrary<readonly Happening[]> = fc
  .array(
    fc.oneof(
      { weight: 60, arbitrary: one.map(each => [each]) },
      { weight: 6, arbitrary: stream },
      { weight: 8, arbitrary: fc.constantFrom(...chains) },
      { weight: 1, arbitrary: fc.constant<Happening[]>([{ does: 'close' }]) },
    ),
    { minLength: 10, maxLength: 50, size: 'max' },
  )
  .map(chunks => chunks.flat());

const all = [
  'webpubsub.joinLeaveGroup',
  'webpubsub.sendToGroups.?',
  'webpubsub.setGroupState',
  'webpubsub.getGroupState.g',
];
const roles = fc.oneof(fc.constant(all), fc.subarray([...all, 'webpubsub.sendToGroup.h', 'webpubsub.getGroupState']));

/** Shows at the end what the session has become: what it still replays, numbers, remembers and counts. */
const epilogue: readonly Happening[] = [
  { does: 'recover' },
  ...['g', 'h'].flatMap<Happening>(name => [
    { does: 'peer', peer: 0, call: { call: 'subscribeGroupState', group: name } },
    { does: 'client', call: { call: 'setGroupState', group: name, value: 'last', ackId: 3 } },
    { does: 'peer', peer: 1, call: { call: 'subscribeGroupState', group: name } },
    { does: 'peer', peer: 1, call: { call: 'setGroupState', group: name, value: 'z' } },
    { does: 'client', call: { call: 'sendToGroup', group: name, text: '', noEcho: false, ttlSeconds: 0, ackId: 4 } },
  ]),
  { does: 'client', call: { call: 'streamData', streamId: 's', sequenceId: 2 } },
  { does: 'client', call: { call: 'event', text: 'last', ackId: 5 } },
  { does: 'send', to: 'connection', times: 1, ttlSeconds: 0 },
  ...[4_000, 4_000, 4_000, 4_000, 400_000].flatMap<Happening>(ms => [
    { does: 'pass', ms },
    { does: 'send', to: 'group', times: 1, ttlSeconds: 0 },
  ]),
];

describe.each(protocols.map(protocol => [protocol.name, protocol] as const))('[hand-over] %s', (_name, protocol) => {
  test('neither the client, the app server nor the others can tell that a session was handed over, at any point', async () => {
    const isReliable = protocol.reliability !== undefined;
    let handedOver = 0;
    const property = fc.asyncProperty(roles, happenings, async (given, script) => {
      const worlds = await Promise.all([true, false].map(moves => SessionWorld.begin(protocol, moves, given)));
      for (const what of [...script, ...epilogue]) for (const world of worlds) await world.happen(what);
      const [moved, stayed] = await Promise.all(worlds.map(world => world.account()));
      expect(moved).toEqual(stayed);
      handedOver += worlds[0]!.handedOver;
    });
    await fc.assert(property, { numRuns: isReliable ? 80 : 10 });
    expect(handedOver > 80).toBe(isReliable);
  });
});

describe('[hand-over] one session', () => {
  const bus = () => new MemoryBus();
  let nodes: [TestNode, TestNode];

  beforeEach(() => {
    const shared = bus();
    nodes = [new TestNode(shared.connect()), new TestNode(shared.connect())];
  });

  const open = (options: OpenOptions = {}) => nodes[0].open({ protocol: jsonReliable, id: 'c', ...options });
  const freeze = ({ connection }: FakeClient) => nodes[0].chat.handOver.freeze(connection);
  const lose = ({ connection, outlet }: FakeClient) =>
    nodes[0].chat.lifecycle.lose(connection, outlet, endings.pingTimeout, false);

  /** Hands it over. */
  async function move(client: FakeClient): Promise<Connection> {
    const record = await freeze(client);
    if (record === undefined) throw new Error('there is nothing to hand over');
    return nodes[1].chat.handOver.thaw(readSession(writeSession(record)));
  }

  test('drops its socket, and is not here any more: nobody is told that it ended', async () => {
    const client = open({ userId: 'ann', groups: ['g'] });
    const record = await freeze(client);
    expect([client.outlet.isDropped, client.outlet.closed]).toEqual([true, undefined]);
    expect([nodes[0].chat.size, nodes[0].clock.pending]).toEqual([0, 0]);
    expect(client.session.history).toEqual(['accept', 'connected']);
    expect(client.session.presence).toEqual(['joined g']);
    expect(nodes[0].observer.facts.map(({ what }) => what).slice(-1)).toEqual(['handedOver']);
    expect(record).toMatchObject({ hub: 'chat', connectionId: 'c', userId: 'ann', memberships: [{ group: 'g' }] });
    expect(await nodes[1].chat.connectionExists('c')).toBe(false);
  });

  test('waits on the other node for the rest of its window, and ends there as the loss of its socket has it', async () => {
    const client = open();
    lose(client);
    for (const node of nodes) node.clock.advance(29_000);
    await move(client);
    nodes[1].clock.advance(999);
    expect(await nodes[0].chat.connectionExists('c')).toBe(true);
    nodes[1].clock.advance(1);
    expect(await nodes[0].chat.connectionExists('c')).toBe(false);
    expect(nodes[1].observer.of('closed')).toMatchObject([{ category: 'PingTimeout' }]);
    expect(nodes.map(node => node.clock.pending)).toEqual([0, 0]);
  });

  test('waits for what is under way, requests that wait behind it too, also when the service starts none any more', async () => {
    const client = open({ roles: ['webpubsub.joinLeaveGroup'] });
    client.say({ type: 'event', event: 'e', data: 1, ackId: 1 });
    client.say({ type: 'joinGroup', group: 'late', ackId: 2 });
    client.connection.quiesce();
    const frozen = freeze(client);
    let record: SessionRecord | undefined;
    void frozen.then(taken => {
      record = taken;
    });
    await settled();
    expect(record).toBeUndefined();
    await client.session.answer(textPayload('reply'));
    expect(record?.memberships).toEqual([{ group: 'late' }]);
    expect(record?.replay?.unacked).toHaveLength(1);
  });

  test('an invocation is under way too', async () => {
    const client = open();
    client.say({ type: 'invoke', target: 'event', event: 'e', invocationId: 'i', data: 1 });
    const frozen = freeze(client);
    const early = await Promise.race([frozen, settled()]);
    expect(early).toBeUndefined();
    expect(nodes[0].chat.size).toBe(1);
    await client.session.answer();
    expect(await frozen).toMatchObject({ connectionId: 'c' });
  });

  test('its window does not run while it waits', async () => {
    const client = open();
    client.say({ type: 'event', event: 'e', data: 1 });
    lose(client);
    nodes[0].clock.advance(10_000);
    const frozen = freeze(client);
    nodes[0].clock.advance(100_000);
    expect(nodes[0].chat.lifecycle.endLongestAway()).toBe(false);
    await client.session.answer();
    expect((await frozen)?.absence).toEqual({ remainingMs: 20_000, category: 'PingTimeout' });
  });

  test.each<[string, (client: FakeClient) => unknown]>([
    [
      'its client comes back here',
      ({ connection }) => nodes[0].chat.lifecycle.resume(connection, new RecordingOutlet()),
    ],
    ['it ends', () => nodes[0].chat.closeConnection('c')],
    ['it overflows', () => Array.from({ length: 1_001 }, () => nodes[0].chat.sendToAll(textPayload('x')))],
  ])('is not handed over when %s meanwhile', async (_title, interrupt) => {
    const client = open();
    client.say({ type: 'event', event: 'e', data: 1 });
    const frozen = freeze(client);
    await interrupt(client);
    expect(await frozen).toBeUndefined();
  });

  test('is handed over once: a second attempt gets nothing', async () => {
    const client = open();
    const [first, second] = await Promise.all([freeze(client), freeze(client)]);
    expect([first?.connectionId, second]).toEqual(['c', undefined]);
    expect(await freeze(client)).toBeUndefined();
  });

  test('a plain connection has no session: nothing happens to it', async () => {
    const client = open({ protocol: json });
    expect(await freeze(client)).toBeUndefined();
    expect([client.connection.isOpen, client.outlet.isDropped]).toEqual([true, false]);
  });

  test('can go on where it was', async () => {
    const client = open();
    const record = (await freeze(client))!;
    await nodes[0].chat.handOver.thaw(record);
    expect(await nodes[1].chat.connectionExists('c')).toBe(true);
    expect(() => nodes[0].chat.handOver.thaw(record)).toThrow('connection c is on this node already');
  });

  test('what is held for the end of the turn is in its record', async () => {
    nodes[0] = new TestNode(bus().connect(), { atEnd: () => {} }); // the turn never ends
    const client = open();
    nodes[0].chat.sendToAll(textPayload('held'));
    expect((await freeze(client))?.replay?.unacked).toHaveLength(1);
  });

  test('a snapshot that was being made is made on the other node', async () => {
    const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];
    const peer = nodes[1].open({ roles, groups: ['g'], id: 'peer' });
    peer.say({ type: 'setGroupState', group: 'g', state: { k: 'v' } });
    const client = open({ roles, groups: ['g'] });
    client.say({ type: 'subscribeGroupState', group: 'g' });
    await settled();
    for (let index = 0; index <= 1_000; index += 1) {
      nodes[0].chat.performer.perform(
        { scope: 'group', hub: 'chat', group: 'g' },
        { kind: 'groupState', item: { connectionId: `${index}`, userId: undefined, state: new Map(), updatedAtMs: 1 } },
      );
    }
    lose(client);
    nodes[0].chat.lifecycle.resume(client.connection, new RecordingOutlet());
    const record = (await freeze(client))!;
    expect(record.groupStates.subscriptions).toEqual([{ group: 'g', awaitsSnapshot: true }]);
    const connection = await nodes[1].chat.handOver.thaw(record);
    await settled();
    const outlet = new RecordingOutlet();
    nodes[1].chat.lifecycle.resume(connection, outlet);
    expect(outlet.take().at(-1)).toContain('"groupStateSnapshot"');
  });

  test.each<[string, (record: SessionRecord) => object, string]>([
    ['of another hub', () => ({ hub: 'other' }), 'it is of hub other, not of chat'],
    ['of an unknown protocol', () => ({ protocol: 'x' }), 'protocol x has no sessions here'],
    ['of a plain protocol', () => ({ protocol: json.name }), 'has no sessions here'],
    ['of a message in another protocol', () => ({ protocol: protobufReliable.name }), ''],
    ['without messages', () => ({ replay: undefined }), 'has no sessions here'],
    ['with a dialogue of another kind', () => ({ dialogue: { acks: 1 } }), ''],
  ])('a record %s is not gone on with, and nothing of it is here', async (_title, change, text) => {
    const client = open();
    nodes[0].chat.sendToAll(textPayload('x'));
    const record = (await freeze(client))!;
    expect(() => nodes[1].chat.handOver.thaw({ ...record, ...change(record) })).toThrow(
      expect.objectContaining({ kind: 'internal', message: expect.stringContaining(text) }),
    );
    expect([nodes[1].chat.size, nodes[1].clock.pending]).toEqual([0, 0]);
  });

  test('is there once other nodes can reach it, and the time until then counts', async () => {
    const record = (await freeze(open({ groups: ['g'], userId: 'ann' })))!;
    const backplane = new RecordingBackplane();
    let reach = () => {};
    const reachable = new Promise<void>(resolve => {
      reach = resolve;
    });
    backplane.ready = () => reachable;
    const node = new TestNode(backplane);
    const thawed = node.chat.handOver.thaw(record);
    expect([node.chat.size, ...backplane.interest]).toEqual([
      0,
      '+ hub chat',
      '+ connection c',
      '+ user ann',
      '+ group g',
    ]);
    node.clock.advance(1_000);
    reach();
    expect((await thawed).groups).toEqual(new Set(['g']));
    node.clock.advance(28_999);
    expect(node.chat.size).toBe(1);
    node.clock.advance(1);
    expect(node.chat.size).toBe(0);
  });

  test('what its membership is besides goes with it', async () => {
    const client = open();
    await nodes[0].chat.addConnectionToGroup('c', 'g');
    client.connection.enter('g', { qos: 1 });
    expect((await move(client)).tagOf('g')).toEqual({ qos: 1 });
  });

  test('is not there when other nodes cannot reach it', async () => {
    const record = (await freeze(open({ groups: ['g'] })))!;
    const backplane = new RecordingBackplane();
    backplane.ready = () => Promise.reject(new Error('no bus'));
    const node = new TestNode(backplane);
    await expect(node.chat.handOver.thaw(record)).rejects.toMatchObject({ kind: 'unknown' });
    expect([node.chat.size, node.clock.pending]).toEqual([0, 0]);
    expect(backplane.interest.filter(text => text.startsWith('+'))).toHaveLength(
      backplane.interest.filter(text => text.startsWith('-')).length,
    );
  });
});
