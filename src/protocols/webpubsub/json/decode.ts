import { PubSubError, unreachable } from '../../../errors.js';
import type { DataType, Payload, UserError } from '../../messages.js';
import type { InboundFrame } from '../../protocol.js';
import type { ClientRequest } from '../requests.js';
import { checkAny, checkEvent, checkGroup, checkTtlSeconds, malformed, maxTtlSeconds, refuseStream } from '../rules.js';
import { JsonObject, parseUint64 } from './fields.js';

/** One text frame holds one JSON object. @throws PubSubError `malformed`, `wrongFrameType` [client-protocols 4] */
export function decode(frame: InboundFrame): ClientRequest {
  if (frame.isBinary) throw new PubSubError('wrongFrameType', 'this subprotocol accepts text frames only');
  const body = JsonObject.parse(frame.bytes);
  const type = body.string('type');
  const read = readers[type.toLowerCase()];
  if (read === undefined) throw malformed(`unknown message type${shownType(type)}`);
  return read(body);
}

/** A mistyped word is quoted; anything else is not, as reasons are logged, and messages are not. */
function shownType(type: string): string {
  return /^[a-z]{1,32}$/i.test(type) ? ` "${type}"` : '';
}

/** By type, in lower case: clients in the field differ in letter case. [client-protocols 4.1] */
const readers: Readonly<Record<string, (body: JsonObject) => ClientRequest>> = Object.assign(Object.create(null), {
  joingroup: body => ({ kind: 'join', group: groupOf(body), ackId: body.uint64('ackId') }),
  leavegroup: body => ({ kind: 'leave', group: groupOf(body), ackId: body.uint64('ackId') }),
  sendtogroup: readSendToGroup,
  event: readEvent,
  ping: () => ({ kind: 'ping' }),
  sequenceack: readSequenceAck,
  invoke: readInvoke,
  cancelinvocation: body => ({ kind: 'cancelInvocation', invocationId: body.nonEmptyString('invocationId') }),
  streamdata: readStreamData,
  streamend: body => ({ kind: 'streamEnd', streamId: body.nonEmptyString('streamId'), error: userErrorOf(body) }),
  setgroupstate: body => ({
    kind: 'setGroupState',
    group: groupOf(body),
    state: body.strings('state'),
    ackId: body.uint64('ackId'),
  }),
  subscribegroupstate: body => ({ kind: 'subscribeGroupState', group: groupOf(body), ackId: body.uint64('ackId') }),
  unsubscribegroupstate: body => ({ kind: 'unsubscribeGroupState', group: groupOf(body), ackId: body.uint64('ackId') }),
} satisfies Record<string, (body: JsonObject) => ClientRequest>);

function readSendToGroup(body: JsonObject): ClientRequest {
  const group = groupOf(body);
  const stream = body.object('stream');
  if (stream !== undefined) return readStreamStart(body, group, stream);
  return {
    kind: 'publish',
    group,
    payload: payloadOf(body),
    noEcho: body.boolean('noEcho'),
    ttlSeconds: checkTtlSeconds(body.uint64('ttlSeconds', maxTtlSeconds) ?? 0n),
    ackId: body.uint64('ackId'),
  };
}

/** A start carries no data; it has an ack of its own, which makes `ackId` meaningless. [client-protocols 4.8] */
function readStreamStart(body: JsonObject, group: string, stream: JsonObject): ClientRequest {
  const idleTimeoutMs = stream.uint64('idleTimeoutMs');
  return {
    kind: 'streamStart',
    streamId: stream.nonEmptyString('streamId'),
    group,
    noEcho: body.boolean('noEcho'),
    idleTimeoutMs: idleTimeoutMs === undefined ? undefined : Number(idleTimeoutMs),
  };
}

/** With a sequence id it carries content, without it is a keep-alive: all or none. [client-protocols 4.8] */
function readStreamData(body: JsonObject): ClientRequest {
  const streamId = body.nonEmptyString('streamId');
  const sequenceId = body.uint64('streamSequenceId');
  if (sequenceId !== undefined)
    return { kind: 'streamData', streamId, fragment: { sequenceId, payload: payloadOf(body) } };
  if (body.has('data') || body.has('dataType')) throw malformed('streamSequenceId is missing');
  return { kind: 'streamData', streamId, fragment: undefined };
}

function userErrorOf(body: JsonObject): UserError | undefined {
  const error = body.object('error');
  return error && { message: error.optionalString('message'), userErrorCode: error.optionalString('userErrorCode') };
}

function readEvent(body: JsonObject): ClientRequest {
  refuseStream(body.object('stream') !== undefined);
  return { kind: 'raise', event: eventOf(body), payload: payloadOf(body), ackId: body.uint64('ackId') };
}

function readSequenceAck(body: JsonObject): ClientRequest {
  // The vendor's documentation shows the number in quotes; its clients send a number. [client-protocols D17]
  const text = body.get('sequenceId');
  const sequenceId = typeof text === 'string' ? parseUint64('sequenceId', text) : body.uint64('sequenceId');
  if (sequenceId === undefined) throw malformed('sequenceId is missing');
  return { kind: 'acked', sequenceId };
}

function readInvoke(body: JsonObject): ClientRequest {
  refuseStream(body.object('stream') !== undefined);
  const target = body.get('target') ?? 'event';
  if (target !== 'event') throw malformed('target must be "event"');
  const payload = body.has('data') || body.object('metadata') !== undefined ? payloadOf(body) : undefined;
  return { kind: 'invoke', invocationId: body.nonEmptyString('invocationId'), event: eventOf(body), payload };
}

function groupOf(body: JsonObject): string {
  return checkGroup(body.string('group'));
}

function eventOf(body: JsonObject): string {
  return checkEvent(body.string('event'));
}

function payloadOf(body: JsonObject): Payload {
  const metadata = body.metadata('metadata');
  const dataType = dataTypeOf(body);
  if (body.has('data')) return { dataType, bytes: dataOf(body, dataType), metadata };
  // A message of metadata alone is an empty text. [client-protocols 4.1]
  if (body.object('metadata') !== undefined) {
    return { dataType: 'text', bytes: Buffer.alloc(0), metadata };
  }
  throw malformed('data is missing');
}

function dataTypeOf(body: JsonObject): DataType {
  if (!body.has('dataType')) return 'json';
  const dataType = body.string('dataType').toLowerCase();
  if (dataType === 'text' || dataType === 'json' || dataType === 'binary' || dataType === 'protobuf') return dataType;
  throw malformed('dataType must be text, json, binary or protobuf');
}

function dataOf(body: JsonObject, dataType: DataType): Buffer {
  switch (dataType) {
    case 'text':
      return Buffer.from(body.string('data'), 'utf8');
    case 'json':
      return body.raw('data'); // null is a value: a client of the vendor's sends it
    case 'binary':
      return base64Of(body.string('data'));
    case 'protobuf':
      return checkAny(base64Of(body.string('data')));
    default:
      return unreachable(dataType);
  }
}

/** Buffer.from skips what is not base64, so the text is checked first. */
function base64Of(text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw malformed('data is not base64');
  return Buffer.from(text, 'base64');
}
