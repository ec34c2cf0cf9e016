import { setTimeout } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import type { NatsBackplaneOptions } from '../../src/backplane/nats/nats-backplane.js';
import { ConnectionIds, newTag } from '../../src/backplane/nats/tags.js';
import type { Target } from '../../src/hub/commands.js';
import { FakeNode } from '../support/backplane-contract.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { NatsEnd, proxiesTo, startEnds } from '../support/nats-nodes.js';
import { startNats } from '../support/nats-server.js';
import type { TcpProxy } from '../support/tcp-proxy.js';

function groupOf(name: string): Target {
  return { scope: 'group', hub: 'chat', group: name };
}

const group = groupOf('g');

interface Started {
  readonly urls: readonly string[];
  readonly ends: readonly NatsEnd[];
  readonly nodes: readonly FakeNode[];
  /** Before each node, one of its own. */
  readonly proxies: readonly TcpProxy[];
}

async function startBehindProxies(
  ports: readonly number[],
  count: number,
  options?: Partial<NatsBackplaneOptions>,
): Promise<Started> {
  const proxies = await proxiesTo(ports, count);
  const urls = proxies.map(({ port }) => `nats://127.0.0.1:${port}`);
  const ends = await startEnds(urls, count, options);
  onTestFinished(async () => {
    await Promise.all(ends.map(({ backplane }) => backplane.close()));
  });
  return { urls, ends, nodes: ends.map(({ backplane }) => new FakeNode(backplane)), proxies };
}

async function startNodes(context: TestContext, count: number, options?: Partial<NatsBackplaneOptions>) {
  const { port } = await startNats(context, { jetStream: false });
  return await startBehindProxies([port], count, options);
}

/** Three servers with 30 ms on each route, and as many nodes. */
async function startFarNodes(context: TestContext) {
  const { servers } = await startNatsCluster(context, { jetStream: false, routeDelayMs: 30 });
  return await startBehindProxies(
    servers.map(({ port }) => port),
    3,
    { settleMs: 300 },
  );
}

async function timed(task: () => unknown): Promise<number> {
  const before = performance.now();
  await task();
  return performance.now() - before;
}

test('[CL-030] listening settles once a barrier is through; later callers wait for the same one or not at all', async context => {
  const { nodes, ends } = await startNodes(context, 3);
  const [a] = nodes as [FakeNode];
  const [{ barriersMs }] = ends as [NatsEnd];
  const before = barriersMs.length;
  const first = a.backplane.listen(group);
  expect(a.backplane.listen(group)).toBe(first);
  expect(first).toBeInstanceOf(Promise);
  await first;
  expect(a.backplane.listen(group)).toBeUndefined();
  expect(barriersMs.length - before).toBe(1);
});

test('[CL-031] 1,000 times: what is sent after a join is acked, through another node, arrives; with 30 ms on each route', async context => {
  const { nodes } = await startFarNodes(context);
  const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
  const round = async (name: string) => {
    await a.listen(groupOf(name));
    for (const [index, publisher] of [b, c].entries()) publisher.publish(groupOf(name), `${name} ${index}`);
  };
  for (let at = 0; at < 1_000; at += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => round(`g${at + index}`)));
  }
  await eventually(() => expect(a.heard).toHaveLength(2_000));
  expect(new Set(a.texts).size).toBe(2_000);
}, 60_000);

test('[cluster 1.3] without a barrier, what is sent right after is missed', async context => {
  const { servers } = await startNatsCluster(context, { jetStream: false, routeDelayMs: 30 });
  const [near, far] = await Promise.all(servers.map(({ url }) => connect({ servers: url })));
  onTestFinished(async () => {
    await Promise.all([near?.close(), far?.close()]);
  });
  let heard = 0;
  const hear = () => {
    heard += 1;
  };
  for (let index = 0; index < 5; index += 1) {
    near?.subscribe(`s${index}`, { callback: hear });
    await near?.flush();
    far?.publish(`s${index}`);
  }
  await setTimeout(100);
  expect(heard).toBe(0);
});

test('[CL-033] a peer that died is absent at once; one that hangs delays a join by a second, and further ones not at all', async context => {
  const { nodes, ends, proxies } = await startNodes(context, 3);
  const [a] = nodes as [FakeNode];
  const [{ backplane }] = ends as [NatsEnd];
  proxies[1]?.close();
  await setTimeout(50); // until the server knows
  expect(await timed(() => a.listen(groupOf('dead')))).toBeLessThan(500);
  proxies[2]?.stopReading();
  const tookMs = await timed(() => a.listen(groupOf('hanging')));
  expect(tookMs).toBeGreaterThan(500);
  expect(tookMs).toBeLessThan(1_500);
  expect(await timed(() => a.listen(groupOf('left out')))).toBeLessThan(500);
  expect([backplane.countOf('present'), backplane.countOf('silent'), backplane.countOf('absent')]).toEqual([0, 1, 1]);
  proxies[2]?.resume();
  await eventually(() => expect(backplane.countOf('present')).toBe(1));
});

test('[CL-034] a node takes part once each live peer has answered its first barrier', async context => {
  const { urls, nodes } = await startFarNodes(context);
  const [a, b] = nodes as [FakeNode, FakeNode];
  for (const node of [a, b]) await node.listen(group);
  for (let round = 0; round < 5; round += 1) {
    const end = new NatsEnd(urls[2] as string, { settleMs: 300 });
    onTestFinished(() => end.backplane.close());
    const node = new FakeNode(end.backplane);
    await end.backplane.start();
    expect(await node.count(group)).toBe(2);
    await node.listen(groupOf(`new ${round}`));
    for (const other of [a, b]) other.publish(groupOf(`new ${round}`), 'x');
    await eventually(() => expect(node.texts.filter(text => text === 'x')).toHaveLength(2));
    await end.backplane.close();
  }
});

test('[CL-035] 10,000 joins of 10,000 groups at once take at most 20 rounds', async context => {
  const { nodes, ends } = await startNodes(context, 3);
  const [a, b] = nodes as [FakeNode, FakeNode];
  const [{ barriersMs }] = ends as [NatsEnd];
  const before = barriersMs.length;
  await Promise.all(Array.from({ length: 10_000 }, (_, index) => a.backplane.listen(groupOf(`g${index}`))));
  expect(barriersMs.length - before).toBeLessThanOrEqual(20);
  b.publish(groupOf('g9999'), 'x');
  await a.hears('x');
});

test('[CL-036] `unlisten` then `listen` of one target in one turn keeps the subscription', async context => {
  const { nodes, ends } = await startNodes(context, 2);
  const [a, b] = nodes as [FakeNode, FakeNode];
  await a.listen(group);
  let sent = 0;
  const sending = setInterval(() => {
    b.publish(group, `${sent}`);
    sent += 1;
  }, 1);
  onTestFinished(() => clearInterval(sending));
  for (let round = 0; round < 100; round += 1) {
    a.backplane.unlisten(group);
    expect(a.backplane.listen(group)).toBeUndefined();
    await setTimeout(1);
  }
  clearInterval(sending);
  await a.hears(`${sent - 1}`);
  expect(a.texts).toEqual(Array.from({ length: sent }, (_, index) => `${index}`));
  a.backplane.unlisten(group);
  await eventually(() => expect(ends[0]?.backplane.subscriptions).toBe(0));
});

test('[CL-040] where nobody listens, the answer is none, without a timeout', async context => {
  const { nodes } = await startNodes(context, 4);
  const [a] = nodes as [FakeNode];
  const tookMs: number[] = [];
  for (let index = 0; index < 100; index += 1) {
    tookMs.push(await timed(async () => expect(await a.count(groupOf(`none ${index}`))).toBe(0)));
  }
  expect(tookMs.sort((x, y) => x - y)[50]).toBeLessThan(50); // 3 ms where nothing else runs
});

test('[CL-041] what a query misses has the names of the nodes that did not answer', async context => {
  const { nodes, proxies, ends } = await startNodes(context, 3);
  const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
  for (const node of [b, c]) await node.listen(group);
  proxies[2]?.stopReading();
  const { answers, missing } = await a.gather(group, { kind: 'count', filter: undefined });
  expect([answers, missing]).toEqual([[1], [`node (${ends[2]?.tag})`]]);
  b.answers = () => true as never;
  expect(await a.exists(group)).toEqual({ answers: [true], missing: [] });
  expect(ends[0]?.partialQueries).toBe(1);
});

test('[CL-041] a node whose connection broke may be missed, until it is back; nobody is wrongly told that there is nothing', async context => {
  const { nodes, proxies, ends } = await startNodes(context, 2);
  const [a, b] = nodes as [FakeNode, FakeNode];
  await b.listen(group);
  b.answers = () => true as never;
  let isThere = 0;
  for (let cut = 0; cut < 5; cut += 1) {
    proxies[1]?.cut();
    for (let found = 0; found < 4; await setTimeout(2)) {
      const { answers, missing } = await a.exists(group);
      expect(answers.length + missing.length).toBe(1);
      found += answers.length;
      isThere += answers.length;
    }
  }
  expect(isThere).toBeGreaterThan(10);
  expect(ends.flatMap(({ faults }) => faults)).toEqual([]);
});

test('[CL-010] an id that no live node has given is absent at once, though a node does not answer', async context => {
  const { ends, nodes, proxies } = await startNodes(context, 3);
  const [a, b] = nodes as [FakeNode, FakeNode];
  const idOf = (tag: string): Target => ({
    scope: 'connection',
    hub: 'chat',
    connectionId: new ConnectionIds(tag).next(),
  });
  proxies[2]?.stopReading();
  await a.exists(group); // after which it is known to be silent
  const tookMs = await timed(async () => {
    expect(await a.gather(idOf(newTag()), { kind: 'exists' })).toEqual({ answers: [], missing: [] });
  });
  expect(tookMs).toBeLessThan(500);
  const here = idOf(ends[1]?.tag ?? '');
  await b.listen(here);
  a.publish(here, 'x');
  await b.hears('x');
  b.answers = () => true;
  expect(await a.exists(here)).toEqual({ answers: [true], missing: [] });
});

test.for([
  { who: 'the node that gave its id', has: 0, hasNot: 1 },
  { who: 'the node that took it over', has: 1, hasNot: 0 },
])(
  '[CL-045] a connection that two nodes listen to is found when $who has it: both get the query, one answers with it',
  async ({ has, hasNot }, context) => {
    const { nodes, ends } = await startFarNodes(context);
    const [birth, adopter, asker] = nodes as [FakeNode, FakeNode, FakeNode];
    const target: Target = {
      scope: 'connection',
      hub: 'chat',
      connectionId: new ConnectionIds(ends[0]?.tag ?? '').next(),
    };
    await adopter.backplane.listen(target);
    const [holder, other] = [nodes[has], nodes[hasNot]] as [FakeNode, FakeNode];
    await holder.listen(target);
    for (const node of [birth, adopter]) node.answers = () => true;
    for (let round = 0; round < 20; round += 1) {
      expect(await asker.exists(target)).toEqual({ answers: expect.arrayContaining([true]), missing: [] });
    }
    expect(other.heard.length).toBeGreaterThan(0); // it was asked too, and does not have it
    expect(await other.exists(target)).toEqual({ answers: [true], missing: [] });
    asker.publish(target, 'x');
    for (const node of [birth, adopter]) await node.hears('x');
  },
);
