import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../../src/clock.js';
import type { WebhookEvent } from '../../../../src/webhooks/events.js';
import { Occupancies } from '../../../../src/webhooks/occupancies.js';
import { decodePlace } from '../../../../src/webhooks/shared/place-codec.js';
import type { Departure } from '../../../../src/webhooks/shared/place-state.js';
import { SharedPlaces } from '../../../../src/webhooks/shared/shared-places.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { SimulatedFacts } from '../../../support/simulated-facts.js';

const leaseMs = 1_000;

interface Told {
  readonly what: string;
  readonly by: SimulatedNode;
}

class World {
  readonly clock = new ManualClock();
  readonly facts: SimulatedFacts;
  readonly nodes: SimulatedNode[] = [];
  /** By channel, in the order in which it was told. */
  readonly told = new Map<string, Told[]>();
  readonly faults: unknown[] = [];
  /** Tags that are gone, and have not been removed yet. */
  readonly unclaimed = new Set<string>();
  readonly draw: () => number;
  #born = 0;

  constructor(
    numbers: readonly number[] = [0],
    nodes = 3,
    readonly lingerMs = 300,
  ) {
    let drawn = 0;
    this.draw = () => {
      drawn += 1;
      return (numbers[drawn % numbers.length]! + drawn * 37) % 100;
    };
    this.facts = new SimulatedFacts(this.clock, this.draw);
    for (let n = 0; n < nodes; n += 1) this.start();
  }

  newTag(): string {
    this.#born += 1;
    return `node-${this.#born}`;
  }

  start(): SimulatedNode {
    const node = new SimulatedNode(this, this.newTag());
    this.nodes.push(node);
    return node;
  }

  get alive(): SimulatedNode[] {
    return this.nodes.filter(({ isDead }) => !isDead);
  }

  note(channel: string, what: string, by: SimulatedNode): void {
    this.told.set(channel, [...(this.told.get(channel) ?? []), { what, by }]);
  }

  toldOf(channel: string): string[] {
    return (this.told.get(channel) ?? []).map(({ what }) => what);
  }

  kept() {
    return [...this.facts.values.values()].map(({ value }) => decodePlace(value)!);
  }

  /** Another node claims the tag; if that one dies meanwhile, or is fenced itself, the next one. */
  claim(tag: string): void {
    this.unclaimed.add(tag);
    this.clock.after(leaseMs, () => void this.#remove());
  }

  async #remove(): Promise<void> {
    const gone = [...this.unclaimed];
    const claimer = this.alive[this.draw() % this.alive.length]!;
    try {
      await claimer.places.removeNodes(tag => gone.includes(tag));
    } catch {
      this.clock.after(leaseMs, () => void this.#remove());
      return;
    }
    for (const tag of gone) this.unclaimed.delete(tag);
    const kept = JSON.stringify(this.kept());
    for (const tag of gone) if (kept.includes(`"${tag}"`)) this.faults.push(`${tag} is left`);
  }
}

class SimulatedNode {
  isDead = false;
  readonly here = new Set<string>();
  readonly places: SharedPlaces;
  readonly occupancies: Occupancies;
  readonly #world: World;
  readonly #bornAs: string;
  #emitted: WebhookEvent[] = [];

  constructor(
    world: World,
    public tag: string,
  ) {
    this.#world = world;
    this.#bornAs = tag;
    const clock: Clock = {
      now: () => world.clock.now(),
      monotonicMs: () => world.clock.monotonicMs(),
      after: (ms, task) => world.clock.after(ms, () => this.isDead || task()),
    };
    const fault = (_where: string, error: unknown) => world.faults.push(error);
    this.places = new SharedPlaces({
      store: world.facts.connect(() => this.isDead),
      tag,
      clock,
      atTurnEnd: queueMicrotask,
      observer: { unreached: fault },
      random: () => 0.5,
    });
    this.occupancies = new Occupancies({
      clock,
      queue: () => expect.fail('the outbox keeps no deadlines'),
      observer: { fault, raised() {}, enveloped() {}, notKept() {}, warned() {} },
      tell: (_source, event) => {
        this.#emitted.push(event);
        if (event.name === 'cache_miss') this.#keep(); // nobody tells it in the place of a node that is gone
      },
      kept: () => new Promise(resolve => void clock.after(world.draw(), () => resolve(this.#keep()))),
      shared: this.places,
    });
  }

  /** What it had to tell may be told by another. */
  get isFormer(): boolean {
    return this.isDead || this.tag !== this.#bornAs;
  }

  /** The outbox has what was emitted, which was gone with the node until then. */
  #keep(): void {
    for (const event of this.#emitted.splice(0))
      this.#world.note((event as { channel: string }).channel, event.name, this);
  }

  come(channel: string): void {
    if (this.isDead || this.here.has(channel)) return;
    this.here.add(channel);
    this.occupancies.came(
      placeOf(channel),
      departureOf(channel, this.#world.lingerMs),
      eventOf('channel_occupied', channel),
    );
  }

  /** As at a reload that adds the first endpoint. */
  noteThere(channel: string): void {
    this.here.add(channel);
    this.occupancies.wasThere(placeOf(channel), departureOf(channel, this.#world.lingerMs));
  }

  leave(channel: string): void {
    if (!this.isDead && this.here.delete(channel))
      this.occupancies.left(placeOf(channel), departureOf(channel, this.#world.lingerMs));
  }

  miss(channel: string, forMs = 60_000): void {
    if (this.here.has(channel)) {
      this.occupancies.missed(placeOf(channel), forMs, 'app:42', eventOf('cache_miss', channel));
    }
  }

  /** Nobody claims it. */
  vanish(): void {
    this.isDead = true;
  }

  kill(): void {
    if (this.isDead || this.#world.alive.length === 1) return;
    this.isDead = true;
    this.#world.claim(this.tag);
  }

  /** Paused for longer than its lease: it drops its clients and begins anew. */
  fence(): void {
    if (this.isDead || this.#world.alive.length === 1) return;
    this.places.pause();
    this.#world.claim(this.tag);
    this.#world.clock.after(leaseMs * 2, () => {
      if (this.isDead) return;
      this.tag = this.#world.newTag();
      void this.places.restart(this.tag);
      for (const channel of this.here) this.leave(channel);
      this.places.resume();
    });
  }
}

function departureOf(channel: string, lingerMs = 300): Departure {
  return { lingerMs, gone: eventOf('channel_vacated', channel), source: 'app:42' };
}

function placeOf(channel: string) {
  return { key: `["app:42","${channel}"]`, track: `app:42 ${channel}` };
}

function eventOf(name: 'channel_occupied' | 'channel_vacated' | 'cache_miss', channel: string): WebhookEvent {
  return { name, atMs: 0, channel };
}

const channels = ['a', 'b'];

type Act = { readonly kind: string; readonly node: number; readonly channel: string; readonly ms: number };

const act = fc.record<Act>({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('come') },
    { weight: 6, arbitrary: fc.constant('leave') },
    { weight: 4, arbitrary: fc.constant('wait') },
    { weight: 1, arbitrary: fc.constantFrom('kill', 'fence', 'start', 'fail', 'heal') },
  ),
  node: fc.nat(4),
  channel: fc.constantFrom(...channels),
  ms: fc.oneof(fc.nat(10), fc.nat(80), fc.nat(600)),
});

async function perform(world: World, { kind, node: index, channel, ms }: Act): Promise<void> {
  const node = world.nodes[index % world.nodes.length]!;
  if (kind === 'come') node.come(channel);
  else if (kind === 'leave') node.leave(channel);
  else if (kind === 'kill') node.kill();
  else if (kind === 'fence') node.fence();
  else if (kind === 'start' && world.alive.length < 4) world.start();
  else if (kind === 'fail') world.facts.failing = 40;
  else if (kind === 'heal') world.facts.failing = 0;
  else await world.clock.advanceAsync(ms);
}

/** What is told alternates; only what a node had not been confirmed when it died, or lost its tag, may be repeated by another. */
function expectAlternating(told: readonly Told[]): void {
  let last = 'channel_vacated';
  for (const [index, { what }] of told.entries()) {
    if (what === last) expect(told[index - 1]?.by.isFormer, told.map(each => each.what).join()).toBe(true);
    last = what;
  }
}

async function expectSettled(world: World): Promise<void> {
  world.facts.failing = 0;
  await world.clock.advanceAsync(30_000);
  expect(world.faults.filter(fault => typeof fault === 'string')).toEqual([]);
  for (const channel of channels) {
    const told = world.told.get(channel) ?? [];
    const holders = world.alive.filter(({ here }) => here.has(channel)).map(({ tag }) => tag);
    const kept = world.kept().find(({ key }) => key === placeOf(channel).key);
    expectAlternating(told);
    expect(kept?.state.holders.toSorted() ?? []).toEqual(holders.toSorted());
    expect(kept === undefined).toBe(holders.length === 0);
    expect(told.at(-1)?.what === 'channel_occupied').toBe(holders.length > 0);
  }
  for (const { places } of world.alive) expect(places.lingering).toBe(0);
}

test('[cluster 6.4] whatever several nodes do at once, one occupied is told for each vacated, in order', async () => {
  const acts = fc.array(act, { minLength: 1, maxLength: 60 });
  const numbers = fc.array(fc.nat(99), { minLength: 20, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(acts, numbers, fc.constantFrom(0, 20, 300), async (sequence, drawn, lingerMs) => {
      const world = new World(drawn, 3, lingerMs);
      for (const each of sequence) await perform(world, each);
      await expectSettled(world);
    }),
    { numRuns: 300 },
  );
}, 60_000);

describe('with three nodes', () => {
  test('50 that come at once are told once, and so are the last that leave at once', async () => {
    const world = new World();
    const [a, b, c] = world.nodes as [SimulatedNode, SimulatedNode, SimulatedNode];
    for (const node of [a, b, c]) node.come('a');
    await world.clock.advanceAsync(200);
    expect(world.toldOf('a')).toEqual(['channel_occupied']);
    for (const node of [c, a, b]) node.leave('a');
    await world.clock.advanceAsync(290);
    expect(world.toldOf('a')).toEqual(['channel_occupied']);
    await world.clock.advanceAsync(500);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'channel_vacated']);
    expect(world.facts.values.size).toBe(0);
  });

  test('a node that dies is no news while another one has somebody there, and news once when none has', async () => {
    const world = new World();
    const [a, b] = world.nodes as [SimulatedNode, SimulatedNode];
    for (const node of [a, b]) node.come('a');
    await world.clock.advanceAsync(200);
    a.kill();
    await world.clock.advanceAsync(5_000);
    expect(world.toldOf('a')).toEqual(['channel_occupied']);
    b.kill();
    await world.clock.advanceAsync(leaseMs + 290);
    expect(world.toldOf('a')).toEqual(['channel_occupied']);
    await world.clock.advanceAsync(500);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'channel_vacated']);
  });

  test('the wait of a node that dies goes on at another one, and ends when somebody comes', async () => {
    const world = new World();
    const [a, b] = world.nodes as [SimulatedNode, SimulatedNode];
    for (const channel of channels) a.come(channel);
    await world.clock.advanceAsync(200);
    for (const channel of channels) a.leave(channel);
    await world.clock.advanceAsync(200);
    a.kill();
    b.come('b');
    await world.clock.advanceAsync(leaseMs + 200);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'channel_vacated']);
    expect(world.toldOf('b')).toEqual(['channel_occupied']);
  });

  test('what a node has left to others when it ends is known, until all of it is told and kept', async () => {
    const world = new World();
    const [node] = world.nodes as [SimulatedNode];
    const { places } = node;
    const until = async (isAllTold: boolean) => {
      for (let ms = 0; places.isAllTold !== isAllTold; ms += 1) {
        expect(ms).toBeLessThan(400);
        await world.clock.advanceAsync(1);
      }
    };
    node.come('a');
    await until(false);
    await until(true);
    expect(world.kept().map(({ state }) => state.untold)).toEqual([undefined]);
    node.leave('a');
    await until(false);
    await world.clock.advanceAsync(250);
    expect([places.isAllTold, places.isBusy, places.lingering]).toEqual([false, false, 1]);
    await until(true);
    expect([world.toldOf('a'), world.facts.values.size]).toEqual([['channel_occupied', 'channel_vacated'], 0]);
  });

  test('[CL-063] of a channel that was occupied before anybody was told of it, only that it is vacated is told, once', async () => {
    const world = new World();
    const [a, b, c] = world.nodes as [SimulatedNode, SimulatedNode, SimulatedNode];
    for (const node of [a, b, a]) node.noteThere('a');
    await world.clock.advanceAsync(200);
    c.come('a');
    await world.clock.advanceAsync(200);
    for (const node of [a, c]) node.leave('a');
    await world.clock.advanceAsync(1_000);
    expect(world.toldOf('a')).toEqual([]);
    b.leave('a');
    await world.clock.advanceAsync(1_000);
    expect([world.toldOf('a'), world.facts.values.size]).toEqual([['channel_vacated'], 0]);
  });

  test('[CL-065] what a node has left that nobody claims is told once, whoever comes across it', async () => {
    const world = new World();
    const [gone, ...others] = world.nodes as [SimulatedNode, ...SimulatedNode[]];
    for (const channel of channels) gone.come(channel);
    await world.clock.advanceAsync(200);
    others[0]!.come('b');
    gone.leave('a');
    await world.clock.advanceAsync(100);
    gone.vanish();
    const isForgotten = async (tag: string) => tag === gone.tag;
    void Promise.all(others.map(({ places }) => places.removeForgotten(isForgotten)));
    await world.clock.advanceAsync(5_000);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'channel_vacated']);
    expect(world.toldOf('b')).toEqual(['channel_occupied']);
    expect(world.kept().map(({ state }) => state.holders)).toEqual([[others[0]!.tag]]);
  });

  test('places of nodes that somebody speaks for are left to those', async () => {
    const world = new World();
    const [a, b] = world.nodes as [SimulatedNode, SimulatedNode];
    a.come('a');
    await world.clock.advanceAsync(200);
    const asked: string[] = [];
    void b.places.removeForgotten(async tag => {
      asked.push(tag);
      return false;
    });
    await world.clock.advanceAsync(1_000);
    expect([asked, world.kept().map(({ state }) => state.holders)]).toEqual([[a.tag], [[a.tag]]]);
  });

  test('[PW §2.4] a missing last message is told once, until the place is vacated or the time is over', async () => {
    const world = new World();
    const [a, b] = world.nodes as [SimulatedNode, SimulatedNode];
    for (const node of [a, b]) node.come('a');
    for (const node of [a, b, a]) node.miss('a');
    await world.clock.advanceAsync(1_000);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'cache_miss']);
    await world.clock.advanceAsync(60_000);
    for (const node of [b, a]) node.miss('a');
    await world.clock.advanceAsync(1_000);
    expect(world.toldOf('a').slice(2)).toEqual(['cache_miss']);
    for (const node of [b, a]) node.leave('a');
    await world.clock.advanceAsync(100);
    b.come('a');
    b.miss('a');
    await world.clock.advanceAsync(1_000);
    expect(world.toldOf('a').slice(3)).toEqual([]);
    b.leave('a');
    await world.clock.advanceAsync(10_000);
    b.come('a');
    b.miss('a');
    await world.clock.advanceAsync(1_000);
    expect(world.toldOf('a').slice(3)).toEqual(['channel_vacated', 'channel_occupied', 'cache_miss']);
  });
});

describe('while the store cannot be reached', () => {
  test('what happens waits, in order, and is told afterwards; one fault is reported', async () => {
    const world = new World();
    const [a] = world.nodes as [SimulatedNode];
    world.facts.failing = 100;
    a.come('a');
    await world.clock.advanceAsync(5_000);
    a.leave('a');
    a.come('b');
    await world.clock.advanceAsync(5_000);
    expect(world.told.size).toBe(0);
    expect(world.faults).toHaveLength(1);
    world.facts.failing = 0;
    await world.clock.advanceAsync(3_000);
    expect(world.toldOf('a')).toEqual(['channel_occupied', 'channel_vacated']);
    expect(world.toldOf('b')).toEqual(['channel_occupied']);
  });

  test('nobody who comes is noted beyond the bound, and that is said; who leaves is noted all the same', async () => {
    const world = new World();
    const { clock, facts } = world;
    const store = facts.connect(() => false);
    const places = new SharedPlaces({
      store,
      tag: 'n',
      clock,
      atTurnEnd: queueMicrotask,
      observer: { unreached() {} },
      most: 1,
    });
    const come = (channel: string) =>
      places.came(placeOf(channel), departureOf(channel), eventOf('channel_occupied', channel));
    const first = come('a');
    await expect(come('b')).rejects.toMatchObject({ name: 'NotKept', reason: 'full' });
    await clock.advanceAsync(100);
    expect((await first)?.event.name).toBe('channel_occupied');
    places.pause();
    void come('c');
    const left = places.left(placeOf('a'), departureOf('a'));
    places.resume();
    await clock.advanceAsync(100);
    await left;
    expect(places.lingering).toBe(1);
  });
});

test('what other programs wrote counts as nothing, and is replaced', async () => {
  const world = new World();
  const [a] = world.nodes as [SimulatedNode];
  world.facts.values.set(placeOf('a').key, { value: Buffer.from('{"v":1,"holders":7}'), revision: 5 });
  a.come('a');
  await world.clock.advanceAsync(500);
  expect(world.toldOf('a')).toEqual(['channel_occupied']);
  expect(world.kept()[0]?.state.holders).toEqual([a.tag]);
});
