import { describe, expect, test, vi } from 'vitest';
import { lifeOf } from '../../src/node-life.js';
import { Readiness } from '../../src/readiness.js';
import { type FakeClient, settled, TestNode } from '../support/fake-ports.js';

/** A live node with so many clients. */
function nodeWith(count: number) {
  const node = new TestNode();
  const readiness = new Readiness();
  readiness.open();
  const faults: unknown[] = [];
  const observer = { fault: (where: string, error: unknown) => void faults.push([where, error]) };
  const life = lifeOf({ hubs: () => node.hubs, readiness, clock: node.clock, observer });
  const clients = Array.from({ length: count }, () => node.open());
  return { node, readiness, life, clients, faults };
}

const closed = (clients: readonly FakeClient[]) => clients.filter(({ outlet }) => outlet.closed !== undefined).length;

describe('[cluster 6.2] the clients of a node that is isolated', () => {
  test('are closed over 5 s', async () => {
    const { node, life, clients } = nodeWith(40);
    life.pause();
    life.isolate();
    await node.clock.advanceAsync(2_500);
    expect(closed(clients)).toBe(22);
    await node.clock.advanceAsync(2_500);
    expect(closed(clients)).toBe(40);
  });

  test('[CL-057] are closed no longer once its lease is renewed', async () => {
    const { node, life, clients, readiness } = nodeWith(40);
    life.pause();
    life.isolate();
    await node.clock.advanceAsync(1_000);
    life.resume();
    expect([readiness.isReady, closed(clients)]).toEqual([true, 10]);
    const before = node.open();
    await node.clock.advanceAsync(10_000);
    expect(closed([...clients, before])).toBe(10);
  });

  test('are all closed when it is isolated once more', async () => {
    const { node, life, clients } = nodeWith(40);
    for (const awayMs of [0, 10_000]) {
      life.pause();
      life.isolate();
      await node.clock.advanceAsync(awayMs);
      life.resume();
    }
    expect(closed(clients)).toBe(40);
  });

  test('a fault while they are closed is told', async () => {
    const { node, life, faults } = nodeWith(1);
    const error = new Error('no');
    vi.spyOn(node.chat.lifecycle, 'evict').mockRejectedValue(error);
    life.isolate();
    await settled();
    expect(faults).toEqual([['clients of a node that is isolated', error]]);
  });
});
