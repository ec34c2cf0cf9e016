import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NatsBackplaneOptions } from '../../src/backplane/nats/nats-backplane.js';
import type { Target } from '../../src/hub/commands.js';
import { FakeNode, send } from '../support/backplane-contract.js';
import { eventually } from '../support/eventually.js';
import { usedBytes } from '../support/heap.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { type NatsEnd, proxiesTo, startEnds } from '../support/nats-nodes.js';
import { startNats } from '../support/nats-server.js';

const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

async function startNodes(
  urls: readonly string[],
  options?: Partial<NatsBackplaneOptions>,
): Promise<{ ends: readonly NatsEnd[]; nodes: readonly FakeNode[] }> {
  const ends = await startEnds(urls, urls.length, options);
  onTestFinished(async () => {
    await Promise.all(ends.map(({ backplane }) => backplane.close()));
  });
  return { ends, nodes: ends.map(({ backplane }) => new FakeNode(backplane)) };
}

/** Publishes a numbered message each millisecond or so, from one node; what was accepted, in order. */
class Load {
  readonly accepted: string[] = [];
  refused = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(node: FakeNode, name: string, perTick = 1) {
    let sent = 0;
    this.#timer = setInterval(() => {
      for (let index = 0; index < perTick; index += 1) {
        sent += 1;
        const text = `${name} ${sent}`;
        if (node.backplane.publish(group, send(text)) === 'accepted') this.accepted.push(text);
        else this.refused += 1;
      }
    }, 2);
    onTestFinished(() => clearInterval(this.#timer));
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

async function hearsAll(node: FakeNode, { accepted }: Load, name: string): Promise<void> {
  const heard = () => node.texts.filter(text => text?.startsWith(`${name} `));
  await eventually(() => expect(heard().length).toBeGreaterThanOrEqual(accepted.length));
  expect(heard()).toEqual(accepted);
}

const user: Target = { scope: 'user', hub: 'chat', userId: 'ann' };
const close = { kind: 'close', reason: undefined, excluded: [] } as const;

function areLost(ends: readonly NatsEnd[]): Promise<unknown> {
  return Promise.all(ends.map(({ told }) => eventually(() => expect(told.lines.join()).toContain('lost'))));
}

/** Publishes numbered messages to the group, 200 a second, of which the node keeps all. @param forUser one that is not for the group */
async function keep(node: FakeNode, count: number, forUser?: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, index) => `${index}`);
  for (const [index, text] of texts.entries()) {
    node.publish(index === forUser ? user : group, text);
    if (index % 10 === 9) await setTimeout(50);
  }
  return texts;
}

describe('while NATS is away', () => {
  test('what is sent waits: nothing is lost, nothing comes twice, and order holds', async context => {
    const server = await startNats(context, { jetStream: false });
    const { nodes, ends } = await startNodes([server.url, server.url, server.url]);
    const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of nodes) await node.listen(group);
    const loads = [new Load(a, 'a'), new Load(b, 'b')] as const;
    await setTimeout(200);
    await server.kill();
    await setTimeout(2_000);
    await server.start();
    await setTimeout(3_000);
    for (const load of loads) load.end();
    await hearsAll(b, loads[0], 'a');
    await hearsAll(a, loads[1], 'b');
    await hearsAll(c, loads[0], 'a');
    await hearsAll(c, loads[1], 'b');
    expect(loads.map(({ refused }) => refused)).toEqual([0, 0]);
    expect(ends.flatMap(({ faults }) => faults)).toEqual([]);
  }, 30_000);

  test('[CL-026] beyond `keepBytes` every send is refused; each that was accepted arrives', async context => {
    const server = await startNats(context, { jetStream: false });
    const { nodes } = await startNodes([server.url, server.url], { keepBytes: 100_000 });
    const [a, b] = nodes as [FakeNode, FakeNode];
    await b.listen(group);
    const load = new Load(a, 'a');
    await setTimeout(100);
    await server.kill();
    await eventually(() => expect(load.refused).toBeGreaterThan(100));
    await server.start();
    await setTimeout(2_500);
    load.end();
    await hearsAll(b, load, 'a');
  }, 30_000);

  test('[CL-014] memory grows by at most `keepBytes` + 16 MiB, at any rate of sends', async context => {
    const server = await startNats(context, { jetStream: false });
    const keepBytes = 8 * 1024 * 1024;
    const { nodes, ends } = await startNodes([server.url, server.url], { keepBytes });
    const [a] = nodes as [FakeNode];
    await server.kill();
    const before = usedBytes();
    let refused = 0;
    let most = 0;
    for (let turn = 0; turn < 300; turn += 1) {
      for (let index = 0; index < 1_000; index += 1) {
        if (a.backplane.publish(group, send('x'.repeat(100))) === 'shed') refused += 1;
      }
      await setTimeout(1);
      most = Math.max(most, ends[0]?.backplane.keptBytes ?? 0);
    }
    expect(most).toBeLessThanOrEqual(keepBytes);
    expect(most).toBeGreaterThan(keepBytes / 2);
    expect(refused).toBeGreaterThan(100_000);
    expect(usedBytes() - before).toBeLessThan(keepBytes + 16 * 1024 * 1024);
  });

  test('[CL-022] what was kept is sent at a pace: a close keeps its place behind it, questions and joins do not wait', async context => {
    const server = await startNats(context, { jetStream: false });
    const { nodes, ends } = await startNodes([server.url, server.url]);
    const [a, b] = nodes as [FakeNode, FakeNode];
    for (const target of [group, user]) await b.listen(target);
    await server.kill();
    await areLost(ends);
    const kept = await keep(a, 1_200, 300);
    await server.start();
    await eventually(async () => expect((await a.gather(group, { kind: 'exists' })).missing).toEqual([]));
    const closed = a.gather(user, close);
    await a.listen({ ...group, group: 'other' });
    expect(b.texts).not.toContain('1199');
    expect(await closed).toEqual({ answers: [1], missing: [] });
    await b.hears('1199');
    const heard = b.heard.map(([, request], index) => b.texts[index] ?? request.kind);
    expect(heard.filter(text => Number(text) >= 0)).toEqual(kept);
    expect(heard.indexOf('close')).toBeGreaterThan(heard.indexOf('300'));
    expect(heard.indexOf('exists')).toBeLessThan(heard.indexOf('1199'));
    expect(ends.flatMap(({ faults }) => faults)).toEqual([]);
  }, 60_000);

  test('[CL-026] what was kept is sent before its node ends', async context => {
    const server = await startNats(context, { jetStream: false });
    const { nodes, ends } = await startNodes([server.url, server.url]);
    const [a, b] = nodes as [FakeNode, FakeNode];
    await b.listen(group);
    await server.kill();
    await areLost(ends);
    const kept = await keep(a, 800);
    await server.start();
    await b.hears('0');
    expect(b.texts).not.toContain('799');
    await ends[0]?.backplane.close();
    await b.hears('799');
    expect(b.texts).toEqual(kept);
  }, 60_000);

  test('who wants to listen is told, and can once NATS is back', async context => {
    const server = await startNats(context, { jetStream: false });
    const { nodes } = await startNodes([server.url, server.url]);
    const [a, b] = nodes as [FakeNode, FakeNode];
    await b.listen(group);
    await server.kill();
    await setTimeout(100);
    const other: Target = { scope: 'user', hub: 'chat', userId: 'ann' };
    await expect(b.listen(other)).rejects.toThrow('NATS cannot be reached');
    b.unlisten(other);
    expect(b.backplane.listen(group)).toBeUndefined();
    expect((await a.gather(group, { kind: 'exists' })).missing).toHaveLength(1);
    const waiting = b.listen(other);
    await server.start();
    await waiting.catch(() => b.listen(other)); // may take longer than it is waited for
    a.publish(other, 'x');
    await b.hears('x');
  });
});

test('[cluster 3.5] a server that vanishes without a word: what it had confirmed and not passed on is sent again', async context => {
  const server = await startNats(context, { jetStream: false });
  const proxies = await proxiesTo([server.port], 2);
  const { nodes, ends } = await startNodes(proxies.map(({ port }) => `nats://127.0.0.1:${port}`));
  const [a, b] = nodes as [FakeNode, FakeNode];
  for (const node of nodes) await node.listen(group);
  const load = new Load(a, 'a');
  await setTimeout(200);
  proxies[1]?.stopReading(); // what is for b stays with the server
  await setTimeout(400);
  proxies[0]?.stopReading();
  await Promise.all(ends.map(({ told }) => eventually(() => expect(told.lines.join()).toContain('lost'))));
  for (const proxy of proxies) proxy.resume();
  await setTimeout(1_000);
  load.end();
  await hearsAll(b, load, 'a');
}, 30_000);

describe('another server', () => {
  test('[CL-012] all interest in 50,000 targets is in force within 2 s', async context => {
    const { servers } = await startNatsCluster(context, { jetStream: false, size: 2 });
    const [first, second] = servers.map(({ url }) => url) as [string, string];
    const { nodes, ends } = await startNodes([`${first},${second}`, second]);
    const [a, b] = nodes as [FakeNode, FakeNode];
    const targets = Array.from({ length: 50_000 }, (_, index): Target => ({ ...group, group: `g${index}` }) as Target);
    await Promise.all(targets.map(target => a.backplane.listen(target)));
    const connected = new Promise<number>(resolve => {
      ends[0]?.link.listen({ connected: () => resolve(performance.now()) });
    });
    await servers[0]?.kill();
    const sinceMs = await connected;
    await eventually(async () => {
      const { answers } = await b.gather(targets.at(-1) as Target, { kind: 'count', filter: undefined });
      expect(answers).toHaveLength(1);
    });
    expect(performance.now() - sinceMs).toBeLessThan(2_000);
    for (const target of targets.slice(0, 10)) {
      b.publish(target, JSON.stringify(target));
      await a.hears(JSON.stringify(target));
    }
  }, 60_000);

  test('[CL-016] a server that is about to stop is left: no message is lost, none comes twice, nothing is unknown', async context => {
    const settings = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "5s"';
    const { servers } = await startNatsCluster(context, { jetStream: false, settings });
    const [first, second, third] = servers.map(({ url }) => url) as [string, string, string];
    const { nodes, ends } = await startNodes([`${first},${second}`, `${first},${third}`, third]);
    const [a, b, c] = nodes as [FakeNode, FakeNode, FakeNode];
    for (const node of nodes) await node.listen(group);
    const loads = [new Load(a, 'a'), new Load(b, 'b'), new Load(c, 'c')] as const;
    const moved = Promise.all(
      ends.slice(0, 2).map(({ told }) => eventually(() => expect(told.lines.join()).toMatch(/leaving.*connected/))),
    );
    let isMoved = false;
    await setTimeout(200);
    servers[0]?.lameDuck();
    void moved.then(() => {
      isMoved = true;
    });
    while (!isMoved) {
      for (const node of nodes) expect(await node.count(group)).toBe(2);
      await setTimeout(1);
    }
    await setTimeout(500);
    for (const load of loads) load.end();
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      for (const node of nodes.filter((_, at) => at !== index)) await hearsAll(node, loads[index] as Load, name);
    }
    expect(ends.flatMap(({ told }) => told.lines).filter(line => line.startsWith('lost'))).toEqual([]);
    expect(ends.flatMap(({ faults }) => faults)).toEqual([]);
  }, 30_000);
});
