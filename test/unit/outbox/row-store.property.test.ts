import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryTables } from '../../../src/outbox/drivers/memory-tables.js';
import { RowStore } from '../../../src/outbox/drivers/row-store.js';
import type { Change } from '../../../src/outbox/drivers/tables.js';
import { NotKept } from '../../../src/outbox/outbox-error.js';
import type { Claimed, Room } from '../../../src/outbox/store.js';
import { envelopeFor, failureOf } from '../../support/outbox-contract.js';

interface Write {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** As LMDB: what is written can be read once it is committed, and its promise settles some time after that. */
class LateTables extends MemoryTables {
  override readonly isDurable = true;
  readonly #queued: Write[] = [];
  readonly #committed: Write[] = [];

  override write(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => void this.#queued.push({ changes, resolve, reject }));
  }

  commit(): void {
    for (const write of this.#queued.splice(0)) {
      void super.write(write.changes); // at once
      this.#committed.push(write);
    }
  }

  fail(): void {
    for (const { reject } of this.#queued.splice(0)) reject(new Error('ENOSPC'));
  }

  settle(order: 'first' | 'last' | 'all'): void {
    const { length } = this.#committed;
    const writes = this.#committed.splice(order === 'last' ? -1 : 0, order === 'all' ? length : 1);
    for (const { resolve } of writes) resolve();
  }
}

const endpoints = ['a', 'b'];
/** Of those of `b` the next one waits until the one before it is settled. */
const key = 'k';
const large = Buffer.alloc(6 * 1024 * 1024);

/** A store, and where each envelope is that was accepted. */
class World {
  readonly tables = new LateTables(Infinity);
  readonly accepted = new Set<string>();
  readonly delivered = new Set<string>();
  readonly faults: string[] = [];
  readonly #claimed = new Map<string, Claimed>();
  readonly #underWay = new Set<Promise<void>>();
  store!: RowStore;
  #isClaiming = false;

  static async open(): Promise<World> {
    const world = new World();
    const opening = RowStore.open(world.tables, { onFault: error => world.#told(error) });
    world.follow(opening);
    await world.quiet();
    world.store = await opening;
    return world;
  }

  async step(name: Step): Promise<void> {
    steps[name](this);
    for (let ticks = 0; ticks < 3; ticks += 1) await Promise.resolve(); // some are still to run
  }

  /** All that was begun has ended. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) {
      this.tables.commit();
      this.tables.settle('all');
      await nextTurn();
    }
  }

  /** Delivers all that can be claimed, and makes dead letters claimable again, until nothing is left. */
  async drain(): Promise<void> {
    for (let isOver = false; !isOver; ) {
      await this.quiet();
      this.follow(this.store.replay({ limit: Infinity }, 1));
      await this.quiet();
      this.claim(1_000);
      await this.quiet();
      isOver = this.#claimed.size === 0;
      for (const claimed of this.#claimed.values()) this.follow(this.deliver(claimed));
      await this.quiet();
      this.#claimed.clear();
    }
    expect((await this.store.depths()).size).toBe(0);
  }

  add(count: number, content = Buffer.from('{}')): void {
    const envelopes = Array.from({ length: count }, (_, index) => envelopeFor(endpoints[index % 2]!, { content, key }));
    this.#accept(
      this.store.add(envelopes, 1),
      envelopes.map(({ id }) => id),
    );
  }

  replaceDraft(): void {
    const [draft, envelope] = [envelopeFor('a'), envelopeFor('a')];
    this.follow(this.store.addDrafts([draft], 1, 1));
    this.#accept(this.store.replaceDrafts([draft.id], envelope, 1), [envelope.id]);
  }

  completeDeadline(): void {
    const deadline = { key: 'vacated', dueAtMs: 1, content: Buffer.alloc(0) };
    const envelope = envelopeFor('a');
    const scheduled = this.store.schedule(deadline);
    const completed = this.store.complete(deadline, { envelopes: [envelope], drafts: [], untilMs: 1 }, 1);
    this.follow(scheduled);
    this.#accept(completed, [envelope.id]);
  }

  #accept(written: Promise<unknown>, ids: readonly string[]): void {
    this.follow(
      written.then(() => {
        for (const id of ids) this.accepted.add(id);
      }),
    );
  }

  /** The outbox has one claim at a time. */
  claim(count: number): void {
    if (this.#isClaiming) return;
    this.#isClaiming = true;
    const room = () => ({
      total: count,
      endpoints: endpoints.map(endpoint => ({ endpoint, count, isOrdered: endpoint === 'b' })),
    });
    this.follow(
      this.#takeAll(room).finally(() => {
        this.#isClaiming = false;
      }),
    );
  }

  async #takeAll(room: () => Room): Promise<void> {
    const { claimed } = await this.store.claim(room, () => 1);
    for (const each of claimed) this.#take(each);
  }

  #take(claimed: Claimed): void {
    const { id } = claimed.envelope;
    if (this.#claimed.has(id)) this.faults.push(`${id} is claimed twice`);
    if (this.delivered.has(id)) this.faults.push(`${id} is claimed after its delivery`);
    this.#claimed.set(id, claimed);
  }

  async deliver(claimed: Claimed): Promise<void> {
    await this.store.delivered(claimed);
    this.delivered.add(claimed.envelope.id);
  }

  /** What cannot be written is claimed as before. */
  settleOne(settle: (claimed: Claimed) => Promise<void>): void {
    const [claimed] = this.#claimed.values();
    if (claimed === undefined) return;
    const { id } = claimed.envelope;
    this.#claimed.delete(id);
    this.follow(settle(claimed).catch(() => void this.#claimed.set(id, claimed)));
  }

  #told(error: unknown): void {
    if (!(error instanceof NotKept)) this.faults.push(String(error));
  }

  /** A write that fails is no fault of the store. */
  follow(work: Promise<unknown>): void {
    const over = work.then(
      () => void this.#underWay.delete(over),
      () => void this.#underWay.delete(over),
    );
    this.#underWay.add(over);
  }
}

const steps = {
  add: world => world.add(1),
  addTwo: world => world.add(2),
  addMany: world => world.add(300), // more than a search finds at once
  addLarge: world => world.add(1, large),
  replaceDraft: world => world.replaceDraft(),
  completeDeadline: world => world.completeDeadline(),
  claim: world => world.claim(3),
  deliver: world => world.settleOne(claimed => world.deliver(claimed)),
  release: world => world.settleOne(claimed => world.store.release(claimed)),
  retry: world => world.settleOne(claimed => world.store.retry(claimed, 1, failureOf(claimed))),
  bury: world => world.settleOne(claimed => world.store.bury(claimed, 'refused', 1)),
  buryAll: world => world.follow(world.store.buryAll('a', 'gone', 1)),
  buryOrdered: world => world.follow(world.store.buryAll('b', 'gone', 1)),
  replay: world => world.follow(world.store.replay({}, 1)),
  commit: world => world.tables.commit(),
  fail: world => world.tables.fail(),
  settle: world => world.tables.settle('first'),
  settleLast: world => world.tables.settle('last'),
  settleAll: world => world.tables.settle('all'),
} satisfies Record<string, (world: World) => void>;

type Step = keyof typeof steps;

const often: readonly Step[] = ['add', 'add', 'claim', 'claim', 'deliver', 'commit', 'commit', 'settle'];

/** Faults that few random runs find. */
const examples = [
  // a claim moves rows to where they wait for their key, and a burial begins
  'addMany commit buryAll commit settleAll claim buryOrdered',
  // a burial has found a row that seems to be alone when it is added
  'addMany commit buryOrdered commit replay buryAll settleLast commit buryOrdered settleAll claim',
  // a claim has passed by a dead letter whose replay is written
  'add commit buryAll commit settle replay settle add commit settleLast claim',
  // one that waits for its next attempt is claimed, given back and buried: the next one of its key goes on
  'addTwo commit settleAll claim retry retry commit settleAll claim release release buryOrdered',
].map(names => names.split(' ') as Step[]);

test('whatever happens while writes are under way, each envelope that was accepted is claimed until it is delivered, once', async () => {
  const runs = fc.asyncProperty(
    fc.array(fc.constantFrom(...often, ...(Object.keys(steps) as Step[])), { maxLength: 60, size: 'max' }),
    async names => {
      const world = await World.open();
      for (const name of names) await world.step(name);
      await world.drain();
      expect(world.faults).toEqual([]);
      expect([...world.accepted].filter(id => !world.delivered.has(id))).toEqual([]);
    },
  );
  await fc.assert(runs, { numRuns: 200, examples: examples.map(names => [names]) });
}, 60_000);
