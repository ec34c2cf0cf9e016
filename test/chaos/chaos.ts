import { setTimeout } from 'node:timers/promises';
import type { Row } from '../soak/checks/row.js';
import { Dice } from '../soak/dice.js';
import { eventually } from '../support/eventually.js';
import { rowsOf, type Seen } from './audit.js';
import { type Cluster, leaseSeconds } from './cluster.js';
import { type FaultName, faultsOf, perform } from './faults.js';
import { existence, Load, send } from './load.js';

const clientCount = 60;
const publisherCount = 4;

/** Between one fault and the next: long enough for most clients to be back. */
const calmMs = { least: 3_000, most: 8_000 };

/** After the last fault: a dead node is spoken for a lease and 10 s later. [CL-050] */
const settleMs = leaseSeconds * 1_000 + 15_000;

/** How many ended connections are asked for. */
const sampleSize = 40;

/** Lets one thing after another go wrong under load, and then judges what was seen from outside. */
export class Chaos {
  readonly #cluster: Cluster;
  readonly #seed: number;
  readonly #durationMs: number;
  readonly #print: (line: string) => void;
  readonly #load: Load;
  readonly #faults = new Map<FaultName, number>();

  constructor(cluster: Cluster, seed: number, durationMs: number, print: (line: string) => void) {
    this.#cluster = cluster;
    this.#seed = seed;
    this.#durationMs = durationMs;
    this.#print = print;
    this.#load = new Load(cluster.nodes, clientCount);
  }

  /** @throws Error when a process does not come back */
  async run(): Promise<readonly Row[]> {
    const load = this.#load;
    await Promise.all(load.clients.map(client => client.connected()));
    const publishers = Array.from({ length: publisherCount }, (_, index) => new Dice(this.#seed, `publisher ${index}`));
    load.start(publishers, new Dice(this.#seed, 'leaving'));
    await this.#breakThings();
    await load.end();
    this.#print('everything is put right; waiting until it has settled');
    await setTimeout(settleMs);
    const seen = await this.#look();
    load.stop();
    return rowsOf(seen);
  }

  async #breakThings(): Promise<void> {
    const dice = new Dice(this.#seed, 'faults');
    const startMs = performance.now();
    for (const name of faultsOf(dice)) {
      if (performance.now() - startMs > this.#durationMs) return;
      const what = await perform(name, this.#cluster, dice);
      this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
      this.#print(`${String(Math.round((performance.now() - startMs) / 1_000)).padStart(5)} s  ${what}`);
      await setTimeout(dice.between(calmMs.least, calmMs.most));
    }
  }

  async #look(): Promise<Seen> {
    const { clients, order, accepted, refused } = this.#load;
    const isAllBack = () => clients.every(({ isConnected }) => isConnected);
    await eventually(() => check(isAllBack()), 30_000).catch(() => {}); // told below
    const away = clients.filter(({ isConnected }) => !isConnected).length;
    const reached = await this.#reach();
    const open = new Set(
      clients.flatMap(({ isConnected, connectionIds }) => (isConnected ? connectionIds.slice(-1) : [])),
    );
    return {
      told: this.#cluster.app.connections,
      open,
      away,
      hasTakeover: await this.#hasTakeover(),
      clients: clients.length,
      reached,
      wrongExistence: await this.#existence(open),
      disorder: order.violations,
      errors: this.#cluster.nodes.flatMap(({ name, log }) => log.faults.map(line => `${name}: ${line}`)),
      slowStops: this.#cluster.slowStops,
      standstillMs: this.#cluster.standstill.totalMs,
      faults: this.#faults,
      accepted,
      refused,
      messages: order.messages,
    };
  }

  /** Nodes that have a lease speak for each other. */
  async #hasTakeover(): Promise<boolean> {
    const texts = this.#cluster.nodes.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/metrics`)).text());
    return (await Promise.all(texts)).every(text => text.includes('hubwire_lease_age_seconds'));
  }

  /** Sends through each node; how many clients that reaches. */
  async #reach(): Promise<[string, number][]> {
    const counts: [string, number][] = [];
    for (const node of this.#cluster.nodes) {
      const before = this.#load.order.messages;
      const isTaken = await send(node, `end/${node.name} 0`);
      const count = () => this.#load.order.messages - before;
      if (isTaken) await eventually(() => check(count() === this.#load.clients.length), 10_000).catch(() => {}); // told below
      counts.push([node.name, count()]);
    }
    return counts;
  }

  async #existence(open: ReadonlySet<string>): Promise<string[]> {
    const dice = new Dice(this.#seed, 'existence');
    const ended = [...this.#cluster.app.connections.keys()].filter(id => !open.has(id));
    const some = ended.length <= sampleSize ? ended : Array.from({ length: sampleSize }, () => dice.pick(ended));
    const expected = [...[...open].map(id => [id, 200] as const), ...some.map(id => [id, 404] as const)];
    const wrong: string[] = [];
    for (const [id, status] of expected) {
      const node = dice.pick(this.#cluster.nodes);
      const answered = await existence(node, id);
      if (answered !== status)
        wrong.push(`${node.name}: ${answered} for ${id}, which is ${status === 200 ? 'open' : 'gone'}`);
    }
    return wrong;
  }
}

function check(isTrue: boolean): void {
  if (!isTrue) throw new Error('not yet');
}
