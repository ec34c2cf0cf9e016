import { describe, expect, test } from 'vitest';
import type { ReplayBuffer } from '../../../../src/hub/delivery/replay-buffer.js';
import { type StateSubject, stateSubjectOf } from '../../../../src/hub/delivery/state-subject.js';
import type { GroupStateItem } from '../../../../src/protocols/messages.js';
import { add, body, carriedOver, never, replayBuffer } from '../../../support/bodies.js';
import { textPayload } from '../../../support/fake-ports.js';

const update = (connectionId: string, group = 'g'): StateSubject => ({ group, connectionId });
const snapshot = (group = 'g'): StateSubject => ({ group, connectionId: undefined });
const texts = (buffer: ReplayBuffer) =>
  buffer
    .unacked(() => 0)
    .each()
    .map(({ bytes }) => bytes.toString());

/** Adds messages: with a subject, about a state. */
function filled(...messages: readonly (readonly [text: string, about?: StateSubject])[]): ReplayBuffer {
  const buffer = replayBuffer();
  for (const [text, about] of messages) expect(add(buffer, body(text), never, about)).toBeDefined();
  return buffer;
}

/** More states than it keeps. */
function overflowing(): ReplayBuffer {
  const buffer = replayBuffer();
  for (let index = 0; index <= 1_000; index += 1) add(buffer, body('s'), never, update(`${index}`));
  return buffer;
}

describe('[client-protocols D24] messages about group states', () => {
  test('are numbered and replayed among the others', () => {
    expect(texts(filled(['a'], ['s', update('x')], ['b'], ['t', update('y')]))).toEqual(['1 a', '2 s', '3 b', '4 t']);
  });

  test('take the place of earlier ones about the same connection and group', () => {
    const buffer = filled(
      ['1', update('x')],
      ['2', update('y')],
      ['3', update('x', 'h')],
      ['d'],
      ['4', update('x')],
      ['5', update('x')],
    );
    expect(texts(buffer)).toEqual(['2 2', '3 3', '4 d', '6 5']);
  });

  test('a snapshot takes the place of all about its group; updates follow it', () => {
    const buffer = filled(
      ['1', snapshot()],
      ['2', update('x')],
      ['3', update('x', 'h')],
      ['4', snapshot()],
      ['5', update('x')],
    );
    expect(texts(buffer)).toEqual(['3 3', '4 4', '5 5']);
  });

  test('are released by an ack like the others', () => {
    const buffer = filled(['1', update('x')], ['2', update('y')], ['d'], ['4', update('x')], ['5', update('z')]);
    buffer.release(4n);
    expect(texts(buffer)).toEqual(['5 5']);
    buffer.release(5n);
    expect(texts(buffer)).toEqual([]);
  });

  test('do not count against the limits of the others', () => {
    const buffer = replayBuffer();
    for (let index = 0; index < 500; index += 1) add(buffer, body('s'), never, update(`${index}`));
    for (let index = 0; index < 1_000; index += 1) expect(add(buffer, body('d'), never)).toBeDefined();
    expect(add(buffer, body('d'), never)).toBeUndefined();
    expect(add(buffer, body('s'), never, update('x'))).toBeDefined();
    expect(texts(buffer)).toHaveLength(1_501);
  });

  test('the same ones again and again never fill it, and are never forgotten', () => {
    const buffer = replayBuffer();
    for (let index = 0; index < 5_000; index += 1) add(buffer, body(`${index}`), never, update(`${index % 1_000}`));
    expect(texts(buffer)).toHaveLength(1_000);
    expect(texts(buffer)[0]).toBe('4001 4000');
    expect(buffer.takeForgottenGroups()).toEqual([]);
  });

  test.each([
    ['1001 of them', 1_001, 0],
    ['4 MiB of them', 5, 1024 * 1024 - '1 '.length],
  ])('%s are forgotten but for the last; their groups are named once', (_title, count, bytes) => {
    const buffer = replayBuffer();
    add(buffer, body('d'), never);
    for (let index = 0; index < count; index += 1) add(buffer, body('s', bytes), never, update(`${index}`));
    expect(texts(buffer).map(text => text.trim())).toEqual(['1 d', `${count + 1} s`]);
    expect([buffer.takeForgottenGroups(), buffer.takeForgottenGroups()]).toEqual([['g'], []]);
  });

  test('a client that acknowledged what was forgotten has missed nothing', () => {
    const [behind, there] = [overflowing(), overflowing()];
    behind.release(999n);
    there.release(1_000n);
    expect([behind.takeForgottenGroups(), there.takeForgottenGroups()]).toEqual([['g'], []]);
  });

  test('[F1] one that is acknowledged while it waits to be replayed is left out', () => {
    const buffer = filled(['a'], ['s', update('x')], ['b'], ['t', update('y')]);
    const parts = buffer
      .unacked(() => 0)
      .parts()
      [Symbol.iterator]();
    expect(parts.next().value.wire().subarray(2).toString()).toBe('1 a');
    buffer.release(2n);
    expect([parts.next(), parts.next()].map(({ value }) => value.wire().subarray(2).toString())).toEqual([
      '3 b',
      '4 t',
    ]);
    expect(parts.next().done).toBe(true);
  });

  test('a snapshot makes up for what was forgotten of its group', () => {
    const buffer = overflowing();
    add(buffer, body('s'), never, snapshot());
    expect(buffer.takeForgottenGroups()).toEqual([]);
  });
});

test('what a message is about', () => {
  const item: GroupStateItem = { connectionId: 'c', userId: undefined, state: undefined, updatedAtMs: 1 };
  expect(stateSubjectOf({ kind: 'groupStateUpdate', group: 'g', items: [item] })).toEqual(update('c'));
  expect(stateSubjectOf({ kind: 'groupStateSnapshot', group: 'g', items: [item] })).toEqual(snapshot());
  for (const items of [[], [item, item]]) {
    expect(stateSubjectOf({ kind: 'groupStateUpdate', group: 'g', items })).toBeUndefined();
  }
  expect(stateSubjectOf({ kind: 'serverMessage', payload: textPayload('') })).toBeUndefined();
});

describe('a record', () => {
  const again = (buffer: ReplayBuffer) => carriedOver(buffer, 0, 0);

  test('of messages about states replays them, and lets later ones take their place', () => {
    const buffer = filled(['1', update('x')], ['2', snapshot('h')], ['d'], ['4', update('y')], ['5', update('x', 'h')]);
    const copy = again(buffer);
    expect(texts(copy)).toEqual(texts(buffer));
    add(copy, body('6'), never, update('x'));
    add(copy, body('7'), never, snapshot('h'));
    expect(texts(copy)).toEqual(['3 d', '4 4', '6 6', '7 7']);
  });

  test('of what was forgotten names the groups, unless the client had all of it', () => {
    const [copy, acked] = [again(overflowing()), again(overflowing())];
    acked.release(BigInt(acked.nextId - 1));
    expect([copy.takeForgottenGroups(), acked.takeForgottenGroups()]).toEqual([['g'], []]);
  });
});
