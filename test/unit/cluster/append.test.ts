import { describe, expect, test } from 'vitest';
import {
  type AppendInput,
  type AppendOrder,
  type AppendState,
  newAppends,
  stepAppends,
  took,
} from '../../../src/cluster/append.js';

/** One writer, whose store answers when a test says so. */
class Writer {
  state: AppendState;
  nowMs = 0;

  constructor(after = 4, made = 0) {
    this.state = newAppends(after, made);
  }

  give(input: AppendInput): readonly AppendOrder[] {
    const { state, orders } = stepAppends(this.state, input, this.nowMs);
    this.state = state;
    if (orders.some(({ kind }) => kind === 'append')) this.state = took(this.state, this.state.waiting);
    return orders;
  }
}

describe('[CL-061] group commit', () => {
  test('one append is under way; what comes meanwhile goes into the next', () => {
    const writer = new Writer();
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([
      { kind: 'append', number: 1, after: 4 },
    ]);
    writer.nowMs = 5;
    expect(writer.give({ kind: 'added', entries: 3, isUrgent: true })).toEqual([]);
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([]);
    expect(writer.give({ kind: 'stored', sequence: 9 })).toEqual([
      { kind: 'settled', number: 1 },
      { kind: 'append', number: 2, after: 9 },
    ]);
    expect(writer.give({ kind: 'stored', sequence: 12 })).toEqual([{ kind: 'settled', number: 2 }]);
  });

  test('at most one a millisecond begins, however fast the store is', () => {
    const writer = new Writer();
    let appends = 0;
    for (let at = 0; at < 1_000; at += 1) {
      writer.nowMs = at / 10; // ten entries a millisecond, each stored at once
      const kinds = writer
        .give(at % 7 === 0 ? { kind: 'tick' } : { kind: 'added', entries: 1, isUrgent: true })
        .map(({ kind }) => kind);
      appends += kinds.filter(kind => kind === 'append').length;
      if (kinds.includes('append')) writer.give({ kind: 'stored', sequence: at + 5 });
    }
    expect(appends).toBeGreaterThan(90);
    expect(appends).toBeLessThanOrEqual(100);
  });

  test('after a failure it looks when its time has come, also when a tick comes before that', () => {
    const writer = new Writer();
    writer.give({ kind: 'added', entries: 1, isUrgent: true });
    expect(writer.give({ kind: 'failed' })).toEqual([{ kind: 'wait', ms: 100 }]);
    writer.nowMs = 99.5;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'wait', ms: 0.5 }]);
    writer.nowMs = 100;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'look' }]);
  });

  test('what nobody waits for is sent with what somebody does, or after 20 ms', () => {
    const writer = new Writer();
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: false })).toEqual([{ kind: 'wait', ms: 20 }]);
    writer.nowMs = 5;
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toHaveLength(1);
    writer.nowMs = 10;
    expect(writer.give({ kind: 'stored', sequence: 5 })).toEqual([{ kind: 'settled', number: 1 }]);
    expect(writer.give({ kind: 'added', entries: 2, isUrgent: false })).toEqual([{ kind: 'wait', ms: 20 }]);
    writer.nowMs = 20;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'wait', ms: 10 }]);
    writer.nowMs = 25;
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: false })).toEqual([{ kind: 'wait', ms: 5 }]);
    writer.nowMs = 30;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'append', number: 2, after: 5 }]);
  });

  test('what waits for its millisecond is sent at a tick', () => {
    const writer = new Writer();
    writer.give({ kind: 'added', entries: 1, isUrgent: true });
    writer.give({ kind: 'stored', sequence: 5 });
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([{ kind: 'wait', ms: 1 }]);
    writer.nowMs = 1;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'append', number: 2, after: 5 }]);
  });
});

describe('an append without an answer', () => {
  function unanswered(): Writer {
    const writer = new Writer();
    writer.give({ kind: 'added', entries: 1, isUrgent: true });
    expect(writer.give({ kind: 'failed' })).toEqual([{ kind: 'wait', ms: 100 }]);
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([]);
    writer.nowMs = 100;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'look' }]);
    return writer;
  }

  test('was stored', () => {
    expect(unanswered().give({ kind: 'last', sequence: 6, number: 1 })).toEqual([
      { kind: 'settled', number: 1 },
      { kind: 'append', number: 2, after: 6 },
    ]);
  });

  test('was not stored: it is repeated, and what came later waits', () => {
    const writer = unanswered();
    expect(writer.give({ kind: 'last', sequence: 4, number: undefined })).toEqual([
      { kind: 'repeat', number: 1, after: 4 },
    ]);
    expect(writer.give({ kind: 'stored', sequence: 7 })[0]).toEqual({ kind: 'settled', number: 1 });
  });

  test('was not stored when it was looked for, but later: the repetition is refused, and the first one is found', () => {
    const writer = unanswered();
    writer.give({ kind: 'last', sequence: 4, number: undefined });
    expect(writer.give({ kind: 'conflict' })).toEqual([{ kind: 'look' }]);
    expect(writer.give({ kind: 'last', sequence: 5, number: 1 })[0]).toEqual({ kind: 'settled', number: 1 });
  });

  test('and nobody answers a look either: it is looked for again', () => {
    const writer = unanswered();
    expect(writer.give({ kind: 'failed' })).toEqual([{ kind: 'wait', ms: 100 }]);
    writer.nowMs = 200;
    expect(writer.give({ kind: 'tick' })).toEqual([{ kind: 'look' }]);
  });

  test('[CL-058] somebody else has written since: nothing is settled any more, whether it was stored or not', () => {
    const writer = unanswered();
    expect(writer.give({ kind: 'last', sequence: 8, number: undefined })).toEqual([{ kind: 'sealed' }]);
    expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([]);
    expect(writer.give({ kind: 'tick' })).toEqual([]);
    expect(writer.give({ kind: 'stored', sequence: 9 })).toEqual([]);
  });
});

test('records are numbered through all ledgers that one node writes', () => {
  const writer = new Writer(0, 41);
  expect(writer.give({ kind: 'added', entries: 1, isUrgent: true })).toEqual([
    { kind: 'append', number: 42, after: 0 },
  ]);
});
