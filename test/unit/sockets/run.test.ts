import { describe, expect, test } from 'vitest';
import { Frame, FrameList } from '../../../src/protocols/frames.js';
import { Run } from '../../../src/sockets/run.js';

const frame = (text: string) => new Frame(false, Buffer.from(text));
const wire = (each: Frame) => each.wire();
const runOf = (start: Run, ...frames: readonly Frame[]) => frames.reduce((run, each) => run.with(each), start);

describe('[design 4] a run of frames', () => {
  const [a, b] = [frame('a'), frame('bb')];

  test('knows its frames, their number and their bytes', () => {
    const run = runOf(Run.empty(), a, b, a);
    expect([run.length, run.bytes]).toEqual([3, 4]);
    expect(run.wires()).toEqual([a, b, a].map(wire));
    expect([Run.empty().length, Run.empty().bytes, Run.empty().wires()]).toEqual([0, 0, []]);
  });

  test('is one object for all who are due the same frames, and so is its joined Buffer', () => {
    const start = Run.empty();
    const first = runOf(start, a, b);
    const second = runOf(start, a, b);
    expect(second).toBe(first);
    expect(first.joined()).toEqual(Buffer.concat([a, b].map(wire)));
    expect(second.joined()).toBe(first.joined());
  });

  test('is another for every other order, number or frame of the same content', () => {
    const start = Run.empty();
    const first = runOf(start, a, b);
    for (const other of [runOf(start, b, a), runOf(start, a, b, a), runOf(start, a, frame('bb')), runOf(start, b)]) {
      expect(other).not.toBe(first);
      expect(other.joined()).toEqual(Buffer.concat(other.wires()));
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
    expect(again.wires()).toEqual(first.wires());
  });

  test('is shared by those who are given the same list of frames, and joins it once', () => {
    const list = new FrameList([a, b]);
    const start = Run.empty();
    const run = start.with(list);
    expect(start.with(list)).toBe(run);
    expect([run.length, run.bytes]).toEqual([2, 3]);
    expect(run.joined()).toBe(list.wire());
    expect(run.with(a).joined()).toEqual(Buffer.concat([a, b, a].map(wire)));
    expect(run.with(a).wires()).toEqual([a, b, a].map(wire));
  });

  test('of one frame is its own wire bytes, however long', () => {
    const long = new Frame(true, Buffer.alloc(1024 * 1024));
    expect(Run.empty().with(long).joined()).toBe(long.wire());
  });

  test('above 256 KiB is not copied', () => {
    const half = new Frame(true, Buffer.alloc(128 * 1024));
    const run = runOf(Run.empty(), half, half);
    expect(run.joined()).toBeInstanceOf(Buffer);
    expect(run.with(a).joined()).toBeUndefined();
    expect(run.with(a).wires()).toHaveLength(3);
  });

  test('[rest-api 5] leaves out what has expired, and is itself when nothing has', () => {
    const [brief, lasting] = [frame('brief'), frame('lasting')];
    brief.expiresAtMs = 1_000;
    const run = runOf(Run.empty(), lasting, brief, lasting);
    expect(run.fresh(999)).toBe(run);
    expect(run.fresh(1_000)?.wires()).toEqual([lasting, lasting].map(wire));
    expect(runOf(Run.empty(), brief).fresh(1_000)).toBeUndefined();
    expect(runOf(Run.empty(), lasting).fresh(1e15)?.length).toBe(1);
  });
});
