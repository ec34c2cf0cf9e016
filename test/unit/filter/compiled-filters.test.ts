import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../src/filter/filter.js';
import type { Turn } from '../../../src/hub/ports.js';
import { TestNode, textPayload } from '../../support/fake-ports.js';

describe('filters that are in use are compiled once', () => {
  test('the same text is the same function, and another text is not', () => {
    const filter = compileFilter("userId eq 'ann'");
    expect(compileFilter("userId eq 'ann'")).toBe(filter);
    expect(compileFilter("userId eq 'ann' ")).not.toBe(filter);
  });

  test('an invalid one is invalid each time', () => {
    for (let call = 0; call < 2; call += 1) expect(() => compileFilter('nonsense eq')).toThrow();
  });

  test('only so many are kept, and none that is very long', () => {
    const first = compileFilter("userId eq 'first'");
    const long = `userId eq '${'x'.repeat(20_000)}'`;
    expect(compileFilter(long)).not.toBe(compileFilter(long));
    expect(compileFilter("userId eq 'first'")).toBe(first);
    for (let index = 0; index < 2_000; index += 1) compileFilter(`userId eq '${index}${'y'.repeat(200)}'`);
    expect(compileFilter("userId eq 'first'")).not.toBe(first);
  });
});

test('sends of one turn with the same filter leave in one write, and those with another do not join them', () => {
  const tasks: (() => void)[] = [];
  const turn: Turn = { atEnd: task => void tasks.push(task) };
  const node = new TestNode(undefined, turn);
  const client = node.open({ userId: 'ann' });
  const written: number[] = [];
  const send = client.outlet.send.bind(client.outlet);
  client.outlet.send = frames => {
    written.push(frames.count);
    send(frames);
  };
  for (const name of ['ann', 'ann', 'bob', 'ann']) {
    node.chat.sendToAll(textPayload(name), { filter: `userId eq '${name}'` });
  }
  for (const task of tasks.splice(0)) task();
  expect(written).toEqual([2, 1]);
  expect(node.observer.of('delivered').map(({ sends }) => sends)).toEqual([2, 1, 1]);
  expect(client.heard()).toHaveLength(3);
});
