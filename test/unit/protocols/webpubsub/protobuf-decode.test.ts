import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import { decode as decodeFrame } from '../../../../src/protocols/webpubsub/protobuf/decode.js';
import type { ClientRequest } from '../../../../src/protocols/webpubsub/requests.js';
import { anyOf, delimited, numeric, request, tag, type WireMessage, write } from '../../../support/protobuf-wire.js';

function decode(bytes: Buffer): ClientRequest {
  return decodeFrame({ isBinary: true, bytes });
}

/** What a request made of these fields is read as. */
function decoded(message: WireMessage): ClientRequest {
  return decode(request(message));
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function failureOf(bytes: Buffer, isBinary = true): string {
  try {
    return `a ${decodeFrame({ isBinary, bytes }).kind} request`;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

const maxUint64 = 2n ** 64n - 1n;
const data = { text_data: 'hi' };
const hi = { dataType: 'text', bytes: Buffer.from('hi'), metadata: undefined };

describe('bytes written by hand', () => {
  test('[CP-104] joins lobby, with ack 7', () => {
    expect(decode(hex('32 09 0A 05 6C 6F 62 62 79 10 07'))).toEqual({ kind: 'join', group: 'lobby', ackId: 7n });
  });

  test('[CP-105] ping', () => {
    expect(decode(hex('4A 00'))).toEqual({ kind: 'ping' });
  });

  test.each<[string, string, ClientRequest]>([
    ['leave', '3A 05 0A 01 67 10 00', { kind: 'leave', group: 'g', ackId: 0n }],
    ['sequence ack', '42 03 08 AC 02', { kind: 'acked', sequenceId: 300n }],
    ['cancel', '5A 03 0A 01 71', { kind: 'cancelInvocation', invocationId: 'q' }],
    ['stream keep-alive', '6A 03 0A 01 73', { kind: 'streamData', streamId: 's', fragment: undefined }],
    ['stream end', '72 03 0A 01 73', { kind: 'streamEnd', streamId: 's', error: undefined }],
    ['state cleared', '7A 03 0A 01 67', { kind: 'setGroupState', group: 'g', state: undefined, ackId: undefined }],
    ['subscribe', '82 01 03 0A 01 67', { kind: 'subscribeGroupState', group: 'g', ackId: undefined }],
    ['unsubscribe', '8A 01 03 0A 01 67', { kind: 'unsubscribeGroupState', group: 'g', ackId: undefined }],
  ])('%s', (_title, bytes, expected) => {
    expect(decode(hex(bytes))).toEqual(expected);
  });

  test('a send of bytes, its fields in any order', () => {
    expect(decode(hex('0A 0F 20 01 1A 04 12 02 01 02 28 05 10 01 0A 01 67'))).toEqual({
      kind: 'publish',
      group: 'g',
      payload: { dataType: 'binary', bytes: Buffer.from([1, 2]), metadata: undefined },
      noEcho: true,
      ttlSeconds: 5,
      ackId: 1n,
    });
  });
});

describe('ack ids', () => {
  test('[CP-109] an explicit 0 is an id, an absent one is none', () => {
    expect(decoded({ join_group_message: { group: 'g', ack_id: 0n } })).toMatchObject({ ackId: 0n });
    expect(decoded({ join_group_message: { group: 'g' } })).toMatchObject({ ackId: undefined });
  });

  test.each([2n ** 53n + 1n, 2n ** 63n, maxUint64])('[CP-058] %d keeps its digits', ackId => {
    expect(decoded({ event_message: { event: 'e', data, ack_id: ackId } })).toMatchObject({ ackId });
  });

  test('of several the last counts', () => {
    const body = Buffer.concat([numeric(2, 1), delimited(1, 'a'), numeric(2, 2), delimited(1, 'b')]);
    expect(decode(delimited(6, body))).toEqual({ kind: 'join', group: 'b', ackId: 2n });
  });
});

describe('payloads', () => {
  const event = (fields: WireMessage) => decoded({ event_message: { event: 'e', data: fields } });
  const any = anyOf('type.googleapis.com/acme.Seat', Buffer.from([8, 1]));

  test.each<[string, WireMessage, string, Buffer]>([
    ['text', { text_data: 'grüße' }, 'text', Buffer.from('grüße')],
    ['text with a byte order mark', { text_data: '\ufeffa' }, 'text', Buffer.from('\ufeffa')],
    ['empty text', { text_data: '' }, 'text', Buffer.alloc(0)],
    ['bytes', { binary_data: Buffer.from([0, 255]) }, 'binary', Buffer.from([0, 255])],
    ['no bytes', { binary_data: Buffer.alloc(0) }, 'binary', Buffer.alloc(0)],
    ['an Any', { protobuf_data: any }, 'protobuf', any],
    ['an empty Any', { protobuf_data: Buffer.alloc(0) }, 'protobuf', Buffer.alloc(0)],
    ['JSON null, which JSON clients could not send', { json_data: 'null' }, 'json', Buffer.from('null')],
    ['the last of several', { text_data: 'a', json_data: '1' }, 'json', Buffer.from('1')],
    ['the last of several, the other way round', { json_data: '1', text_data: 'a' }, 'text', Buffer.from('a')],
  ])('%s', (_title, fields, dataType, bytes) => {
    expect(event(fields)).toMatchObject({ payload: { dataType, bytes } });
  });

  test('[CP-051] JSON keeps its bytes', () => {
    const json = ' {"n":12345678901234567890, "f":1.0,"a":1,"a":2}\n';
    expect(event({ json_data: json })).toMatchObject({ payload: { dataType: 'json', bytes: Buffer.from(json) } });
  });

  test('[client-protocols 6.3] an Any keeps its bytes, with the order of its fields and those it has besides', () => {
    const odd = Buffer.concat([delimited(2, 'value'), numeric(9, 1), delimited(1, 'a.b/c.D')]);
    expect(event({ protobuf_data: odd })).toMatchObject({ payload: { dataType: 'protobuf', bytes: odd } });
  });

  test('an Any in two parts is joined too', () => {
    const halves = [delimited(1, 'a.b/c.D'), delimited(2, 'value')];
    const body = Buffer.concat([
      delimited(1, 'e'),
      delimited(2, Buffer.concat(halves.map(half => delimited(3, half)))),
    ]);
    expect(decode(delimited(5, body))).toMatchObject({
      payload: { dataType: 'protobuf', bytes: Buffer.concat(halves) },
    });
  });

  test('data in two parts is joined, as every parser does', () => {
    const parts = [{ text_data: 'a' }, { text_data: 'b' }].map(part => delimited(2, write('MessageData', part)));
    const body = Buffer.concat([delimited(1, 'e'), ...parts]);
    expect(decode(delimited(5, body))).toMatchObject({ payload: { dataType: 'text', bytes: Buffer.from('b') } });
  });

  test.each<[string, Buffer]>([
    ['text that is not UTF-8', delimited(1, Buffer.from([0xc3, 0x28]))],
    ['JSON that is not UTF-8', delimited(4, Buffer.from([0x22, 0xff, 0x22]))],
    ['JSON that is none', delimited(4, '{"a":}')],
    ['empty JSON', delimited(4, '')],
    ['an Any that is none', delimited(3, Buffer.from([1, 2]))],
    ['an Any whose type is not UTF-8', delimited(3, delimited(1, Buffer.from([0xff])))],
    ['nothing', Buffer.alloc(0)],
    ['an unknown member', delimited(5, 'x')],
    ['a member of another wire type', numeric(1, 1)],
  ])('%s is malformed', (_title, bytes) => {
    expect(failureOf(delimited(5, Buffer.concat([delimited(1, 'e'), delimited(2, bytes)])))).toBe('malformed');
  });

  test.each([
    ['send', { send_to_group_message: { group: 'g' } }],
    ['event', { event_message: { event: 'e' } }],
    ['event with metadata alone', { event_message: { event: 'e', metadata: { a: 'b' } } }],
    ['stream fragment', { stream_data_message: { stream_id: 's', stream_sequence_id: 1n } }],
  ])('%s without data is malformed', (_title, message) => {
    expect(failureOf(request(message))).toBe('malformed');
  });
});

test.each(['.', '..', ' '])('[D07] a group named %j is malformed', group => {
  expect(failureOf(request({ join_group_message: { group } }))).toBe('malformed');
  expect(failureOf(request({ leave_group_message: { group } }))).toBe('malformed');
});

describe('the other fields', () => {
  test('[CP-068] metadata', () => {
    const metadata = { Trace: 'a', b: '' };
    expect(decoded({ event_message: { event: 'e', data, metadata } })).toMatchObject({
      payload: { metadata: new Map(Object.entries(metadata)) },
    });
    expect(decoded({ send_to_group_message: { group: 'g', data, metadata } })).toMatchObject({
      payload: { metadata: new Map(Object.entries(metadata)) },
    });
  });

  test('[CP-072] invoke, with data, with metadata alone, and with neither', () => {
    const invoke = (fields: WireMessage) =>
      decoded({ invoke_event_message: { event: 'e', invocation_id: 'q-9', ...fields } });
    expect(invoke({ data })).toEqual({ kind: 'invoke', invocationId: 'q-9', event: 'e', payload: hi });
    expect(invoke({})).toMatchObject({ payload: undefined });
    const empty = { dataType: 'text', bytes: Buffer.alloc(0), metadata: new Map([['a', 'b']]) };
    expect(invoke({ metadata: { a: 'b' } })).toMatchObject({ payload: empty });
  });

  test('[CP-095] a stream starts, with and without an idle timeout', () => {
    const start = (stream: WireMessage) => decoded({ send_to_group_message: { group: 'g', no_echo: true, stream } });
    const expected = { kind: 'streamStart', streamId: 's', group: 'g', noEcho: true };
    expect(start({ stream_id: 's' })).toEqual({ ...expected, idleTimeoutMs: undefined });
    expect(start({ stream_id: 's', idle_timeout_ms: 1500n })).toEqual({ ...expected, idleTimeoutMs: 1500 });
  });

  test('[CP-096] [CP-099] a stream goes on, and ends with an error', () => {
    const fragment = { stream_id: 's', stream_sequence_id: 2n, data };
    expect(decoded({ stream_data_message: fragment })).toEqual({
      kind: 'streamData',
      streamId: 's',
      fragment: { sequenceId: 2n, payload: hi },
    });
    expect(decoded({ stream_end_message: { stream_id: 's', error: { user_error_code: 'E1' } } })).toEqual({
      kind: 'streamEnd',
      streamId: 's',
      error: { message: undefined, userErrorCode: 'E1' },
    });
  });

  test('[CP-103] group state, and an empty one, which does not clear', () => {
    const state = (entries: WireMessage) =>
      decoded({ set_group_state_message: { group: 'g', ack_id: 3n, state: { entries } } });
    const expected = { kind: 'setGroupState', group: 'g', ackId: 3n };
    expect(state({ mood: 'ü', '': 'x' })).toEqual({
      ...expected,
      state: new Map([
        ['mood', 'ü'],
        ['', 'x'],
      ]),
    });
    expect(state({})).toEqual({ ...expected, state: new Map() });
  });

  test('an unknown field of any kind is ignored', () => {
    const group = Buffer.concat([tag(20, 3), numeric(1, 1), tag(20, 4)]);
    const fixed = Buffer.concat([tag(21, 5), Buffer.alloc(4), tag(22, 1), Buffer.alloc(8)]);
    const extra = Buffer.concat([numeric(536_870_911, maxUint64), delimited(99, 'x'), group, fixed]);
    const body = Buffer.concat([extra, delimited(1, 'lobby'), extra]);
    expect(decode(Buffer.concat([extra, delimited(6, body), extra]))).toMatchObject({ group: 'lobby' });
  });

  test('of several requests in one frame the last counts', () => {
    const join = request({ join_group_message: { group: 'g' } });
    const leave = request({ leave_group_message: { group: 'h' } });
    expect(decode(Buffer.concat([join, leave]))).toEqual({ kind: 'leave', group: 'h', ackId: undefined });
  });
});

describe('[client-protocols 6] what is not a request', () => {
  test('[CP-106] a text frame is of the wrong type, an empty binary one is malformed', () => {
    expect(failureOf(hex('4A 00'), false)).toBe('wrongFrameType');
    expect(failureOf(Buffer.alloc(0), false)).toBe('wrongFrameType');
    expect(failureOf(Buffer.alloc(0))).toBe('malformed');
  });

  test.each<[string, Buffer]>([
    ['an unset oneof', delimited(40, 'x')],
    ['an unused number, 12', delimited(12, '')],
    ['a member of another wire type', numeric(9, 1)],
    ['a number of field 0', hex('02 00')],
    ['wire type 6', hex('4E 00')],
    ['a cut-off tag', hex('80')],
    ['a tag beyond 32 bits', hex('CA 80 80 80 10 00')],
    ['a cut-off length', hex('32 80')],
    ['a length beyond the frame', hex('32 05 0A')],
    ['a length of 4 GiB', hex('32 FF FF FF FF 0F 0A')],
    ['a length beyond its message', hex('32 03 0A 05 6C 28 01 28 01')],
    ['a number beyond its message', hex('32 04 0A 01 67 10 28 01')],
    ['an ack id of eleven bytes', delimited(6, Buffer.concat([delimited(1, 'g'), hex('10 FFFFFFFFFFFFFFFFFFFF 01')]))],
    ['the end of a group that has no start', hex('4A 00 4C')],
    ['a group that does not end', hex('4A 00 A3 01 08 01')],
    ['groups inside groups without end', Buffer.alloc(100_000, 0x4b)],
    ['a group name that is not UTF-8', delimited(6, delimited(1, Buffer.from([0xff])))],
  ])('%s is malformed', (_title, bytes) => {
    expect(failureOf(bytes)).toBe('malformed');
  });

  const longText = 'x'.repeat(257);
  test.each<[string, WireMessage]>([
    ['no group', { join_group_message: {} }],
    ['a blank group', { leave_group_message: { group: ' \t' } }],
    ['a group of 1025 characters', { join_group_message: { group: 'g'.repeat(1025) } }],
    ['[CP-066] event 1x', { event_message: { event: '1x', data } }],
    ['[CP-066] an event of 129 characters', { event_message: { event: 'e'.repeat(129), data } }],
    ['[CP-069] a ttl of 301 s', { send_to_group_message: { group: 'g', data, ttl_seconds: 301n } }],
    ['a ttl beyond 32 bits', { send_to_group_message: { group: 'g', data, ttl_seconds: 2n ** 32n + 1n } }],
    [
      '[CP-068] a metadata key of 257 characters',
      { event_message: { event: 'e', data, metadata: { [longText]: '' } } },
    ],
    ['[CP-068] an empty metadata key', { event_message: { event: 'e', data, metadata: { '': '' } } }],
    ['[CP D23] an event with a stream', { event_message: { event: 'e', data, stream: { stream_id: 's' } } }],
    [
      '[CP D23] an invocation with a stream',
      { invoke_event_message: { event: 'e', invocation_id: 'i', stream: { stream_id: 's' } } },
    ],
    ['no invocation id', { invoke_event_message: { event: 'e' } }],
    ['an invocation with empty data', { invoke_event_message: { event: 'e', invocation_id: 'i', data: {} } }],
    ['nothing to cancel', { cancel_invocation_message: {} }],
    ['a stream without id', { send_to_group_message: { group: 'g', stream: {} } }],
    ['a fragment without number', { stream_data_message: { stream_id: 's', data } }],
    ['an end without id', { stream_end_message: {} }],
  ])('%s is malformed', (_title, message) => {
    expect(failureOf(request(message))).toBe('malformed');
  });

  test('[CP-068] a metadata key, or one of a state, that comes twice is malformed', () => {
    const entry = delimited(1, write('MapEntry', { key: 'a', value: 'b' }));
    const twice = Buffer.concat([entry, entry]);
    expect(failureOf(delimited(15, Buffer.concat([delimited(1, 'g'), delimited(3, twice)])))).toBe('malformed');
    const metadata = delimited(4, write('MapEntry', { key: 'a', value: 'b' }));
    const event = write('Event', { event: 'e', data });
    expect(failureOf(delimited(5, Buffer.concat([event, metadata])))).toBe('a raise request');
    expect(failureOf(delimited(5, Buffer.concat([event, metadata, metadata])))).toBe('malformed');
  });

  test('the number of a field that is no request is named', () => {
    expect(() => decode(delimited(99, ''))).toThrow(/^the message contains no request: field 99 is none$/);
    expect(() => decode(Buffer.alloc(0))).toThrow(/^the message contains no request$/);
  });

  test('reasons do not quote what the client sent', () => {
    const secret = 'hunter2';
    const frames = [
      request({ event_message: { event: 'e', data: { json_data: `{"password":${secret}` } } }),
      request({ event_message: { event: `1${secret}`, data } }),
      request({ join_group_message: { group: secret, ack_id: 1n } }).subarray(0, -1),
    ];
    for (const bytes of frames) {
      const failed = expect(() => decode(bytes));
      failed.toThrow(PubSubError);
      failed.not.toThrow(secret);
    }
  });
});

const mebibyte = 1024 * 1024;

describe('a mebibyte of one thing is decoded without taking the stack or the day', () => {
  test.each([
    ['zeros', '00'],
    ['ones', 'FF'],
    ['continued numbers', '80'],
    ['starts of groups', '4B'],
    ['empty fields', '7A 00'],
    ['unknown fields', 'F8 01 00'],
    ['metadata entries', '32 00'],
    ['pings', '4A 00'],
  ])('%s, alone and inside a request', (_title, unit) => {
    const bytes = hex(unit);
    const run = Buffer.alloc(Math.floor(mebibyte / bytes.length) * bytes.length, bytes);
    expect(failureOf(run)).toBe('malformed');
    expect(failureOf(delimited(1, Buffer.concat([delimited(1, 'g'), run])))).toBe('malformed');
  });

  test('text, JSON and bytes of a mebibyte keep them', () => {
    const text = 'é'.repeat(mebibyte / 2);
    for (const fields of [{ text_data: text }, { json_data: `"${text}"` }, { binary_data: Buffer.from(text) }]) {
      const [value] = Object.values(fields);
      const sent = decoded({ event_message: { event: 'e', data: fields } });
      expect(sent.kind === 'raise' && sent.payload.bytes.equals(Buffer.from(value as string))).toBe(true);
    }
  });

  test('nested JSON', () => {
    const json = `${'['.repeat(mebibyte / 2)}${']'.repeat(mebibyte / 2)}`;
    expect(decoded({ event_message: { event: 'e', data: { json_data: json } } }).kind).toBe('raise');
  });
});
