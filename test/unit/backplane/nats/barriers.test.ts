import { describe, expect, test } from 'vitest';
import { Barriers } from '../../../../src/backplane/nats/barriers.js';
import { Peers } from '../../../../src/backplane/nats/peers.js';
import { ManualClock } from '../../../support/manual-clock.js';

const passing = { late: [], isNew: false };

/** A node with one peer, which answers when a test says so. */
class Node {
  readonly clock = new ManualClock();
  readonly peers = new Peers(20_000);
  readonly peer = this.peers.heard('peer01');
  /** Rounds that were requested, in order. */
  readonly requested: number[] = [];
  readonly passed: string[] = [];
  #atEnd: (() => void)[] = [];
  readonly barriers = new Barriers({
    clock: this.clock,
    turn: { atEnd: task => void this.#atEnd.push(task) },
    peers: this.peers,
    request: (_, round) => void this.requested.push(round),
    onPassed: () => {},
  });

  constructor() {
    this.barriers.open();
  }

  pass(name: string): void {
    void this.barriers.pass().then(
      () => this.passed.push(name),
      () => this.passed.push(`${name} failed`),
    );
  }

  async endTurn(): Promise<void> {
    for (const task of this.#atEnd.splice(0)) task();
    await new Promise<void>(resolve => setImmediate(resolve));
  }

  async answer(round: number): Promise<void> {
    this.barriers.passed(this.peer, round, passing);
    await this.endTurn();
  }
}

/** With two rounds under way, ten milliseconds apart. */
async function busyNode(): Promise<Node> {
  const node = new Node();
  for (const name of ['a', 'b']) {
    node.pass(name);
    await node.endTurn();
    node.clock.advance(10);
  }
  expect(node.requested).toEqual([1, 2]);
  return node;
}

describe('rounds of barriers', () => {
  test('one serves all that began one in a turn', async () => {
    const node = new Node();
    for (const name of ['a', 'b', 'c']) node.pass(name);
    await node.endTurn();
    expect(node.requested).toEqual([1]);
    await node.answer(1);
    expect(node.passed).toEqual(['a', 'b', 'c']);
  });

  test('a second one begins ten milliseconds after the first, for all that began one meanwhile', async () => {
    const node = new Node();
    for (const name of ['a', 'b', 'c']) {
      node.pass(name);
      await node.endTurn();
      node.clock.advance(4);
    }
    expect(node.requested).toEqual([1, 2]);
    await node.answer(2);
    expect(node.passed).toEqual(['b', 'c']);
    expect(node.clock.pending).toBe(1); // the limit of the first
  });

  test('a second one begins when the first ends before that', async () => {
    const node = new Node();
    for (const name of ['a', 'b']) {
      node.pass(name);
      await node.endTurn();
    }
    expect(node.requested).toEqual([1]);
    await node.answer(1);
    expect(node.requested).toEqual([1, 2]);
    await node.answer(2);
    expect([node.passed, node.clock.pending]).toEqual([['a', 'b'], 0]);
  });

  test('while two are under way, all that begin share the next one, which begins when either ends', async () => {
    const node = await busyNode();
    for (const name of ['c', 'd', 'e']) {
      node.pass(name);
      await node.endTurn();
    }
    expect(node.requested).toEqual([1, 2]);
    await node.answer(2);
    expect(node.passed).toEqual(['b']);
    expect(node.requested).toEqual([1, 2, 3]);
    await node.answer(3);
    expect(node.passed).toEqual(['b', 'c', 'd', 'e']);
    node.pass('f');
    await node.endTurn();
    expect(node.requested).toEqual([1, 2, 3, 4]);
  });

  test('a peer that does not answer holds them up for a second, once', async () => {
    const node = await busyNode();
    node.pass('c');
    await node.endTurn();
    node.clock.advance(1_000);
    await node.endTurn();
    expect(node.passed).toEqual(['a', 'b', 'c']); // the last one without the peer
  });

  test('what waits for its round fails with the connection, and the next connection begins anew', async () => {
    const node = await busyNode();
    node.pass('c');
    await node.endTurn();
    node.barriers.lose();
    await node.endTurn();
    expect(node.passed).toEqual(['a failed', 'b failed', 'c failed']);
    node.barriers.hold();
    node.pass('d');
    await node.endTurn();
    expect(node.requested).toEqual([1, 2]);
    node.barriers.open();
    expect(node.requested).toEqual([1, 2, 3]);
    await node.answer(3);
    expect(node.passed.at(-1)).toBe('d');
  });
});
