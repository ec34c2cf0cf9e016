import { describe, expect, test } from 'vitest';
import type {
  DataMessage,
  DataType,
  GroupStateItem,
  Payload,
  StateMessage,
} from '../../../../src/protocols/messages.js';
import { protobuf, protobufReliable } from '../../../../src/protocols/webpubsub/protobuf/index.js';
import type { ClientMessage } from '../../../../src/protocols/webpubsub/replies.js';
import { anyOf, response, type WireMessage } from '../../../support/protobuf-wire.js';
import { bodyOf, protobufFrame } from '../../../support/web-pubsub-forms.js';

function bytesOf(message: ClientMessage): Buffer {
  const frame = protobufFrame(message);
  if (frame?.isBinary !== true) throw new Error('a protobuf client was not given a binary frame');
  return frame.bytes;
}

/** The fields that are on the wire. */
function encode(message: ClientMessage): WireMessage {
  return response(bytesOf(message));
}

function payload(dataType: DataType, bytes: string | Buffer, metadata?: Record<string, string>): Payload {
  return {
    dataType,
    bytes: Buffer.from(bytes as string),
    metadata: metadata && new Map(Object.entries(metadata)),
  };
}

function groupMessage(
  content: Payload,
  stream?: (ClientMessage & { kind: 'groupMessage' })['stream'],
): DataMessage | StateMessage {
  return { kind: 'groupMessage', group: 'g', fromUserId: 'ann', payload: content, stream };
}

function serverMessage(...parts: Parameters<typeof payload>): DataMessage | StateMessage {
  return { kind: 'serverMessage', payload: payload(...parts) };
}

const error = { name: 'Forbidden', message: 'no right' };
const maxUint64 = 2n ** 64n - 1n;

describe('bytes written by hand', () => {
  test.each<[string, ClientMessage, string]>([
    ['[CP-105] pong', { kind: 'pong' }, '2200'],
    ['ack', { kind: 'ack', ackId: 7n, error: undefined }, '0a0408071001'],
    ['ack of 2^64-1', { kind: 'ack', ackId: maxUint64, error: undefined }, '0a0d08ffffffffffffffffff011001'],
    ['[CP-110] disconnected, its reason field 2', { kind: 'disconnected', reason: 'bye' }, '1a071205' + '1203627965'],
    ['text to a group', groupMessage(payload('text', 'hi')), '12100a0567726f75701201671a040a026869'],
    ['empty text from the server', serverMessage('text', ''), '120c0a067365727665721a020a00'],
    ['[CP-107] JSON, field 4', serverMessage('json', '1'), '120d0a067365727665721a03220131'],
  ])('%s', (_title, message, hex) => {
    expect(bytesOf(message).toString('hex')).toBe(hex);
  });
});

describe('[client-protocols 6.2] data', () => {
  test.each<[DataType, string, Buffer]>([
    ['text', 'text_data', Buffer.from('grüße')],
    ['json', 'json_data', Buffer.from(' {"n":12345678901234567890,"f":1.0}')],
    ['binary', 'binary_data', Buffer.from([0, 255])],
    ['protobuf', 'protobuf_data', anyOf('a.b/c.D', 'x')],
  ])('%s from the server and to a group', (dataType, member, bytes) => {
    const data = { [member]: dataType === 'text' || dataType === 'json' ? bytes.toString() : bytes };
    expect(encode(serverMessage(dataType, bytes))).toEqual({ data_message: { from: 'server', data } });
    expect(encode(groupMessage(payload(dataType, bytes)))).toEqual({
      data_message: { from: 'group', group: 'g', data },
    });
  });

  test.each([0, 1, 127, 128, 16_383, 16_384, 2_097_152])('%d bytes', length => {
    const bytes = Buffer.alloc(length, 7);
    const { data_message: message } = encode(serverMessage('binary', bytes)) as { data_message: WireMessage };
    const { binary_data: heard } = message.data as { binary_data: Buffer };
    expect([message.from, heard.equals(bytes)]).toEqual(['server', true]);
  });

  test('JSON null is said, unlike to JSON clients', () => {
    expect(encode(serverMessage('json', 'null'))).toMatchObject({ data_message: { data: { json_data: 'null' } } });
  });

  test('what is no Any goes as bytes: as an Any it would make the message unreadable', () => {
    const bytes = Buffer.from([1, 2]);
    expect(encode(serverMessage('protobuf', bytes))).toMatchObject({ data_message: { data: { binary_data: bytes } } });
  });

  test('[CP-068] metadata, empty values too', () => {
    const metadata = { Trace: 'a', b: '' };
    expect(encode(serverMessage('text', 'x', metadata))).toMatchObject({ data_message: { metadata } });
  });

  test('[CP-095] [CP-098] [CP-099] stream positions', () => {
    const position = { streamId: 's', sequenceId: 3n, isEnd: false, error: undefined };
    expect(encode(groupMessage(payload('text', 'x'), position))).toMatchObject({
      data_message: { stream: { stream_id: 's', stream_sequence_id: 3n } },
    });
    const ended = { name: 'UserError', message: undefined, userErrorCode: '' };
    expect(encode(groupMessage(payload('text', ''), { ...position, isEnd: true, error: ended }))).toEqual({
      data_message: {
        from: 'group',
        group: 'g',
        data: { text_data: '' },
        stream: {
          stream_id: 's',
          stream_sequence_id: 3n,
          end_of_stream: true,
          error: { name: 'UserError', user_error_code: '' },
        },
      },
    });
  });
});

describe('[client-protocols 6.2] everything else', () => {
  const item: GroupStateItem = {
    connectionId: 'c',
    userId: undefined,
    state: new Map([['mood', 'ü']]),
    updatedAtMs: 1_767_225_600_123,
  };

  test.each<[string, ClientMessage, WireMessage]>([
    [
      '[CP-109] an ack of 0, which is the default and so not written',
      { kind: 'ack', ackId: 0n, error: undefined },
      { ack_message: { success: true } },
    ],
    ['a failed ack', { kind: 'ack', ackId: 1n, error }, { ack_message: { ack_id: 1n, error } }],
    [
      'connected',
      { kind: 'connected', connectionId: 'c', userId: 'ann', reconnectionToken: undefined },
      { system_message: { connected_message: { connection_id: 'c', user_id: 'ann' } } },
    ],
    [
      '[CP-036] connected, anonymous',
      { kind: 'connected', connectionId: 'c', userId: undefined, reconnectionToken: undefined },
      { system_message: { connected_message: { connection_id: 'c' } } },
    ],
    [
      '[CP-110] connected, reliable',
      { kind: 'connected', connectionId: 'c', userId: '', reconnectionToken: 't' },
      { system_message: { connected_message: { connection_id: 'c', reconnection_token: 't' } } },
    ],
    [
      'disconnected without a reason',
      { kind: 'disconnected', reason: '' },
      { system_message: { disconnected_message: {} } },
    ],
    [
      '[CP-072] an answer to an invocation',
      { kind: 'invokeResponse', invocationId: 'i', payload: payload('json', '12.5', { a: 'b' }), error: undefined },
      {
        invoke_response_message: {
          invocation_id: 'i',
          success: true,
          data: { json_data: '12.5' },
          metadata: { a: 'b' },
        },
      },
    ],
    [
      'an empty answer',
      { kind: 'invokeResponse', invocationId: 'i', payload: undefined, error: undefined },
      { invoke_response_message: { invocation_id: 'i', success: true } },
    ],
    [
      'a failed invocation',
      { kind: 'invokeResponse', invocationId: 'i', payload: undefined, error },
      { invoke_response_message: { invocation_id: 'i', error } },
    ],
    [
      'streamAck',
      { kind: 'streamAck', streamId: 's', expectedSequenceId: maxUint64 },
      { stream_ack_message: { stream_id: 's', expected_sequence_id: maxUint64 } },
    ],
    [
      'streamNack',
      { kind: 'streamNack', streamId: 's', expectedSequenceId: 2n, error },
      { stream_nack_message: { stream_id: 's', ...error, expected_sequence_id: 2n } },
    ],
    [
      'streamClosed',
      { kind: 'streamClosed', streamId: 's', error: undefined },
      { stream_closed_message: { stream_id: 's' } },
    ],
    [
      'streamClosed with an error',
      { kind: 'streamClosed', streamId: 's', error },
      { stream_closed_message: { stream_id: 's', error } },
    ],
    [
      'a group state update',
      { kind: 'groupStateUpdate', group: 'g', items: [item] },
      {
        group_state_update_message: {
          group: 'g',
          items: [{ connection_id: 'c', state: { entries: { mood: 'ü' } }, updated_at: 1_767_225_600_123n }],
        },
      },
    ],
    [
      'a snapshot: a state that is empty, and one that is cleared',
      {
        kind: 'groupStateSnapshot',
        group: 'g',
        items: [
          { connectionId: 'a', userId: '', state: new Map(), updatedAtMs: 1 },
          { connectionId: 'b', userId: 'ann', state: undefined, updatedAtMs: 2 },
        ],
      },
      {
        group_state_snapshot_message: {
          group: 'g',
          items: [
            { connection_id: 'a', user_id: '', state: {}, updated_at: 1n },
            { connection_id: 'b', user_id: 'ann', updated_at: 2n },
          ],
        },
      },
    ],
    [
      'an empty snapshot',
      { kind: 'groupStateSnapshot', group: 'g', items: [] },
      { group_state_snapshot_message: { group: 'g' } },
    ],
  ])('%s', (_title, message, expected) => {
    expect(encode(message)).toEqual(expected);
  });

  test('strings that are not well-formed UTF-16 are still UTF-8', () => {
    expect(encode({ kind: 'disconnected', reason: `\ud800${'x'.repeat(100)}` })).toEqual({
      system_message: { disconnected_message: { reason: `\ufffd${'x'.repeat(100)}` } },
    });
  });

  test('a message of a mebibyte does not show in the next', () => {
    encode({ kind: 'disconnected', reason: 'x'.repeat(1024 * 1024) });
    expect(bytesOf({ kind: 'pong' }).toString('hex')).toBe('2200');
  });
});

describe('[CP-076] [CP-110] sequence ids', () => {
  const messages: [string, DataMessage | StateMessage, number][] = [
    ['a data message', groupMessage(payload('text', 'hi', { a: 'b' })), 0x20],
    ['a state update', { kind: 'groupStateUpdate', group: 'g', items: [] }, 0x18],
    ['a snapshot', { kind: 'groupStateSnapshot', group: 'g', items: [] }, 0x18],
  ];

  test.each(messages)('%s has one, and else the same fields', (_title, message) => {
    const body = bodyOf(protobufReliable, message);
    const plain = encode(message);
    const [name] = Object.keys(plain) as [string];
    for (const id of [1, 127, 128, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const frame = body?.frame(id);
      expect(frame?.isBinary).toBe(true);
      expect(response(frame?.bytes ?? Buffer.alloc(0))).toEqual({
        [name]: { ...(plain[name] as WireMessage), sequence_id: BigInt(id) },
      });
    }
  });

  test.each(messages)('%s: the field number', (_title, message, tag) => {
    const bytes = bodyOf(protobufReliable, message)?.frame(5).bytes;
    expect([bytes?.[2], bytes?.[3]]).toEqual([tag, 5]);
  });

  test.each(messages)('%s knows its bytes without the number', (_title, message) => {
    const body = bodyOf(protobufReliable, message);
    expect(body?.bytes).toBe((body?.frame(5).bytes.length ?? 0) - 4); // tag and length of the message, tag and value of its number
  });

  test('the plain protocol numbers nothing', () => {
    expect(protobuf.reliability).toBeUndefined();
    expect(protobufReliable.encoder).toBe(protobuf.encoder);
  });
});
