import { describe, expect, test } from 'vitest';
import {
  beginTakeover,
  stepTakeover,
  type TakeoverInput,
  type TakeoverOrder,
  type TakeoverState,
} from '../../../src/cluster/takeover.js';

/** A takeover by the node `me` of a lease at revision 5, whose store answers as a test says. */
class Claimer {
  state: TakeoverState;
  orders: readonly TakeoverOrder[];

  constructor(confirmMs?: number) {
    ({ state: this.state, orders: this.orders } = beginTakeover(5, 10, confirmMs));
  }

  give(input: TakeoverInput): readonly TakeoverOrder[] {
    ({ state: this.state, orders: this.orders } = stepTakeover(this.state, input, 'me'));
    return this.orders;
  }

  /** Up to the reading of the ledger, which has a seal at 21 now. */
  static reading(): Claimer {
    const claimer = new Claimer();
    claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } });
    claimer.give({ kind: 'stored', sequence: 6 });
    claimer.give({ kind: 'last', sequence: 20, number: undefined });
    expect(claimer.give({ kind: 'stored', sequence: 21 })).toEqual([{ kind: 'read', upTo: 21 }]);
    return claimer;
  }
}

/** Its store may acknowledge two writes on the same condition. */
function claimedWithRival(): Claimer {
  const claimer = new Claimer(1_000);
  claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } });
  expect(claimer.give({ kind: 'stored', sequence: 6 })).toEqual([{ kind: 'wait', ms: 1_000 }]);
  expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'readKey' }]);
  return claimer;
}

describe('[cluster 6.1] a claim that may have a rival is confirmed', () => {
  test('and the ledger is sealed then', () => {
    const orders = claimedWithRival().give({ kind: 'key', row: { revision: 6, claimedBy: 'me' } });
    expect(orders).toEqual([{ kind: 'look' }]);
  });

  test('when the reading fails, it is read again', () => {
    const claimer = claimedWithRival();
    expect(claimer.give({ kind: 'failed' })).toEqual([{ kind: 'wait', ms: 250 }]);
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'readKey' }]);
    expect(claimer.give({ kind: 'key', row: { revision: 6, claimedBy: 'me' } })).toEqual([{ kind: 'look' }]);
  });

  test.each([
    ['the node has renewed its lease', { revision: 7, claimedBy: undefined }],
    ['another node has claimed it', { revision: 7, claimedBy: 'other' }],
    ['the lease is gone', undefined],
  ])('lost when %s: nothing is sealed', (_, row) => {
    const claimer = claimedWithRival();
    expect(claimer.give({ kind: 'key', row })).toEqual([]);
    expect(claimer.state.phase).toBe('lost');
  });

  test('also one whose answer was lost', () => {
    const claimer = new Claimer(1_000);
    claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } });
    claimer.give({ kind: 'failed' });
    claimer.give({ kind: 'waited' });
    expect(claimer.give({ kind: 'key', row: { revision: 6, claimedBy: 'me' } })).toEqual([{ kind: 'wait', ms: 1_000 }]);
  });
});

const idsOf = (count: number) => Array.from({ length: count }, (_, at) => `c${at}`);

describe('a takeover', () => {
  test('claims by the revision that was seen, seals, reads, and ends the connections 200 at a time', () => {
    const claimer = new Claimer();
    expect(claimer.orders).toEqual([{ kind: 'readKey' }]);
    expect(claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } })).toEqual([
      { kind: 'claim', revision: 5 },
    ]);
    expect(claimer.give({ kind: 'stored', sequence: 6 })).toEqual([{ kind: 'look' }]);
    expect(claimer.give({ kind: 'last', sequence: 20, number: undefined })).toEqual([
      { kind: 'append', what: 'seal', ids: [], number: 11, after: 20 },
    ]);
    expect(claimer.give({ kind: 'stored', sequence: 21 })).toEqual([{ kind: 'read', upTo: 21 }]);
    const ids = idsOf(250);
    expect(claimer.give({ kind: 'read', ids })).toEqual([
      { kind: 'append', what: 'intents', ids: ids.slice(0, 200), number: 12, after: 21 },
    ]);
    expect(claimer.give({ kind: 'stored', sequence: 22 })).toEqual([{ kind: 'tell', ids: ids.slice(0, 200) }]);
    expect(claimer.give({ kind: 'told' })).toEqual([
      { kind: 'append', what: 'dones', ids: ids.slice(0, 200), number: 13, after: 22 },
    ]);
    expect(claimer.give({ kind: 'stored', sequence: 23 })).toMatchObject([{ what: 'intents', ids: ids.slice(200) }]);
    claimer.give({ kind: 'stored', sequence: 24 });
    claimer.give({ kind: 'told' });
    expect(claimer.give({ kind: 'stored', sequence: 25 })).toEqual([{ kind: 'purge', before: 25 }]);
    expect(claimer.give({ kind: 'purged' })).toEqual([{ kind: 'delete', revision: 6 }]);
    expect(claimer.give({ kind: 'deleted' })).toEqual([]);
    expect(claimer.state.phase).toBe('done');
  });

  test('of a node without connections deletes its key at once; the seal stays', () => {
    expect(Claimer.reading().give({ kind: 'read', ids: [] })).toEqual([{ kind: 'purge', before: 21 }]);
  });

  test.each([
    ['renewed', { revision: 6, claimedBy: undefined }],
    ['claimed by another node', { revision: 6, claimedBy: 'other' }],
    ['deleted', undefined],
  ])('does not begin when the lease was %s meanwhile', (_, row) => {
    const claimer = new Claimer();
    expect(claimer.give({ kind: 'key', row })).toEqual([]);
    expect(claimer.state.phase).toBe('lost');
  });

  test('appends the seal again when the node has written meanwhile', () => {
    const claimer = new Claimer();
    claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } });
    claimer.give({ kind: 'stored', sequence: 6 });
    claimer.give({ kind: 'last', sequence: 20, number: undefined });
    expect(claimer.give({ kind: 'conflict' })).toEqual([{ kind: 'look' }]);
    expect(claimer.give({ kind: 'last', sequence: 22, number: undefined })).toMatchObject([
      { what: 'seal', number: 11, after: 22 },
    ]);
  });

  test('[CL-052] ends when another node has written to the ledger: that one goes on', () => {
    const claimer = Claimer.reading();
    claimer.give({ kind: 'read', ids: ['a'] });
    claimer.give({ kind: 'conflict' });
    expect(claimer.give({ kind: 'last', sequence: 30, number: undefined })).toEqual([]);
    expect(claimer.state.phase).toBe('lost');
  });
});

describe('a write of a takeover without an answer', () => {
  test('was the claim: it goes on if it is stored, and repeats it if not', () => {
    const claimer = new Claimer();
    claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } });
    expect(claimer.give({ kind: 'failed' })).toEqual([{ kind: 'wait', ms: 250 }]);
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'readKey' }]);
    expect(claimer.give({ kind: 'key', row: { revision: 5, claimedBy: undefined } })).toEqual([
      { kind: 'claim', revision: 5 },
    ]);
    claimer.give({ kind: 'failed' });
    claimer.give({ kind: 'waited' });
    expect(claimer.give({ kind: 'key', row: { revision: 6, claimedBy: 'me' } })).toEqual([{ kind: 'look' }]);
  });

  test('were the intents: they are found, or sent once more', () => {
    const claimer = Claimer.reading();
    claimer.give({ kind: 'read', ids: ['a'] });
    claimer.give({ kind: 'failed' });
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'look' }]);
    expect(claimer.give({ kind: 'last', sequence: 21, number: 11 })).toEqual([
      { kind: 'append', what: 'intents', ids: ['a'], number: 12, after: 21 },
    ]);
    claimer.give({ kind: 'failed' });
    claimer.give({ kind: 'waited' });
    expect(claimer.give({ kind: 'last', sequence: 22, number: 12 })).toEqual([{ kind: 'tell', ids: ['a'] }]);
  });

  test('was the deletion: the key is gone, or it is deleted again', () => {
    const claimer = Claimer.reading();
    claimer.give({ kind: 'read', ids: [] });
    claimer.give({ kind: 'purged' });
    claimer.give({ kind: 'failed' });
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'readKey' }]);
    expect(claimer.give({ kind: 'key', row: { revision: 6, claimedBy: 'me' } })).toEqual([
      { kind: 'delete', revision: 6 },
    ]);
    expect(claimer.give({ kind: 'conflict' })).toEqual([{ kind: 'readKey' }]);
    claimer.give({ kind: 'key', row: undefined });
    expect(claimer.state.phase).toBe('done');
  });

  test('was the reading or the purge: it is done again', () => {
    const claimer = Claimer.reading();
    claimer.give({ kind: 'failed' });
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'read', upTo: 21 }]);
    claimer.give({ kind: 'read', ids: [] });
    claimer.give({ kind: 'failed' });
    expect(claimer.give({ kind: 'waited' })).toEqual([{ kind: 'purge', before: 21 }]);
  });
});
