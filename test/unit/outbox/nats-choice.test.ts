import { expect, test } from 'vitest';
import { type ChoiceOptions, NatsChooser } from '../../../src/outbox/drivers/nats-choice.js';
import type { AddOp, Op } from '../../../src/outbox/drivers/nats-records.js';
import { NatsReplica } from '../../../src/outbox/drivers/nats-replica.js';

class Stream {
  readonly replica = new NatsReplica({ take: () => {}, drop: () => {} });
  readonly #numbers = new Map<string, number>();
  #seq = 0;

  append(node: string, ...ops: readonly Op[]): void {
    const number = (this.#numbers.get(node) ?? 0) + 1;
    this.#numbers.set(node, number);
    this.#seq += 1;
    this.replica.apply({ seq: this.#seq, node, number, ops });
  }
}

const add = (id: string): AddOp => {
  return { do: 'add', id, endpoint: 'a', createdAtMs: 1, acceptedAtMs: 1, content: Buffer.alloc(0) };
};

const rooms = (count: number) => {
  return { total: count, endpoints: [{ endpoint: 'a', count, isOrdered: false }] };
};

const at = (monotonicMs: number): ChoiceOptions => ({ nowMs: monotonicMs, monotonicMs });

/** Two nodes, of which each has accepted two envelopes. */
function withFour(): Stream {
  const stream = new Stream();
  for (const node of ['one', 'two']) stream.append(node, { do: 'alive' });
  stream.append('one', add('a'), add('b'));
  stream.append('two', add('c'), add('d'));
  return stream;
}

test('a node takes what it has accepted at once, its share of the rest after a while, and what is left later still', () => {
  const world = withFour();
  const { replica } = world;
  const chooser = new NatsChooser();
  const chosenAt = (ms: number) =>
    chooser.choose(replica, 'two', rooms(8), at(ms)).refs.map(ref => replica.entries.get(ref)?.adder);
  expect(chosenAt(0)).toEqual(['two', 'two']);
  expect(chosenAt(100)).toEqual(['two', 'two']);
  expect(chosenAt(400)).toEqual(['one', 'two']);
  world.append('two', { do: 'claim', refs: chooser.choose(replica, 'two', rooms(8), at(400)).refs });
  expect(chosenAt(500)).toEqual([]);
  expect(chosenAt(2_100)).toEqual(['one', 'two']);
});

test('a node that is busy with its share does not forget what another one leaves lying', () => {
  const world = withFour();
  const chooser = new NatsChooser();
  const choose = (ms: number) => chooser.choose(world.replica, 'two', rooms(1), at(ms)).refs[0] ?? 0;
  choose(0);
  for (let number = 0; number < 40; number += 1) world.append('two', add(`more ${number}`));
  const taken = new Set<number>();
  for (let turn = 0; turn < 40; turn += 1) {
    const ref = choose(2_000 + turn);
    taken.add(ref);
    world.append('two', { do: 'claim', refs: [ref] });
  }
  expect(
    [...world.replica.entries.values()].filter(({ adder }) => adder === 'one').every(({ ref }) => taken.has(ref)),
  ).toBe(true);
});

test('what could not be read is left alone for a while', () => {
  const { replica } = withFour();
  const chooser = new NatsChooser();
  const [first = 0, second = 0] = chooser.choose(replica, 'one', rooms(8), at(0)).refs;
  chooser.avoid(first, 50);
  expect(chooser.choose(replica, 'one', rooms(8), at(10)).refs).toEqual([second]);
  expect(chooser.choose(replica, 'one', rooms(8), at(50)).refs).toEqual([first, second]);
});
