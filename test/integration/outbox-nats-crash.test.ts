import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { repository } from '../support/doc-pages.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { startNats } from '../support/nats-server.js';
import { mustAllRun } from '../support/not-run.js';

const program = join(repository, 'test/support/outbox-nats-node.mjs');
const rounds = mustAllRun ? 20 : 4;
const secondMs = 1_000;

interface Fact {
  readonly what: string;
  readonly atNs: bigint;
  readonly ids: readonly string[];
}

/** What all nodes of a test said, in the order of the machine's clock. */
class Log {
  readonly #facts: Fact[] = [];

  read(line: string): void {
    const [what = '', atNs = '0', ...ids] = line.split(' ');
    if (ids.length > 0) this.#facts.push({ what, atNs: BigInt(atNs), ids });
  }

  idsOf(what: string): readonly string[] {
    return this.#sorted.filter(fact => fact.what === what).flatMap(({ ids }) => ids);
  }

  get missing(): readonly string[] {
    const given = new Set(this.idsOf('d'));
    return this.idsOf('a').filter(id => !given.has(id));
  }

  /** Envelopes that were given after a later one of their key. */
  get outOfOrder(): readonly string[] {
    const last = new Map<string, number>();
    return this.idsOf('d').filter(id => {
      const [key = '', , number] = id.split('.');
      const lastNumber = last.get(key) ?? -1;
      last.set(key, Number(number));
      return Number(number) < lastNumber;
    });
  }

  /** Envelopes whose attempt began while another one of their key was under way. @param killed nodes whose attempts may not have ended */
  get overlapping(): readonly string[] {
    const underWay = new Map<string, string>();
    const found: string[] = [];
    for (const { what, ids } of this.#sorted) {
      const [id = ''] = ids;
      const [key = ''] = id.split('.');
      if (what === 'e' && underWay.get(key) === id) underWay.delete(key);
      if (what !== 'd') continue;
      const other = underWay.get(key);
      if (other !== undefined && other !== id) found.push(id); // the same one once more: its node was killed
      underWay.set(key, id);
    }
    return found;
  }

  get #sorted(): readonly Fact[] {
    return this.#facts.toSorted((a, b) => (a.atNs < b.atNs ? -1 : 1));
  }
}

interface Node {
  readonly child: ChildProcess;
  readonly started: Promise<unknown>;
  /** Rejects if it ended otherwise than by the test, with what it said. */
  readonly ended: Promise<void>;
}

function startNode(urls: readonly string[], name: string, log: Log, mode: 'accept' | 'drain'): Node {
  const child = spawn(process.execPath, [program, urls.join(','), name, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout }).on('line', line => log.read(line));
  const ended = once(child, 'close').then(([code, signal]) => {
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`${name} ended with ${code}: ${stderr}`);
  });
  ended.catch(() => {});
  return { child, started: Promise.race([once(lines, 'line'), ended]), ended };
}

async function kill({ child, ended }: Node): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

async function drained(urls: readonly string[], log: Log): Promise<void> {
  await startNode(urls, 'last', log, 'drain').ended;
}

test(`[PW-059] of two nodes one is killed ${rounds} times: each envelope arrives, in order per key, and no key is stuck`, {
  timeout: 60 * secondMs + rounds * 20 * secondMs,
}, async context => {
  const { url } = await startNats(context);
  const log = new Log();
  const nodes = ['n0', 'n1'].map(name => startNode([url], name, log, 'accept'));
  for (const { started } of nodes) await started;
  for (let round = 0; round < rounds; round += 1) {
    await setTimeout(300 + Math.random() * 500); // a random moment is what is tested
    await kill(nodes.shift() as Node);
    const next = startNode([url], `n${round + 2}`, log, 'accept');
    nodes.push(next);
    await next.started;
  }
  for (const node of nodes) await kill(node);
  await drained([url], log);
  expect(log.idsOf('a').length).toBeGreaterThan(rounds * 50);
  expect(log.missing).toEqual([]);
  expect(log.outOfOrder).toEqual([]);
  expect(log.overlapping).toEqual([]);
});

test('of three clustered servers the leader of the queue is killed, twice: nothing is lost, and what is accepted goes on', {
  timeout: 120 * secondMs,
}, async context => {
  const cluster = await startNatsCluster(context);
  const log = new Log();
  const nodes = ['n0', 'n1'].map(name => startNode(cluster.urls, name, log, 'accept'));
  for (const { started } of nodes) await started;
  for (let kills = 0; kills < 2; kills += 1) {
    const before = log.idsOf('a').length;
    await eventually(() => expect(log.idsOf('a').length).toBeGreaterThan(before + 100));
    const leader = await cluster.leaderOf('hw_outbox');
    await leader.kill();
    const killed = log.idsOf('a').length;
    await expect.poll(() => log.idsOf('a').length, { timeout: 40_000 }).toBeGreaterThan(killed + 100);
    await leader.start();
  }
  for (const node of nodes) await kill(node);
  await drained(cluster.urls, log);
  expect(log.missing).toEqual([]);
  expect(log.outOfOrder).toEqual([]);
  expect(log.overlapping).toEqual([]);
});
