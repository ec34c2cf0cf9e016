import { describe, expect, test } from 'vitest';
import {
  type LeaseInput,
  type LeaseOrder,
  type LeaseRules,
  type LeaseState,
  leaseAgeMs,
  mayAct,
  newLease,
  stepLease,
} from '../../../src/cluster/lease.js';
import { ManualClock } from '../../support/manual-clock.js';

const rules: LeaseRules = { leaseMs: 20_000, onIsolation: 'pause' };

/** A lease on a clock that a test advances; writes are answered when the test says so. */
class Node {
  readonly clock = new ManualClock();
  readonly entered: string[] = [];
  state: LeaseState = newLease;
  #revision = 0;
  readonly #rules: LeaseRules;

  constructor(given: LeaseRules = rules) {
    this.#rules = given;
  }

  get now() {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.now() };
  }

  give(input: LeaseInput): readonly LeaseOrder[] {
    const { state, orders } = stepLease(this.state, input, this.now, this.#rules);
    this.state = state;
    for (const order of orders) if (order.kind === 'entered') this.entered.push(order.phase);
    return orders.filter(({ kind }) => kind !== 'entered');
  }

  tick(): readonly LeaseOrder[] {
    return this.give({ kind: 'tick' });
  }

  stored(mayHaveRival = false): void {
    this.give({ kind: 'stored', revision: ++this.#revision, mayHaveRival });
  }

  /** Live, its lease sent now. */
  static live(given?: LeaseRules): Node {
    const node = new Node(given);
    node.tick();
    node.stored();
    node.give({ kind: 'reached' });
    expect(node.entered.splice(0)).toEqual(['live']);
    return node;
  }

  /** Time in which each write is answered at once. */
  renewFor(ms: number): void {
    for (const until = this.clock.monotonicMs() + ms; this.clock.monotonicMs() < until; this.clock.advance(1_000)) {
      if (this.tick().length > 0) this.stored();
    }
  }

  /** Time in which no write is answered. */
  stallFor(ms: number): void {
    for (const until = this.clock.monotonicMs() + ms; this.clock.monotonicMs() < until; this.clock.advance(1_000)) {
      if (this.tick().length > 0) this.give({ kind: 'failed' });
    }
    if (this.tick().length > 0) this.give({ kind: 'failed' });
  }
}

describe('[cluster 6.1] a renewal after the pause, at a store that may acknowledge a claim as well', () => {
  /** Paused, and its renewal is acknowledged now. */
  function renewedLate(): Node {
    const node = Node.live();
    node.stallFor(17_000);
    expect(node.entered.splice(0)).toEqual(['paused']);
    node.clock.advance(4_000);
    expect(node.tick()).toMatchObject([{ kind: 'write' }]);
    node.stored(true);
    return node;
  }

  test('is confirmed after a second, and the node goes on', () => {
    const node = renewedLate();
    node.clock.advance(999);
    expect(node.tick()).toEqual([]);
    node.clock.advance(1);
    expect(node.tick()).toEqual([{ kind: 'confirm' }]);
    expect(node.tick()).toEqual([]); // one request at a time
    expect(mayAct(node.state)).toBe(false);
    node.give({ kind: 'confirmed', row: { revision: 2, isOwn: true } });
    expect(node.entered).toEqual(['live']);
    node.renewFor(60_000);
    expect(node.entered).toEqual(['live']);
  });

  test.each([
    ['claimed', { revision: 9, isOwn: false }],
    ['gone', undefined],
  ])('the lease is found %s: the node is fenced', (_, row) => {
    const node = renewedLate();
    node.clock.advance(1_000);
    node.tick();
    node.give({ kind: 'confirmed', row });
    expect(node.entered).toEqual(['fenced']);
  });

  test('when nobody answers, it is read again, and a renewal that is too old by then does not make it live', () => {
    const node = renewedLate();
    node.clock.advance(1_000);
    node.tick();
    node.give({ kind: 'failed' });
    expect(node.tick()).toEqual([{ kind: 'confirm' }]);
    node.clock.advance(20_000);
    node.give({ kind: 'confirmed', row: { revision: 2, isOwn: true } });
    expect(node.entered).toEqual([]);
    expect(node.tick()).toMatchObject([{ kind: 'write' }]);
  });

  test('pauses a node that has not looked since, as after SIGCONT', () => {
    const node = Node.live();
    node.clock.advance(5_000);
    node.tick();
    node.clock.advance(16_000);
    node.stored(true);
    expect(node.entered).toEqual(['paused']);
  });

  test('in time needs no confirmation', () => {
    const node = Node.live();
    for (let renewals = 0; renewals < 10; renewals += 1) {
      node.clock.advance(15_000);
      expect(node.tick()).toMatchObject([{ kind: 'write' }]);
      node.stored(true);
    }
    expect(node.entered).toEqual([]);
  });
});

describe('a node that starts', () => {
  test('is live once its lease is stored and its peers know of it, in either order', () => {
    const node = new Node();
    expect(node.tick()).toEqual([{ kind: 'write', revision: undefined }]);
    expect(node.tick()).toEqual([]); // one write at a time
    node.give({ kind: 'reached' });
    expect(mayAct(node.state)).toBe(false);
    node.stored();
    expect(node.entered).toEqual(['live']);
    expect(mayAct(node.state)).toBe(true);
  });

  test('is not live by a lease that was stored too long ago: somebody may have claimed it', () => {
    const node = new Node();
    node.tick();
    node.clock.advance(16_000);
    node.stored();
    node.give({ kind: 'reached' });
    expect(node.entered).toEqual([]);
    node.renewFor(1_000);
    expect(node.entered).toEqual(['live']);
  });

  test('its first write is stored and the answer is lost: what is found is its own', () => {
    const node = new Node();
    node.tick();
    node.give({ kind: 'failed' });
    expect(node.tick()).toEqual([{ kind: 'write', revision: undefined }]);
    expect(node.give({ kind: 'conflict' })).toEqual([{ kind: 'read' }]);
    node.give({ kind: 'found', row: { revision: 7, isOwn: true } });
    expect(node.tick()).toEqual([{ kind: 'write', revision: 7 }]);
  });
});

describe('the lease of a live node', () => {
  test('is renewed by its revision every fifth of a lease', () => {
    const node = Node.live();
    node.clock.advance(3_999);
    expect(node.tick()).toEqual([]);
    node.clock.advance(1);
    expect(node.tick()).toEqual([{ kind: 'write', revision: 1 }]);
    node.stored();
    node.clock.advance(4_000);
    expect(node.tick()).toEqual([{ kind: 'write', revision: 2 }]);
  });

  test('[CL-057] nine seconds without an answer, and nobody is paused: the default lease outlasts an election', () => {
    const node = Node.live();
    node.renewFor(4_000);
    node.stallFor(11_000); // four seconds of a renewal's turn, and then nine without a leader
    node.renewFor(2_000);
    expect(node.entered).toEqual([]);
  });

  test('[CL-055] pauses 0.8 of a lease after the last renewal that was acknowledged was sent, not when its answer came', () => {
    const node = Node.live();
    node.clock.advance(4_000);
    node.tick();
    node.clock.advance(3_000);
    node.stored(); // sent three seconds ago
    node.clock.advance(12_999);
    node.tick();
    expect(node.entered).toEqual([]);
    node.clock.advance(1);
    node.tick();
    expect(node.entered).toEqual(['paused']);
    expect(mayAct(node.state)).toBe(false);
  });

  test('[CL-053] pauses at its first input after a sleep in which one of the clocks stood still', () => {
    const asleep = Node.live();
    asleep.clock.pause(16_000); // SIGSTOP: both go on
    asleep.tick();
    const suspended = Node.live();
    suspended.clock.stepWall(16_000); // a suspended machine: the monotonic clock stands still
    suspended.tick();
    const stepped = Node.live();
    stepped.clock.stepWall(-100_000);
    stepped.clock.advance(16_000);
    stepped.tick();
    expect([asleep.entered, suspended.entered, stepped.entered]).toEqual([['paused'], ['paused'], ['paused']]);
  });

  test('[CL-054] half a lease asleep: it goes on', () => {
    const node = Node.live();
    node.clock.pause(10_000);
    expect(node.tick()).toEqual([{ kind: 'write', revision: 1 }]);
    node.stored();
    expect(node.entered).toEqual([]);
  });

  test('[CL-055] healed in time it goes on; an answer that is as old as a lease itself does not heal it', () => {
    const node = Node.live();
    node.stallFor(16_000);
    expect(node.entered).toEqual(['paused']);
    node.tick();
    node.clock.advance(17_000);
    node.stored();
    expect(node.entered).toEqual(['paused']);
    node.renewFor(1_000);
    expect(node.entered).toEqual(['paused', 'live']);
  });

  test.each([
    ['claimed', { revision: 9, isOwn: false }],
    ['gone', undefined],
  ])('[CL-055] healed too late: its lease is %s, and it is fenced', (_, row) => {
    const node = Node.live();
    node.stallFor(30_000);
    expect(node.give({ kind: 'conflict' })).toEqual([{ kind: 'read' }]);
    node.give({ kind: 'found', row });
    expect(node.entered).toEqual(['paused', 'fenced']);
    expect(node.tick()).toEqual([]);
    expect(node.give({ kind: 'stored', revision: 9, mayHaveRival: false })).toEqual([]);
    expect(node.state.phase).toBe('fenced');
  });

  test('[CL-006] is fenced once NATS has lost what it goes by', () => {
    const node = Node.live();
    node.give({ kind: 'replaced' });
    expect(node.entered).toEqual(['fenced']);
  });

  test('[CL-058] is fenced once its ledger is sealed', () => {
    const node = Node.live();
    node.give({ kind: 'sealed' });
    expect(node.entered).toEqual(['fenced']);
  });

  test('closes its clients when it has been paused for two leases, and goes on when it is renewed', () => {
    const node = Node.live();
    node.stallFor(55_000);
    expect(node.entered).toEqual(['paused']);
    node.stallFor(2_000);
    expect(node.entered).toEqual(['paused', 'isolated']);
    node.renewFor(1_000);
    expect(node.entered).toEqual(['paused', 'isolated', 'live']);
  });

  test('with onIsolation: serve it serves on, and is fenced all the same', () => {
    const node = Node.live({ ...rules, onIsolation: 'serve' });
    node.stallFor(100_000);
    expect(node.entered).toEqual(['serving']);
    expect(mayAct(node.state)).toBe(true);
    node.give({ kind: 'found', row: undefined });
    expect(node.entered).toEqual(['serving', 'fenced']);
    expect(mayAct(node.state)).toBe(false);
  });
});

test('a node that drains says so at once, and deletes its lease by its revision in the end', () => {
  const node = Node.live();
  expect(node.give({ kind: 'drain' })).toEqual([{ kind: 'write', revision: 1 }]);
  node.stored();
  expect(node.give({ kind: 'drained' })).toEqual([{ kind: 'delete', revision: 2 }]);
  expect(node.entered).toEqual(['gone']);
});

test('[CL-123] the age of the lease is that of the last renewal that was acknowledged', () => {
  const node = Node.live();
  node.clock.advance(5_000);
  expect(leaseAgeMs(node.state, node.now)).toBe(5_000);
  expect(leaseAgeMs(newLease, node.now)).toBe(Number.POSITIVE_INFINITY);
});
