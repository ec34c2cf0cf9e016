import { describe, expect, test } from 'vitest';
import { type Envelope, EnvelopeWriter, readEnvelope } from '../../../../src/backplane/nats/envelope.js';
import { Assembly, maxEnvelopeBytes, partsOf } from '../../../../src/backplane/nats/parts.js';

const writer = new EnvelopeWriter('AbC-_9', undefined);
const maxPayload = 64 * 1024;

type Part = Envelope & { kind: 'part' };

function partsFrom(bytes: Buffer, number = 1): Part[] {
  return partsOf(bytes, number, maxPayload, writer).map(part => readEnvelope(part, undefined) as Part);
}

const long = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));

describe('[cluster 3.3] an envelope above max_payload', () => {
  test('goes in parts, none of which is above it, and is put together', () => {
    const parts = partsOf(long, 7, maxPayload, writer);
    expect(parts.length).toBe(4);
    expect(Math.max(...parts.map(part => part.length))).toBeLessThanOrEqual(maxPayload);
    const assembly = new Assembly();
    const whole = partsFrom(long).map(part => assembly.add(part));
    expect(whole.slice(0, -1)).toEqual([undefined, undefined, undefined]);
    expect(whole.at(-1)?.equals(long)).toBe(true);
  });

  test('that fits goes as it is', () => {
    const fits = long.subarray(0, maxPayload - 1024);
    expect(partsOf(fits, 7, maxPayload, writer)[0]).toBe(fits);
  });
});

describe('[cluster 3.3] a part that does not follow the one before is dropped', () => {
  const [first, second, third, fourth] = partsFrom(long) as [Part, Part, Part, Part];

  test.each([
    ['one without its first', [second]],
    ['one after a gap', [first, third]],
    ['one of another envelope', [first, { ...second, number: 2 }]],
    ['one of another count', [first, { ...second, of: 5 }]],
    ['one beyond the last', [{ ...first, of: 0 }]],
    ['one of more parts than an envelope may have', [{ ...first, of: maxEnvelopeBytes }]],
  ])('%s', (_what, parts) => {
    const assembly = new Assembly();
    for (const part of parts.slice(0, -1)) assembly.add(part);
    expect(() => assembly.add(parts.at(-1)!)).toThrow('follows nothing');
    const whole = [first, second, third, fourth].map(part => assembly.add(part)).at(-1);
    expect(whole?.equals(long)).toBe(true);
  });

  test('one that is not completed ends when the next begins', () => {
    const assembly = new Assembly();
    const next = partsFrom(Buffer.from(long).fill(1), 2);
    for (const part of [first, second]) assembly.add(part);
    const whole = next.map(part => assembly.add(part)).at(-1);
    expect(whole?.equals(Buffer.from(long).fill(1))).toBe(true);
  });

  test('no more than an envelope may have is kept', () => {
    const assembly = new Assembly();
    const bytes = Buffer.alloc(1024 * 1024);
    const part = (index: number): Part => ({ kind: 'part', from: 'AbC-_9', number: 1, index, of: 100, bytes });
    for (let index = 0; index < 64; index += 1) assembly.add(part(index));
    expect(() => assembly.add(part(64))).toThrow();
  });
});
