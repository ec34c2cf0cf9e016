import { setTimeout } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { KeySigner } from '../../src/backplane/nats/key-signer.js';
import type { NatsBackplaneOptions } from '../../src/backplane/nats/nats-backplane.js';
import { ConnectionIds } from '../../src/backplane/nats/tags.js';
import { systemClock } from '../../src/clock.js';
import type { Target } from '../../src/hub/commands.js';
import { FakeNode } from '../support/backplane-contract.js';
import { type NatsEnd, startEnds } from '../support/nats-nodes.js';
import { type NatsServer, type NatsServerOptions, startNats } from '../support/nats-server.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

interface Started {
  readonly server: NatsServer;
  readonly ends: readonly NatsEnd[];
  readonly nodes: readonly FakeNode[];
}

async function startNodes(
  context: TestContext,
  count: number,
  options: Partial<NatsBackplaneOptions> & { clusterName?: string } = {},
  serverOptions: NatsServerOptions = {},
): Promise<Started> {
  const server = await startNats(context, { jetStream: false, ...serverOptions });
  const ends = await startEnds([server.url], count, options);
  onTestFinished(async () => {
    await Promise.all(ends.map(({ backplane }) => backplane.close()));
  });
  return { server, ends, nodes: ends.map(({ backplane }) => new FakeNode(backplane)) };
}

/** Another user of the same NATS. Ends with the test. */
async function stranger({ url }: NatsServer) {
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  return connection;
}

test('[CL-019] [CL-043] a message of 1 MiB, and an answer of 1 MiB, pass a server that takes 64 KiB', async context => {
  const small = { settings: 'max_payload: 64KB' };
  const { nodes, ends } = await startNodes(context, 2, {}, small);
  const [a, b] = nodes as [FakeNode, FakeNode];
  await b.listen(group);
  const bytes = Buffer.alloc(1024 * 1024, 'abc');
  const message = { kind: 'serverMessage', payload: { dataType: 'binary', bytes, metadata: undefined } } as const;
  const command = { kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 } as const;
  a.backplane.publish(group, command);
  a.publish(group, 'end');
  await b.hears('end');
  const [[, heard]] = b.heard as [[Target, typeof command]];
  expect(heard.message.payload.bytes.equals(bytes)).toBe(true);
  const userIds = Array.from({ length: 10_000 }, (_, index) => `${'u'.repeat(100)}${index}`);
  b.answers = () => userIds;
  expect(await a.gather(group, { kind: 'onlineUsers', userIds })).toEqual({ answers: [userIds], missing: [] });
  expect(ends.flatMap(end => end.faults)).toEqual([]);
});

test('[CL-020] foreign bytes on every subject are dropped, counted and told once; nothing else happens', async context => {
  const { server, nodes, ends } = await startNodes(context, 2);
  const [a, b] = nodes as [FakeNode, FakeNode];
  await b.listen(group);
  const { tag, ways, dropped, faults } = ends[1] as NatsEnd;
  const other = await stranger(server);
  const subjects = [
    'all',
    'g.chat.g',
    `n.${tag}.a`,
    `n.${tag}.b`,
    `n.${tag}.q1`,
    `n.${tag}.r1-abcdef`,
    `c.${tag}.chat.x`,
  ];
  const foreign = [
    Buffer.alloc(0),
    Buffer.from('hello'),
    Buffer.from('\x02\0\0\0\x02{}', 'latin1'),
    Buffer.from('\x01\0\0\0\x02{}', 'latin1'),
    Buffer.from('\x01\0\0\0\x31{"f":"abcdef","n":1,"t":{"h":"chat"},"o":[{"a":1}]}', 'latin1'),
    Buffer.from('\x01\0\0\0\x26{"f":"abcdef","n":1,"part":1,"of":2}  ', 'latin1'),
  ];
  for (const subject of subjects) for (const bytes of foreign) other.publish(`hw.1.${subject}`, bytes);
  await other.flush();
  a.publish(group, 'x');
  await b.hears('x');
  expect([ways.dropped, faults, b.failures]).toEqual([subjects.length * foreign.length, [], []]);
  expect(dropped).toHaveLength(1);
  expect(dropped[0]).toMatchObject({ flaw: 'format', subject: 'hw.1.all', count: 1 });
  expect(b.texts).toEqual(['x']);
});

test('[CL-022] commands and queries of one node for one target come in the order of their calls', async context => {
  const { nodes } = await startNodes(context, 3);
  const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
  const groups = ['g', 'h'].map(name => ({ ...group, group: name }));
  for (const target of groups) await c.listen(target);
  const expected: string[] = [];
  for (let round = 0; round < 300; round += 1) {
    const target = groups[round % 2] as Target & { group: string };
    const isQuery = round % 7 === 3;
    expected.push(`${target.group} ${isQuery ? 'exists' : round}`);
    if (isQuery) void a.exists(target);
    else a.publish(target, `${round}`);
    b.publish(target, `of b`);
    if (round % 50 === 49) await setTimeout(1); // another turn
  }
  for (const target of groups) await a.count(target);
  for (const name of ['g', 'h']) {
    const heard = c.heard
      .filter(([target]) => target.scope === 'group' && target.group === name)
      .map(([, request], index, all) => `${name} ${c.texts[c.heard.indexOf(all[index]!)] ?? request.kind}`)
      .filter(text => !text.endsWith('of b') && !text.endsWith('count'));
    expect(heard).toEqual(expected.filter(text => text.startsWith(name)));
  }
});

test('[CL-023] 16 sends to one group in a turn are one NATS message; another group is another one', async context => {
  const { server, nodes } = await startNodes(context, 2);
  const [a, b] = nodes as [FakeNode, FakeNode];
  for (const node of [a, b]) await node.listen(group);
  const subjects: string[] = [];
  const other = await stranger(server);
  other.subscribe('hw.1.g.>', { callback: (_error, { subject }) => void subjects.push(subject) });
  await other.flush();
  for (let index = 0; index < 16; index += 1) a.publish(group, `${index}`);
  a.publish({ ...group, group: 'h' }, 'other');
  await b.hears('15');
  b.publish(group, 'back');
  await a.hears('back');
  await other.flush();
  expect(subjects).toEqual(['hw.1.g.chat.g', 'hw.1.g.chat.h', 'hw.1.g.chat.g']);
  expect([a.texts, b.texts.length]).toEqual([['back'], 16]);
});

test('a node without others sends nothing', async context => {
  const { ends, nodes } = await startNodes(context, 1);
  const [alone] = nodes as [FakeNode];
  await alone.listen(group);
  const { ways } = ends[0] as NatsEnd;
  const before = ways.sent;
  for (let index = 0; index < 100; index += 1) alone.publish(group, 'x');
  await alone.count(group);
  await setTimeout(20);
  expect(ways.sent - before).toBeLessThanOrEqual(1); // a hello
});

test('[CL-018] connections of anonymous clients cost no subscription; with a user id, one', async context => {
  const { ends, nodes } = await startNodes(context, 2);
  const [a] = nodes as [FakeNode];
  const [{ tag, backplane }] = ends as [NatsEnd];
  const ids = new ConnectionIds(tag);
  const open = async (userId?: string) => {
    await a.listen({ scope: 'hub', hub: 'chat' });
    await a.listen({ scope: 'connection', hub: 'chat', connectionId: ids.next() });
    if (userId !== undefined) await a.listen({ scope: 'user', hub: 'chat', userId });
  };
  await open();
  const first = backplane.subscriptions;
  for (let index = 0; index < 100; index += 1) await open();
  expect(backplane.subscriptions - first).toBe(0);
  await open('ann');
  await open('ann');
  await open('bob');
  expect(backplane.subscriptions - first).toBe(2);
});

test('[CL-121] with `sign`, nodes with the same key understand each other, and others are dropped', async context => {
  const keys = { primary: 'one', secondary: undefined };
  const { server, nodes, ends } = await startNodes(context, 2, { signer: new KeySigner(keys, systemClock) });
  const [a, b] = nodes as [FakeNode, FakeNode];
  await b.listen(group);
  const other = await stranger(server);
  const replayed: Uint8Array[] = [];
  other.subscribe('hw.1.g.>', { callback: (_error, { data }) => void replayed.push(data) });
  await other.flush();
  a.publish(group, 'x');
  await b.hears('x');
  await other.flush();
  const { ways } = ends[1] as NatsEnd;
  for (const data of replayed) other.publish('hw.1.g.chat.g', data);
  const unsigned = (replayed[0] as Uint8Array).subarray(0, -32);
  other.publish('hw.1.g.chat.g', unsigned);
  await other.flush();
  a.publish(group, 'y');
  await b.hears('y');
  expect([ways.dropped, ways.repeated, b.texts]).toEqual([1, 1, ['x', 'y']]);
});

test('[CL-122] two cluster names on one NATS share nothing', async context => {
  const { server, nodes } = await startNodes(context, 2, { clusterName: 'one' });
  const others = await startEnds([server.url], 2, { clusterName: 'two' });
  onTestFinished(async () => {
    await Promise.all(others.map(({ backplane }) => backplane.close()));
  });
  const [a, b] = nodes as [FakeNode, FakeNode];
  const [c, d] = others.map(({ backplane }) => new FakeNode(backplane)) as [FakeNode, FakeNode];
  for (const node of [b, d]) await node.listen(group);
  a.publish(group, 'one');
  c.publish(group, 'two');
  await Promise.all([b.hears('one'), d.hears('two')]);
  expect([b.texts, d.texts, await a.count(group), await c.count(group)]).toEqual([['one'], ['two'], 1, 1]);
});
