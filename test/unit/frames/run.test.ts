import { describe, expect, test } from 'vitest';
import { Frame, FrameList } from '../../../src/frames/frames.js';
import { Run } from '../../../src/frames/run.js';

const frame = (text: string) => new Frame(false, Buffer.from(text));
const wire = (each: Frame) => each.wire();
const runOf = (start: Run, ...frames: readonly Frame[]) => frames.reduce((run, each) => run.with(each), start);

describe('[design 4] a run of frames', () => {
  const [a, b] = [frame('a'), frame('bb')];

  test('knows its frames, their number and their bytes', () => {
    const run = runOf(Run.empty(), a, b, a);
    expect([run.count, run.payloadBytes]).toEqual([3, 4]);
    expect(run.each()).toEqual([a, b, a]);
    expect([Run.empty().count, Run.empty().payloadBytes, Run.empty().each()]).toEqual([0, 0, []]);
  });

  test('is one object for all who are due the same frames, and so is its joined Buffer', () => {
    const start = Run.empty();
    const first = runOf(start, a, b);
    const second = runOf(start, a, b);
    expect(second).toBe(first);
    expect(first.wire()).toEqual(Buffer.concat([a, b].map(wire)));
    expect(second.wire()).toBe(first.wire());
  });

  test('is another for every other order, number or frame of the same content', () => {
    const start = Run.empty();
    const first = runOf(start, a, b);
    for (const other of [runOf(start, b, a), runOf(start, a, b, a), runOf(start, a, frame('bb')), runOf(start, b)]) {
      expect(other).not.toBe(first);
      expect(other.wire()).toEqual(Buffer.concat(other.each().map(wire)));
    }
    expect(runOf(start, a, b)).toBe(first);
  });

  test('is shared by the receivers of each of several wire forms, taken in turn', () => {
    const start = Run.empty();
    const forms = [frame('json'), frame('simple'), frame('protobuf'), frame('mqtt')];
    const runs = forms.map(form => start.with(form));
    for (let round = 0; round < 3; round += 1) expect(forms.map(form => start.with(form))).toEqual(runs);
    for (const [index, form] of forms.entries()) expect(start.with(form)).toBe(runs[index]);
  });

  test('holds no more than a few continuations, however many receivers go their own ways', () => {
    const start = Run.empty();
    const first = start.with(a);
    for (let index = 0; index < 4; index += 1) start.with(frame(`${index}`));
    const again = start.with(a);
    expect(again).not.toBe(first);
    expect(again.each()).toEqual(first.each());
  });

  test('is shared by those who are given the same list of frames, and joins it once', () => {
    const list = new FrameList([a, b]);
    const start = Run.empty();
    const run = start.with(list);
    expect(start.with(list)).toBe(run);
    expect([run.count, run.payloadBytes]).toEqual([2, 3]);
    expect(run.wire()).toBe(list.wire());
    expect(run.with(a).wire()).toEqual(Buffer.concat([a, b, a].map(wire)));
    expect(run.with(a).each()).toEqual([a, b, a]);
  });

  test('of one frame is its own wire bytes, however long', () => {
    const long = new Frame(true, Buffer.alloc(1024 * 1024));
    expect(Run.empty().with(long).wire()).toBe(long.wire());
  });

  test('[rest-api 5] expires with the first of its frames', () => {
    const [brief, lasting] = [frame('brief').expiringAt(1_000), frame('lasting')];
    expect(runOf(Run.empty(), lasting, brief, lasting).expiresAtMs).toBe(1_000);
    expect([Run.empty(), runOf(Run.empty(), lasting)].map(run => run.expiresAtMs)).toEqual([Infinity, Infinity]);
  });
});
