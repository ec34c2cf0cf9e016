import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { checkMetadata, metadataFromHeaders } from '../../../src/protocols/metadata.js';

function kindOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

const header = (key: string) => `X-WebPubSub-Metadata-${key}`;

describe('metadata in headers', () => {
  test('[UE-065] [RA-042] the key is lower-cased, and of a comma list the last part counts, trimmed', () => {
    expect(metadataFromHeaders(['Host', 'h', header('Foo'), 'a, c, b '])).toEqual(new Map([['foo', 'b']]));
  });

  test('[RA-042] of several lines the last counts, however the name is spelled', () => {
    expect(metadataFromHeaders([header('A'), '1,2', 'x-webpubsub-metadata-a', '3'])).toEqual(new Map([['a', '3']]));
  });

  test('a line without a key is ignored; without any other there is no metadata', () => {
    expect(metadataFromHeaders([header(''), 'x', 'X-WebPubSub-Metadat', 'y'])).toBeUndefined();
    expect(metadataFromHeaders([])).toBeUndefined();
  });

  test('names that mean something to JavaScript are ordinary keys', () => {
    expect(metadataFromHeaders([header('__proto__'), 'x'])).toEqual(new Map([['__proto__', 'x']]));
  });

  test('[RA-042] a value that is no ASCII is refused', () => {
    expect(kindOf(() => metadataFromHeaders([header('a'), '\u00e9']))).toBe('invalid');
  });
});

describe('[CP-068] limits', () => {
  test.each([
    ['k'.repeat(256), 'v'.repeat(1024)],
    ["!#$%&'*+-.^_`|~09azAZ", ''],
    ['K', '\t !~'],
  ])('entry %# passes and keeps its case', (key, value) => {
    expect(checkMetadata([[key, value]])).toEqual(new Map([[key, value]]));
  });

  test.each([
    ['k'.repeat(257), ''],
    ['k', 'v'.repeat(1025)],
    ['', 'v'],
    ['a b', 'v'],
    ['a:b', 'v'],
    ['é', 'v'],
    ['k', 'é'],
    ['k', 'a\r\nb: c'],
    ['k', '\u007f'],
  ])('entry %# is refused', (key, value) => {
    expect(kindOf(() => checkMetadata([[key, value]]))).toBe('invalid');
  });

  test('8192 bytes in all pass, one more is refused', () => {
    const full = Array.from({ length: 8 }, (_, index) => [`k${index}`, 'v'.repeat(1022)] as const);
    expect(checkMetadata(full)?.size).toBe(8);
    expect(kindOf(() => checkMetadata([...full.slice(1), ['k0x', 'v'.repeat(1022)]]))).toBe('invalid');
  });

  test('a key given twice is malformed, one that differs in case is another', () => {
    expect(kindOf(() => checkMetadata(Object.entries({ a: '1' }).concat([['a', '1']])))).toBe('malformed');
    expect(checkMetadata(Object.entries({ a: '1', A: '2' }))?.size).toBe(2);
  });

  test('no entries are no metadata', () => {
    expect(checkMetadata([])).toBeUndefined();
  });
});
