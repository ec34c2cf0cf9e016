import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PubSubError, unreachable } from '../../../../src/errors.js';
import type { DataMessage, Payload, StateMessage } from '../../../../src/protocols/messages.js';
import { isGroupName } from '../../../../src/protocols/names.js';
import { decode as decodeFrame } from '../../../../src/protocols/webpubsub/protobuf/decode.js';
import { protobufReliable } from '../../../../src/protocols/webpubsub/protobuf/index.js';
import type { ClientMessage } from '../../../../src/protocols/webpubsub/replies.js';
import type { ClientRequest } from '../../../../src/protocols/webpubsub/requests.js';
import { jsonText } from '../../../support/json-text.js';
import { anyOf, request, response, type WireMessage, type WireValue } from '../../../support/protobuf-wire.js';
import { bodyOf, protobufFrame } from '../../../support/web-pubsub-forms.js';

function decode(bytes: Buffer, isBinary = true): ClientRequest {
  return decodeFrame({ isBinary, bytes });
}

/** What decoding ends with: a request's kind, or an error's. Anything else that is thrown fails the test. */
function outcomeOf(bytes: Buffer, isBinary = true): string {
  try {
    return decode(bytes, isBinary).kind;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

// --------------------------------------------------------------------------------------------------- what is written

/** An object of those members that are set. */
function fields(members: Readonly<Record<string, WireValue | undefined>>): WireMessage {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as WireMessage;
}

/** The object of those members that are not at their default, which proto3 leaves out. */
function plain(members: Readonly<Record<string, WireValue>>): WireMessage {
  return fields(
    Object.fromEntries(
      Object.entries(members).map(([name, value]) => [
        name,
        value === '' || value === 0n || value === false ? undefined : value,
      ]),
    ),
  );
}

function mapOf(entries: ReadonlyMap<string, string> | undefined): WireMessage | undefined {
  return entries && entries.size > 0 ? Object.fromEntries(entries) : undefined;
}

function dataOf({ dataType, bytes }: Payload): WireMessage {
  switch (dataType) {
    case 'text':
      return { text_data: bytes.toString() };
    case 'json':
      return { json_data: bytes.toString() };
    case 'binary':
      return { binary_data: bytes };
    case 'protobuf':
      return { protobuf_data: bytes };
    default:
      return unreachable(dataType);
  }
}

/** The request as a client writes it. */
function written(meant: ClientRequest): WireMessage {
  switch (meant.kind) {
    case 'join':
      return { join_group_message: fields({ group: meant.group, ack_id: meant.ackId }) };
    case 'leave':
      return { leave_group_message: fields({ ack_id: meant.ackId, group: meant.group }) };
    case 'subscribeGroupState':
      return { subscribe_group_state_message: fields({ group: meant.group, ack_id: meant.ackId }) };
    case 'unsubscribeGroupState':
      return { unsubscribe_group_state_message: fields({ group: meant.group, ack_id: meant.ackId }) };
    case 'publish': {
      const { group, payload, noEcho: no_echo, ttlSeconds, ackId: ack_id } = meant;
      const envelope = { group, no_echo, ttl_seconds: BigInt(ttlSeconds), ack_id, metadata: mapOf(payload.metadata) };
      return { send_to_group_message: fields({ ...envelope, data: dataOf(payload) }) };
    }
    case 'raise': {
      const { event, payload, ackId } = meant;
      const data = dataOf(payload);
      return { event_message: fields({ event, data, ack_id: ackId, metadata: mapOf(payload.metadata) }) };
    }
    case 'ping':
      return { ping_message: {} };
    case 'acked':
      return { sequence_ack_message: { sequence_id: meant.sequenceId } };
    case 'invoke': {
      const { event, invocationId: invocation_id, payload } = meant;
      const content = payload && { data: dataOf(payload), metadata: mapOf(payload.metadata) };
      return { invoke_event_message: fields({ event, invocation_id, ...content }) };
    }
    case 'cancelInvocation':
      return { cancel_invocation_message: { invocation_id: meant.invocationId } };
    case 'streamStart': {
      const { streamId, group, noEcho, idleTimeoutMs } = meant;
      const timeout = idleTimeoutMs === undefined ? undefined : BigInt(idleTimeoutMs);
      const stream = fields({ stream_id: streamId, idle_timeout_ms: timeout });
      return { send_to_group_message: { stream, group, no_echo: noEcho } };
    }
    case 'streamData': {
      const { streamId: stream_id, fragment } = meant;
      const content = fragment && { stream_sequence_id: fragment.sequenceId, data: dataOf(fragment.payload) };
      return { stream_data_message: fields({ stream_id, ...content }) };
    }
    case 'streamEnd': {
      const { streamId: stream_id, error } = meant;
      const reason = error && fields({ message: error.message, user_error_code: error.userErrorCode });
      return { stream_end_message: fields({ stream_id, error: reason }) };
    }
    case 'setGroupState': {
      const { group, state, ackId: ack_id } = meant;
      const entries = state && fields({ entries: mapOf(state) });
      return { set_group_state_message: fields({ group, ack_id, state: entries }) };
    }
    default:
      return unreachable(meant);
  }
}

/** The fields that a client finds in the message. */
function expected(message: ClientMessage): WireMessage {
  switch (message.kind) {
    case 'groupMessage': {
      const { group, payload, stream } = message;
      const envelope = { from: 'group', group, data: dataOf(payload), metadata: mapOf(payload.metadata) };
      return { data_message: fields({ ...envelope, stream: stream && streamOf(stream) }) };
    }
    case 'serverMessage': {
      const { payload } = message;
      return { data_message: fields({ from: 'server', data: dataOf(payload), metadata: mapOf(payload.metadata) }) };
    }
    case 'connected': {
      const names = plain({ connection_id: message.connectionId, user_id: message.userId ?? '' });
      const connected = fields({ ...names, reconnection_token: message.reconnectionToken });
      return { system_message: { connected_message: connected } };
    }
    case 'disconnected':
      return { system_message: { disconnected_message: plain({ reason: message.reason }) } };
    case 'ack': {
      const error = message.error && plain({ ...message.error });
      return { ack_message: fields({ ...plain({ ack_id: message.ackId, success: error === undefined }), error }) };
    }
    case 'pong':
      return { pong_message: {} };
    case 'invokeResponse': {
      const { invocationId, payload, error } = message;
      const head = plain({ invocation_id: invocationId, success: error === undefined });
      const content = payload && { data: dataOf(payload), metadata: mapOf(payload.metadata) };
      return { invoke_response_message: fields({ ...head, ...content, error: error && plain({ ...error }) }) };
    }
    case 'streamAck':
      return {
        stream_ack_message: plain({ stream_id: message.streamId, expected_sequence_id: message.expectedSequenceId }),
      };
    case 'streamNack': {
      const { streamId, expectedSequenceId, error } = message;
      return {
        stream_nack_message: plain({ stream_id: streamId, ...error, expected_sequence_id: expectedSequenceId }),
      };
    }
    case 'streamClosed': {
      const error = message.error && plain({ ...message.error });
      return { stream_closed_message: fields({ ...plain({ stream_id: message.streamId }), error }) };
    }
    case 'groupStateSnapshot':
    case 'groupStateUpdate': {
      const items = message.items.length === 0 ? undefined : message.items.map(itemOf);
      const name = message.kind === 'groupStateUpdate' ? 'group_state_update_message' : 'group_state_snapshot_message';
      return { [name]: fields({ group: message.group, items }) };
    }
    default:
      return unreachable(message);
  }
}

function streamOf(stream: NonNullable<(ClientMessage & { kind: 'groupMessage' })['stream']>): WireMessage {
  const { streamId, sequenceId, isEnd, error } = stream;
  const head = plain({ stream_id: streamId, stream_sequence_id: sequenceId, end_of_stream: isEnd });
  const name = plain({ name: error?.name ?? '' });
  return fields({
    ...head,
    error: error && fields({ ...name, message: error.message, user_error_code: error.userErrorCode }),
  });
}

function itemOf(item: (ClientMessage & { kind: 'groupStateUpdate' })['items'][number]): WireMessage {
  const { connectionId, userId, state, updatedAtMs } = item;
  const head = plain({ connection_id: connectionId, updated_at: BigInt(updatedAtMs) });
  return fields({ ...head, user_id: userId, state: state && fields({ entries: mapOf(state) }) });
}

// ------------------------------------------------------------------------------------------------------ arbitraries

const anyText = fc.string({ unit: 'binary' });
const maybeText = fc.option(anyText, { nil: undefined });
const name = fc.string({ minLength: 1, maxLength: 200 });
const group = fc.string({ minLength: 1, maxLength: 300 }).filter(isGroupName);
const event = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const ackId = fc.option(uint64, { nil: undefined });
const bytes = fc.uint8Array({ maxLength: 20_000, size: 'max' }).map(array => Buffer.from(array));

/** The reading side makes objects of maps, where this key is one of its own kind. */
const key = fc.string().filter(text => text !== '__proto__');
const metadataKey = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,30}$/).filter(text => text !== '__proto__');
const metadata = fc
  .array(fc.tuple(metadataKey, fc.stringMatching(/^[\t\x20-\x7e]{0,60}$/)), { maxLength: 8 })
  .map(entries => (entries.length === 0 ? undefined : new Map(entries)));
const state = fc.array(fc.tuple(key, anyText)).map(entries => new Map(entries));

function payloadOf(metadataOf: fc.Arbitrary<Payload['metadata']>): fc.Arbitrary<Payload> {
  const any = fc.tuple(fc.string(), bytes).map(([typeUrl, value]) => anyOf(typeUrl, value));
  return fc.oneof(
    fc.record({ dataType: fc.constant('text' as const), bytes: anyText.map(toBytes), metadata: metadataOf }),
    fc.record({ dataType: fc.constant('json' as const), bytes: jsonText.map(toBytes), metadata: metadataOf }),
    fc.record({ dataType: fc.constant('binary' as const), bytes, metadata: metadataOf }),
    fc.record({ dataType: fc.constant('protobuf' as const), bytes: any, metadata: metadataOf }),
  );
}

function toBytes(text: string): Buffer {
  return Buffer.from(text);
}

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
const payload = payloadOf(metadata);
const fragment = fc.record({ sequenceId: uint64, payload: payloadOf(fc.constant(undefined)) });

const anyRequest: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({ kind: kind('join', 'leave'), group, ackId }),
  fc.record({ kind: kind('publish'), group, payload, noEcho: fc.boolean(), ttlSeconds: fc.nat(300), ackId }),
  fc.record({ kind: kind('raise'), event, payload, ackId }),
  fc.record({ kind: kind('ping') }),
  fc.record({ kind: kind('acked'), sequenceId: uint64 }),
  fc.record({ kind: kind('invoke'), invocationId: name, event, payload: maybe(payload) }),
  fc.record({ kind: kind('cancelInvocation'), invocationId: name }),
  fc.record({ kind: kind('streamStart'), streamId: name, group, noEcho: fc.boolean(), idleTimeoutMs: maybe(fc.nat()) }),
  fc.record({ kind: kind('streamData'), streamId: name, fragment: maybe(fragment) }),
  fc.record({
    kind: kind('streamEnd'),
    streamId: name,
    error: maybe(fc.record({ message: maybeText, userErrorCode: maybeText })),
  }),
  fc.record({ kind: kind('setGroupState'), group, state: maybe(state), ackId }),
  fc.record({ kind: kind('subscribeGroupState', 'unsubscribeGroupState'), group, ackId }),
);

const error = fc.record({ name: fc.string(), message: anyText });
const stream = fc.record({
  streamId: name,
  sequenceId: uint64,
  isEnd: fc.boolean(),
  error: maybe(fc.record({ name: fc.string(), message: maybeText, userErrorCode: maybeText })),
});
const item = fc.record({
  connectionId: name,
  userId: maybeText,
  state: maybe(state),
  updatedAtMs: fc.maxSafeNat(),
});

const sequenced: fc.Arbitrary<DataMessage | StateMessage> = fc.oneof(
  fc.record({ kind: kind('groupMessage'), group, fromUserId: maybeText, payload, stream: maybe(stream) }),
  fc.record({ kind: kind('serverMessage'), payload }),
  fc.record({ kind: kind('groupStateSnapshot', 'groupStateUpdate'), group, items: fc.array(item) }),
);
const anyMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  sequenced,
  fc.record({ kind: kind('connected'), connectionId: name, userId: maybeText, reconnectionToken: maybeText }),
  fc.record({ kind: kind('disconnected'), reason: anyText }),
  fc.record({ kind: kind('ack'), ackId: uint64, error: maybe(error) }),
  fc.record({ kind: kind('pong') }),
  fc.record({
    kind: kind('invokeResponse'),
    invocationId: name,
    payload: maybe(payload),
    error: maybe(error),
  }),
  fc.record({ kind: kind('streamAck'), streamId: name, expectedSequenceId: uint64 }),
  fc.record({ kind: kind('streamNack'), streamId: name, expectedSequenceId: uint64, error }),
  fc.record({ kind: kind('streamClosed'), streamId: name, error: maybe(error) }),
);

// ------------------------------------------------------------------------------------------------------- properties

describe('both sides understand each other', () => {
  test('[CP-058] [CP-068] [CP-109] the server reads every request as the client meant it', () => {
    fc.assert(
      fc.property(anyRequest, meant => {
        expect(decode(request(written(meant)))).toEqual(meant);
      }),
      { numRuns: 500 },
    );
  });

  test('a client reads every message as the server meant it', () => {
    fc.assert(
      fc.property(anyMessage, meant => {
        const frame = protobufFrame(meant);
        expect(response(frame?.bytes ?? Buffer.alloc(0))).toEqual(expected(meant));
      }),
      { numRuns: 500 },
    );
  });

  test('[CP-110] a numbered message says the same, and its number', () => {
    fc.assert(
      fc.property(sequenced, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (meant, id) => {
        const frame = bodyOf(protobufReliable, meant)?.frame(id);
        const [[kindOf, body]] = Object.entries(expected(meant)) as [[string, WireMessage]];
        expect(response(frame?.bytes ?? Buffer.alloc(0))).toEqual({ [kindOf]: { ...body, sequence_id: BigInt(id) } });
      }),
    );
  });
});

describe('decode answers any input with a request, malformed or wrongFrameType', () => {
  const kinds = new Set([
    ...['malformed', 'join', 'leave', 'publish', 'raise', 'ping', 'acked', 'invoke'],
    ...['cancelInvocation', 'streamStart', 'streamData', 'streamEnd', 'setGroupState'],
    ...['subscribeGroupState', 'unsubscribeGroupState'],
  ]);

  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), array => kinds.has(outcomeOf(Buffer.from(array)))),
      { numRuns: 2_000 },
    );
  });

  test('requests with one byte changed', () => {
    fc.assert(
      fc.property(anyRequest, fc.nat(), fc.nat(255), (meant, at, byte) => {
        const changed = request(written(meant));
        changed[at % changed.length] = byte;
        return kinds.has(outcomeOf(changed));
      }),
      { numRuns: 2_000 },
    );
  });

  test('requests that are cut off', () => {
    fc.assert(
      fc.property(anyRequest, fc.nat(), (meant, at) => {
        const whole = request(written(meant));
        return kinds.has(outcomeOf(whole.subarray(0, at % whole.length)));
      }),
    );
  });

  test('[CP-106] text frames of any content', () => {
    fc.assert(fc.property(fc.uint8Array(), array => outcomeOf(Buffer.from(array), false) === 'wrongFrameType'));
  });
});
