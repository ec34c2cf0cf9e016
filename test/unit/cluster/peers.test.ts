import { describe, expect, test } from 'vitest';
import { type LeaseRow, noPeers, type PeersInput, type PeersState, stepPeers } from '../../../src/cluster/peers.js';

const leaseMs = 20_000;
const alive = (tag: string, revision: number): LeaseRow => ({ tag, revision, claimedBy: undefined });

/** What the node with the tag `me` knows. */
class Watcher {
  state: PeersState = noPeers;
  readonly #tag: string;

  constructor(tag = 'me') {
    this.#tag = tag;
  }

  give(input: PeersInput, nowMs: number) {
    const { state, claims } = stepPeers(this.state, input, this.#tag, nowMs, leaseMs);
    this.state = state;
    return claims;
  }

  scan(nowMs: number, ...rows: LeaseRow[]): string[] {
    return this.give({ kind: 'scanned', rows: [alive(this.#tag, nowMs), ...rows] }, nowMs).map(({ row }) => row.tag);
  }
}

describe('a lease may be claimed', () => {
  test('when its revision has not changed for a lease, by the clock of who has seen that', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    expect(me.scan(5_000, alive('x', 1))).toEqual([]);
    expect(me.scan(24_999, alive('x', 1))).toEqual([]);
    expect(me.scan(25_000, alive('x', 1), alive('y', 2))).toEqual(['x']);
  });

  test('[CL-055] after its own length, where its node has another one: as while nodes are restarted with a changed leaseSeconds', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    const [long, short] = [
      { ...alive('long', 1), leaseMs: 120_000 },
      { ...alive('short', 2), leaseMs: 3_000 },
    ];
    expect(me.scan(20_000, long, short)).toEqual([]);
    expect(me.scan(23_000, long, short)).toEqual(['short']);
    expect(me.scan(139_999, long)).toEqual([]);
    expect(me.scan(140_000, long)).toEqual(['long']);
  });

  test('not when it was renewed meanwhile', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    me.scan(5_000, alive('x', 1));
    me.scan(15_000, alive('x', 2));
    expect(me.scan(25_000, alive('x', 2))).toEqual([]);
    expect(me.scan(35_000, alive('x', 2))).toEqual(['x']);
  });

  test('[CL-056] not while the own lease has not been good for a lease: then the store was away for all', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    me.scan(1_000, alive('x', 1));
    me.give({ kind: 'bad' }, 30_000);
    expect(me.scan(61_000, alive('x', 1))).toEqual([]);
    me.give({ kind: 'good' }, 61_000);
    expect(me.scan(80_999, alive('x', 1))).toEqual([]);
    expect(me.scan(81_000, alive('x', 1))).toEqual(['x']);
  });

  test('[CL-052] when its claimer is gone or claimed, at once; not while that is alive', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    const byA: LeaseRow = { tag: 'x', revision: 1, claimedBy: 'a' };
    expect(me.scan(20_000, byA, alive('a', 2))).toEqual([]);
    expect(me.scan(60_000, byA, alive('a', 3))).toEqual([]);
    expect(me.scan(60_100, byA)).toEqual(['x']);
    expect(me.scan(60_200, byA, { tag: 'a', revision: 4, claimedBy: 'b' }, alive('b', 5))).toEqual(['x']);
  });

  test('[CL-059] when it is its own claim: it would not be stored any more once all is told', () => {
    const me = new Watcher();
    me.give({ kind: 'good' }, 0);
    const own: LeaseRow = { tag: 'x', revision: 6, claimedBy: 'me' };
    expect(me.scan(19_999, own)).toEqual([]);
    expect(me.scan(20_000, own)).toEqual(['x']);
  });
});

describe('a node', () => {
  const goneIn = (me: Watcher, ...rows: LeaseRow[]) => {
    const { state, gone } = stepPeers(me.state, { kind: 'scanned', rows }, 'me', 0, leaseMs);
    me.state = state;
    return gone;
  };

  test('[CL-059] is gone once its lease has ended, and not while it is only claimed', () => {
    const me = new Watcher();
    expect(goneIn(me, alive('x', 1), alive('y', 2))).toEqual([]);
    expect(goneIn(me, { tag: 'x', revision: 3, claimedBy: 'y' }, alive('y', 2))).toEqual([]);
    expect(goneIn(me, alive('y', 4))).toEqual(['x']);
    expect(goneIn(me, alive('y', 4))).toEqual([]);
  });

  test('is not gone while the store is away', () => {
    const me = new Watcher();
    goneIn(me, alive('x', 1));
    expect(stepPeers(me.state, { kind: 'bad' }, 'me', 0, leaseMs).gone).toEqual([]);
    expect(goneIn(me, alive('x', 1))).toEqual([]);
  });
});

test('of several that may claim, one tries at once and the others later, in an order of each tag', () => {
  const tags = ['a', 'b', 'c', 'd'];
  const delaysFor = (gone: string) =>
    tags.map(tag => {
      const watcher = new Watcher(tag);
      watcher.give({ kind: 'good' }, 0);
      const rows = (at: number) => [...tags.map(each => alive(each, at)), alive(gone, 1)];
      watcher.give({ kind: 'scanned', rows: rows(0) }, 0);
      return watcher.give({ kind: 'scanned', rows: rows(20_000) }, 20_000)[0]?.delayMs;
    });
  expect(delaysFor('x').toSorted()).toEqual([0, 200, 400, 600]);
  const firsts = new Set(['x', 'y', 'z', 'u', 'v', 'w', 's', 't'].map(gone => delaysFor(gone).indexOf(0)));
  expect(firsts.size).toBeGreaterThan(1);
});
