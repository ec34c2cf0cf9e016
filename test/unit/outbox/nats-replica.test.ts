import { describe, expect, test } from 'vitest';
import type { AddOp, Op } from '../../../src/outbox/drivers/nats-records.js';
import { NatsReplica } from '../../../src/outbox/drivers/nats-replica.js';
import { RecordsWorld, stateOf } from '../../support/nats-records-world.js';
import { mustAllRun } from '../../support/not-run.js';

const seeds = mustAllRun ? 200 : 12;
const rounds = 6;
/** Of the worlds in which two readers are compared after each single deletion. */
const slowSeeds = Math.ceil(seeds / 4);

test('a node that begins to read where the stream begins now comes to the same queue as one that has read all of it', async () => {
  let purges = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const world = new RecordsWorld(seed);
    for (let round = 0; round < rounds; round += 1) {
      for (let steps = 0; steps < 25; steps += 1) world.step();
      await world.compact();
      const [all, fresh] = [world.replica, world.fresh()].map(replica => stateOf(replica, world.records));
      expect(fresh, `seed ${seed}, round ${round}, from ${world.firstSeq}`).toEqual(all);
    }
    purges += world.purges;
  }
  expect(purges).toBeGreaterThan(seeds);
});

test('it does so as well while the beginning goes, message by message, or is left half gone', async () => {
  let halves = 0;
  for (let seed = 1; seed <= slowSeeds; seed += 1) {
    const world = new RecordsWorld(seed);
    let left = seed % 7;
    const expectSame = () => {
      const [all, fresh] = [world.replica, world.fresh()].map(replica => stateOf(replica, world.records));
      expect(fresh, `seed ${seed}, from ${world.firstSeq}`).toEqual(all);
    };
    const onDeleted = () => {
      expectSame();
      left -= 1;
      if (left > 0) return;
      left = 30;
      halves += 1;
      throw new Error('the node is killed');
    };
    for (let round = 0; round < rounds; round += 1) {
      for (let steps = 0; steps < 25; steps += 1) world.step();
      await world.compact('2.9.10', onDeleted).catch(() => {});
      expectSame();
    }
  }
  expect(halves).toBeGreaterThan(slowSeeds / 2);
});

describe('a record of which nobody knew whether it had arrived, and which arrives again', () => {
  const add = (id: string): AddOp => {
    const content = Buffer.alloc(0);
    return { do: 'add', id, endpoint: 'e', key: 'k', createdAtMs: 0, acceptedAtMs: 0, content };
  };

  /** A reader of a stream that begins with record `from`. */
  class Reader {
    readonly replica = new NatsReplica({ take: () => {}, drop: () => {} });
    #seq: number;

    constructor(from = 1) {
      this.#seq = from - 1;
    }

    read(node: string, number: number, ...ops: Op[]) {
      this.#seq += 1;
      return this.replica.apply({ seq: this.#seq, node, number, ops });
    }

    get waiting(): number {
      return this.replica.waiting;
    }
  }

  const alive = { do: 'alive' } as const;

  test.each<[string, string, Op]>([
    ['another node says is gone', 'other', { do: 'gone', node: 'own' }],
    ['has left', 'own', { do: 'leave' }],
  ])('counts once, also of a node that %s meanwhile', (_what, by, end) => {
    const reader = new Reader();
    reader.read('own', 1, alive);
    reader.read('other', 1, alive);
    reader.read('own', 2, add('1'), add('2'));
    reader.read(by, by === 'own' ? 3 : 2, end);
    expect(reader.read('own', 2, add('1'), add('2'))).toBeUndefined();
    expect(reader.read('own', 1, alive)).toBeUndefined();
    expect([reader.waiting, reader.replica.writers.get('own')]).toEqual([2, undefined]);
  });

  test('counts once, also when it arrived for the first time after its node had gone', () => {
    const reader = new Reader();
    reader.read('own', 1, alive);
    reader.read('other', 1, { do: 'gone', node: 'own' });
    expect(reader.read('own', 2, add('1'))).toHaveLength(1);
    expect(reader.read('own', 2, add('1'))).toBeUndefined();
    expect(reader.waiting).toBe(1);
  });

  test('counts once for a reader that begins in between, too', () => {
    const reader = new Reader();
    reader.read('own', 1, alive);
    reader.read('own', 2, add('1'));
    reader.read('other', 1, { do: 'gone', node: 'own' });
    const begin = { do: 'begin', asOf: 3, nodes: reader.replica.writers.nodes } as const;
    const late = new Reader(4);
    for (const each of [reader, late]) each.read('other', 2, begin);
    expect([reader, late].map(each => each.read('own', 2, add('1')))).toEqual([undefined, undefined]);
    expect([reader.waiting, late.waiting]).toEqual([1, 0]);
  });
});
