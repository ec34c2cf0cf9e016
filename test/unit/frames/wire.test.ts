import { isUtf8 } from 'node:buffer';
import type { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import * as library from 'ws';
import { wireOf } from '../../../src/frames/wire.js';

/** Exported by ws, and missing from its types. */
const { Receiver } = library as unknown as { readonly Receiver: new (options: { isServer: boolean }) => Writable };

const bytesOf = (length: number) => Buffer.alloc(length, 'ab');

function framesOf(wire: Buffer): [firstByte: number, payload: Buffer][] {
  const frames: [number, Buffer][] = [];
  for (let at = 0; at < wire.length; ) {
    const short = wire[at + 1]!;
    const bytes = short === 126 ? wire.readUInt16BE(at + 2) : short;
    const start = at + (short === 126 ? 4 : 2);
    frames.push([wire[at]!, wire.subarray(start, start + bytes)]);
    at = start + bytes;
  }
  return frames;
}

describe('[RFC 6455 5.2] the header', () => {
  test.each([
    [0, '8100'],
    [1, '8101'],
    [125, '817d'],
    [126, '817e007e'],
    [127, '817e007f'],
    [65_535, '817effff'],
  ])('of %i bytes of text is %s', (length, header) => {
    const bytes = bytesOf(length);
    const wire = wireOf(false, bytes);
    expect(wire.subarray(0, header.length / 2).toString('hex')).toBe(header);
    expect(wire.subarray(header.length / 2).equals(bytes)).toBe(true);
  });

  test('of binary differs in its first byte', () => {
    expect(wireOf(true, Buffer.from([1, 2])).toString('hex')).toBe('82020102');
  });
});

test.each([65_536, 65_660, 65_661, 131_070, 131_071, 1_048_577])(
  '[RFC 6455 5.4] %i bytes go in frames of at most 64 KiB',
  length => {
    const frames = framesOf(wireOf(true, bytesOf(length)));
    expect(frames.every(([, bytes]) => bytes.length <= 65_535)).toBe(true);
    expect(frames.reduce((total, [, bytes]) => total + bytes.length, 0)).toBe(length);
    expect(frames.map(([firstByte]) => firstByte)).toEqual([
      0x02,
      ...Array<number>(frames.length - 2).fill(0x00),
      0x80,
    ]);
  },
);

test.each([0, 125, 126, 65_535, 65_536, 65_661, 131_071, 1_048_577])(
  'another implementation reads %i bytes back',
  length => {
    const receiver = new Receiver({ isServer: false });
    const read: [Buffer, boolean][] = [];
    receiver.on('message', (bytes: Buffer, isBinary: boolean) => read.push([bytes, isBinary]));
    receiver.write(wireOf(true, bytesOf(length)));
    expect(read).toEqual([[bytesOf(length), true]]);
  },
);

test.each(['é', '€', '😀'])('[RFC 6455 5.6] a frame of text ends between characters (%s)', character => {
  for (const offset of [0, 1, 2, 3]) {
    const message = 'x'.repeat(offset) + character.repeat(70_000);
    const frames = framesOf(wireOf(false, Buffer.from(message)));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.every(([, bytes]) => bytes.length <= 65_535 && isUtf8(bytes))).toBe(true);
    expect(Buffer.concat(frames.map(([, bytes]) => bytes)).toString()).toBe(message);
  }
});

test.each([false, true])('what is no UTF-8 goes in frames of at most 64 KiB too (binary: %s)', isBinary => {
  const bytes = Buffer.alloc(200_000, 0x80);
  const frames = framesOf(wireOf(isBinary, bytes));
  expect(frames.map(([, { length }]) => length)).toEqual([65_535, 65_535, 65_535, 3_395]);
});
