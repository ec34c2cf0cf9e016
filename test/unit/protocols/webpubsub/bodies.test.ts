import { describe, expect, test } from 'vitest';
import type { NumberedMessage, Payload } from '../../../../src/protocols/messages.js';
import { encodeWith, prepareWith } from '../../../../src/protocols/protocol.js';
import { json, jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { protobuf, protobufReliable } from '../../../../src/protocols/webpubsub/protobuf/index.js';
import { textPayload } from '../../../support/fake-ports.js';

const stream = { streamId: 's', sequenceId: 3n, isEnd: false, error: undefined };
const large: Payload = { dataType: 'binary', bytes: Buffer.alloc(100_000, 7), metadata: new Map([['k', 'v']]) };
const items = [{ connectionId: 'c', userId: 'u', state: new Map([['k', '}']]), updatedAtMs: 1 }];

const messages: readonly NumberedMessage[] = [
  { kind: 'serverMessage', payload: textPayload('') },
  { kind: 'groupMessage', group: 'g', fromUserId: 'ann', payload: large, stream },
  { kind: 'groupStateUpdate', group: 'g', items },
  { kind: 'groupStateSnapshot', group: 'g', items: [] },
];

describe.each([
  [jsonReliable, json],
  [protobufReliable, protobuf],
])('a body of $name', (reliable, plain) => {
  const { numbering } = reliable.reliability!;

  test.each(messages)('$kind is recorded as the plain protocol sends it, and made again from that', message => {
    const body = prepareWith(numbering, message);
    expect(encodeWith(plain.encoder, message)?.bytes.equals(body!.record())).toBe(true);
    const again = body && numbering.restore(body.record());
    for (const id of [1, 127, 128, 1_000_000]) {
      expect(again?.frame(id).wire().equals(body!.frame(id).wire())).toBe(true);
      expect(Buffer.concat(again!.fragments(id)).equals(Buffer.concat(body!.fragments(id)))).toBe(true);
    }
    expect(again?.bytes).toBe(body?.bytes);
  });

  test.each(['', '{}', '{', 'x', '\u0001\u0001', '\u0012\u0005'])('%j is not one', record => {
    expect(() => numbering.restore(Buffer.from(record))).toThrow();
  });
});
