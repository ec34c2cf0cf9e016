import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import { decode as decodeFrame } from '../../../../src/protocols/webpubsub/json/decode.js';
import type { ClientRequest } from '../../../../src/protocols/webpubsub/requests.js';
import { jsonText, space } from '../../../support/json-text.js';

function decode(bytes: Buffer, isBinary = false): ClientRequest {
  return decodeFrame({ isBinary, bytes });
}

/** What decoding ends with: a request's kind, or an error's. Anything else that is thrown fails the test. */
function outcomeOf(bytes: Buffer, isBinary: boolean): string {
  try {
    return decode(bytes, isBinary).kind;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

// ------------------------------------------------------------------------------------------------------ any input

/** Property names and values that requests look at, in any combination. */
const fieldNames = [
  ...['type', 'group', 'event', 'data', 'dataType', 'ackId', 'noEcho', 'ttlSeconds', 'metadata', 'stream', 'streamId'],
  ...['invocationId', 'target', 'sequenceId', '__proto__', 'constructor'],
];
const typeNames = [
  ...['joinGroup', 'leaveGroup', 'sendToGroup', 'event', 'ping', 'sequenceAck', 'invoke', 'cancelInvocation'],
  ...['streamData', 'streamEnd', 'setGroupState', 'subscribeGroupState', 'unsubscribeGroupState', 'toString'],
];
const fieldValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('text', 'json', 'binary', 'protobuf', 'AA==', 'g', '', 'event', 0, 1, -1, 2 ** 53, 1e300, true, null),
  fc.dictionary(fc.string(), fc.string()),
  fc.record({ streamId: fc.jsonValue() }),
);
const looksLikeRequest = fc
  .tuple(fc.constantFrom(...typeNames), fc.array(fc.tuple(fc.constantFrom(...fieldNames), fieldValue)))
  .map(([type, fields]) => {
    const members = [['type', type], ...fields].map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
    );
    return Buffer.from(`{${members.join(',')}}`);
  });

describe('decode answers any input with a request, malformed or wrongFrameType', () => {
  const kinds = new Set([
    ...['malformed', 'join', 'leave', 'publish', 'raise', 'ping', 'acked', 'invoke', 'cancelInvocation'],
    ...['streamStart', 'streamData', 'streamEnd', 'setGroupState', 'subscribeGroupState', 'unsubscribeGroupState'],
  ]);

  test('arbitrary bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => kinds.has(outcomeOf(Buffer.from(bytes), false))));
  });

  test('arbitrary JSON', () => {
    fc.assert(fc.property(fc.json(), text => kinds.has(outcomeOf(Buffer.from(text), false))));
  });

  test('objects that look like requests', () => {
    fc.assert(
      fc.property(looksLikeRequest, bytes => kinds.has(outcomeOf(bytes, false))),
      { numRuns: 2_000 },
    );
  });

  test('requests with one byte changed', () => {
    const changed = fc.tuple(looksLikeRequest, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, byte]) => {
      const copy = Buffer.from(bytes);
      copy[at % copy.length] = byte;
      return copy;
    });
    fc.assert(
      fc.property(changed, bytes => kinds.has(outcomeOf(bytes, false))),
      { numRuns: 2_000 },
    );
  });

  test('[CP-055] binary frames of any content', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => outcomeOf(Buffer.from(bytes), true) === 'wrongFrameType'));
  });
});

const mebibyte = 1024 * 1024;

describe('a mebibyte of one thing is decoded without taking the stack or the day', () => {
  test.each([
    '[',
    ']',
    '{',
    '{"a":',
    '"',
    '\\',
    '\\"',
    '\\\\',
    ' ',
    '-',
    '0',
    ',',
    'a',
    '\u00e9',
    '[]',
    '"",',
    '\u0000',
  ])('%j alone and as data', unit => {
    const run = unit.repeat(mebibyte / unit.length);
    expect(outcomeOf(Buffer.from(run), false)).toBe('malformed');
    for (const data of [run, `"${run}"`, `[${run}`, `[${run}]`]) {
      const text = `{"type":"event","event":"e","ackId":1,"data":${data}}`;
      expect(outcomeOf(Buffer.from(text), false)).toMatch(/^(raise|malformed)$/);
    }
  });

  test.each<[string, string]>([
    ['nested arrays', `${'['.repeat(mebibyte / 2)}${']'.repeat(mebibyte / 2)}`],
    ['nested objects', `${'{"a":'.repeat(mebibyte / 8)}1${'}'.repeat(mebibyte / 8)}`],
    ['escaped quotes', `"${'\\"'.repeat(mebibyte / 2)}"`],
    ['escaped backslashes', `"${'\\\\'.repeat(mebibyte / 2)}"`],
    ['backslashes before quotes', `"${`${'\\\\'.repeat(500)}\\"`.repeat(1_000)}"`],
    [
      'strings',
      `[${Array(mebibyte / 4)
        .fill('""')
        .join(',')}]`,
    ],
  ])('%s keep their bytes', (_title, data) => {
    const request = decode(Buffer.from(`{"type":"event","event":"e","data":${data},"ackId":1}`));
    expect(request.kind === 'raise' && request.payload.bytes.equals(Buffer.from(data))).toBe(true);
  });

  test('a hundred thousand members, one of them repeated', () => {
    const members = Array.from({ length: 100_000 }, (_, index) => `"a":${index}`).join(',');
    expect(decode(Buffer.from(`{"type":"event","event":"e",${members},"data":1,"ackId":7}`))).toMatchObject({
      ackId: 7n,
    });
    expect(outcomeOf(Buffer.from(`{"type":"event","event":"e","data":1,"metadata":{${members}}}`), false)).toBe(
      'malformed',
    );
  });
});

describe('[CP-051] JSON data keeps its bytes', () => {
  test('from the client’s frame, wherever it stands', () => {
    fc.assert(
      fc.property(
        jsonText.filter(text => text !== 'null'),
        space,
        space,
        fc.boolean(),
        (data, before, after, isFirst) => {
          const rest = `"type":"sendToGroup","group":"g","x":${data}`;
          const member = `"data"${after}:${before}${data}${after}`;
          const text = isFirst ? `{${before}${member},${rest}}` : `${after}{${rest},${before}${member}}${before}`;
          const request = decode(Buffer.from(text));
          expect(request.kind === 'publish' && request.payload.bytes.toString()).toBe(data);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('of repeated data the last is taken', () => {
    fc.assert(
      fc.property(
        jsonText,
        jsonText.filter(text => text !== 'null'),
        (first, last) => {
          const request = decode(Buffer.from(`{"type":"event","event":"e","data":${first},"d\\u0061ta":${last}}`));
          expect(request.kind === 'raise' && request.payload.bytes.toString()).toBe(last);
        },
      ),
    );
  });
});
