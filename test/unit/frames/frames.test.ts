import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Frame, FrameList, maxJoinedBytes, maxPartBytes } from '../../../src/frames/frames.js';
import { BodyList, NumberedFrames } from '../../../src/frames/numbered-frames.js';
import { wireOf } from '../../../src/frames/wire.js';
import type { NumberedMessage } from '../../../src/protocols/messages.js';
import type { Protocol } from '../../../src/protocols/protocol.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { protobufReliable } from '../../../src/protocols/webpubsub/protobuf/index.js';
import { textPayload } from '../../support/fake-ports.js';
import { bodyOf } from '../../support/web-pubsub-forms.js';

test('[design 4] a frame’s wire bytes are made once for all receivers', () => {
  const frame = new Frame(false, Buffer.from('x'));
  expect(frame.wire()).toEqual(wireOf(false, Buffer.from('x')));
  expect(frame.wire()).toBe(frame.wire());
});

describe('a list of frames', () => {
  const [a, b] = [new Frame(false, Buffer.from('a')), new Frame(true, Buffer.from('bcd'))];

  test('is all of them, in order', () => {
    const list = new FrameList([a, b]);
    expect([list.count, list.payloadBytes, list.each()]).toEqual([2, 4, [a, b]]);
    expect(list.wire()).toEqual(Buffer.concat([a.wire(), b.wire()]));
    expect(list.wire()).toBe(list.wire());
  });

  test('is one part as long as all receivers share its joined bytes; a longer one is a part for each', () => {
    const list = new FrameList([a, b]);
    expect([...list.parts()]).toEqual([list]);
    const long = [new Frame(true, Buffer.alloc(maxJoinedBytes)), a];
    expect([...new FrameList(long).parts()]).toEqual(long);
  });

  test('[rest-api 5] expires with the first of them', () => {
    const brief = new Frame(false, Buffer.from('brief')).expiringAt(1_000);
    expect(new FrameList([a, brief, b]).expiresAtMs).toBe(1_000);
    expect(new FrameList([a, b]).expiresAtMs).toBe(Number.POSITIVE_INFINITY);
    expect(a.expiringAt(a.expiresAtMs)).toBe(a);
    expect(brief.wire()).toEqual(new Frame(false, Buffer.from('brief')).wire());
  });
});

describe.each([
  ['JSON', jsonReliable],
  ['protobuf', protobufReliable],
] as const)('[client-protocols 5.1] numbered messages of reliable %s', (_title, protocol: Protocol) => {
  const stamped = (texts: readonly string[]) => new BodyList(texts.map(text => bodyOf(protocol, groupMessage(text))!));
  const joined = (messages: BodyList, firstId: number) =>
    Buffer.concat(messages.frames(firstId).map(frame => frame.wire()));

  test('[CP-076] are for each receiver what its own frames would be, whoever came before it', () => {
    // Around every length that an id can have, in decimal and in groups of seven bits.
    const edge = fc.constantFrom(...[1, 10, 100, 1_000, 10 ** 9, 2 ** 7, 2 ** 14, 2 ** 21, 2 ** 32, 2 ** 52]);
    const firstId = fc.tuple(edge, fc.integer({ min: -12, max: 12 })).map(([at, by]) => Math.max(1, at + by));
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.constantFrom(30, 60, 90, 110, 125, 300).map(length => 'x'.repeat(length)),
    );
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 12 }),
        fc.array(firstId, { minLength: 1, maxLength: 8 }),
        (texts, ids) => {
          const messages = stamped(texts);
          for (const id of ids) expect(messages.wire(id).equals(joined(messages, id))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('share no memory with those of another receiver', () => {
    const messages = stamped(['a', 'b']);
    const first = messages.wire(5);
    const before = Buffer.from(first);
    messages.wire(7);
    expect(first.equals(before)).toBe(true);
  });

  test.each([65_000, 65_535, 65_536, 200_000])('of %i bytes go in frames of at most 64 KiB', bytes => {
    const messages = stamped(['x', 'y'.repeat(bytes)]);
    for (const id of [1, 2, 3]) expect(messages.wire(id).equals(joined(messages, id))).toBe(true);
  });

  test('[F1] are in parts the same, of which each is one message or has at most 64 KiB', () => {
    const sizes = fc.array(fc.constantFrom(1, 100, 5_000, 30_000, 65_500, 65_536, 150_000), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 2_000 }), (lengths, firstId) => {
        const frames = new NumberedFrames(stamped(lengths.map(length => 'x'.repeat(length))), firstId);
        const parts = [...frames.parts()];
        expect(parts.every(({ count, payloadBytes }) => count === 1 || payloadBytes <= maxPartBytes)).toBe(true);
        expect(sum(parts, part => part.count)).toBe(frames.count);
        const whole = frames.each().map(({ bytes }) => bytes);
        expect(
          isSame(
            parts.flatMap(part => part.each().map(({ bytes }) => bytes)),
            whole,
          ),
        ).toBe(true);
        expect(isSame(messagesOf(Buffer.concat(parts.flatMap(part => part.buffers()))), whole)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('[F1] share the bytes of a large message but for those around the id', () => {
    const messages = stamped(['y'.repeat(1_000_000)]);
    const [a, b] = [7, 1_234].map(id => [...new NumberedFrames(messages, id).parts()].flatMap(part => part.buffers()));
    const shared = a!.filter(buffer =>
      b!.some(other => other.buffer === buffer.buffer && other.byteOffset === buffer.byteOffset),
    );
    const own = a!.filter(buffer => !shared.includes(buffer));
    expect(sum(shared, ({ length }) => length)).toBeGreaterThan(1_000_000);
    expect(sum(own, ({ length }) => length)).toBeLessThan(200);
    expect(Buffer.concat(a!).equals([...new NumberedFrames(messages, 7).parts()][0]!.wire())).toBe(true);
  });

  test('know their number and their bytes', () => {
    const messages = stamped(['one', 'three']);
    const frames = new NumberedFrames(messages, 41);
    expect([frames.count, frames.firstId]).toEqual([2, 41]);
    expect(frames.payloadBytes).toBe(messages.bodies.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(frames.each().map(({ bytes }) => bytes.length)).toEqual(
      messages.bodies.map((body, index) => body.size(41 + index)),
    );
    expect(frames.wire()).toBe(frames.wire());
  });
});

/** The payloads of the messages that these frames are. [RFC 6455 5.2] */
function messagesOf(wire: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let payloads: Buffer[] = [];
  for (let at = 0; at < wire.length; ) {
    const [first, short] = [wire[at]!, wire[at + 1]!];
    const length = short < 126 ? short : wire.readUInt16BE(at + 2);
    const start = at + (short < 126 ? 2 : 4);
    expect(short).toBeLessThanOrEqual(126); // a frame has at most 64 KiB
    expect((first & 0x0f) === 0).toBe(payloads.length > 0);
    payloads.push(wire.subarray(start, start + length));
    at = start + length;
    if ((first & 0x80) === 0) continue;
    messages.push(Buffer.concat(payloads));
    payloads = [];
  }
  expect(payloads).toEqual([]);
  return messages;
}

function isSame(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.length === others.length && some.every((each, index) => each.equals(others[index]!));
}

function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}

function groupMessage(text: string): NumberedMessage {
  return { kind: 'groupMessage', group: 'g', fromUserId: undefined, payload: textPayload(text), stream: undefined };
}
