import { describe, expect, test } from 'vitest';
import { readSession, writeSession } from '../../../src/hub/session.js';
import { wholeRecord } from '../../support/session-record.js';

describe('the record of a session', () => {
  test('is read as it was written', () => {
    expect(readSession(writeSession(wholeRecord))).toEqual(wholeRecord);
  });

  test('its messages follow the head as they are', () => {
    const written = writeSession(wholeRecord);
    expect(written.subarray(4 + written.readUInt32BE()).toString()).toBe('{"a":1}{"b":2}');
  });

  /** The bytes with another head. */
  function changed(change: (head: Record<string, unknown>) => unknown): Buffer {
    const written = writeSession(wholeRecord);
    const end = 4 + written.readUInt32BE();
    const head = Buffer.from(JSON.stringify(change(JSON.parse(written.toString('utf8', 4, end)))));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    return Buffer.concat([length, head, written.subarray(end)]);
  }

  test.each<[string, (head: Record<string, unknown>) => unknown, string]>([
    ['a later version', head => ({ ...head, version: 2 }), 'it has version 2, and this node reads version 1'],
    ['no version', ({ version: _, ...head }) => head, 'it has version undefined'],
    ['null', () => null, 'it has version undefined'],
    ['a field that is missing', ({ hub: _, ...head }) => head, '/hub: '],
    ['a field of another type', head => ({ ...head, streams: [{ streamId: 1 }] }), '/streams/0/'],
    ['a number that no id can be', head => ({ ...head, replay: { lastId: -1, unacked: [] } }), '/replay'],
    [
      'fewer messages than there are bytes',
      ({ replay: _, ...head }) => head,
      'its messages have 0 bytes, and 14 follow',
    ],
    [
      'longer messages than there are bytes',
      head => ({ ...head, replay: { lastId: 1, unacked: [{ sequenceId: 1, body: 15 }] } }),
      'its messages have 15 bytes, and 14 follow',
    ],
  ])('%s is an error that says so', (_title, change, text) => {
    expect(() => readSession(changed(change))).toThrow(text);
  });

  test.each(['', 'x', '\0\0\0', '\0\0\0\0', '\0\0\0\u0009{"secret"', '\u007f{}'])(
    '%j is an error without its text',
    bytes => {
      expect(() => readSession(Buffer.from(bytes))).toThrow(/^the record of a session is invalid: it is not JSON$/);
    },
  );
});
