import { fromBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { PubSubError, unreachable } from '../errors.js';
import { type Codec, type Encoder, Frame, type InboundFrame } from './codec.js';
import { JsonObject, malformed, parseUint64 } from './json-fields.js';
import type { ClientRequest, DataMessage, DataType, MessageError, Payload, ServerMessage } from './messages.js';
import { isEventName, isGroupName } from './names.js';

/** Seconds a message may ask to be kept for. [client-protocols 4.2] */
const maxTtlSeconds = 300n;

const encoder: Encoder = { encode };

/** `json.webpubsub.azure.v1`: text frames, one JSON object each. [client-protocols 4] */
export const json: Codec = { subprotocol: 'json.webpubsub.azure.v1', onFailure: 'ack', encoder, decode };

// --------------------------------------------------------------------------------------------------------- decode

function decode(frame: InboundFrame): ClientRequest {
  if (frame.isBinary) throw new PubSubError('wrongFrameType', 'this subprotocol takes text frames only');
  const body = new JsonObject(frame.bytes);
  const type = body.string('type');
  const read = readers[type.toLowerCase()];
  if (read === undefined) throw malformed('unknown message type'); // not quoted: reasons are logged, messages are not
  return read(body);
}

/** By type, in lower case: clients in the field differ in letter case. [client-protocols 4.1] */
const readers: Readonly<Record<string, (body: JsonObject) => ClientRequest>> = Object.assign(Object.create(null), {
  joingroup: body => ({ kind: 'joinGroup', group: groupOf(body), ackId: body.uint64('ackId') }),
  leavegroup: body => ({ kind: 'leaveGroup', group: groupOf(body), ackId: body.uint64('ackId') }),
  sendtogroup: readSendToGroup,
  event: readEvent,
  ping: () => ({ kind: 'ping' }),
  sequenceack: readSequenceAck,
  invoke: readInvoke,
  cancelinvocation: body => ({ kind: 'cancelInvocation', invocationId: body.nonEmptyString('invocationId') }),
  streamdata: body => ({ kind: 'streamData', streamId: body.nonEmptyString('streamId') }),
  streamend: body => ({ kind: 'streamEnd', streamId: body.nonEmptyString('streamId') }),
  setgroupstate: body => ({ kind: 'setGroupState', group: groupOf(body), ackId: body.uint64('ackId') }),
  subscribegroupstate: body => ({ kind: 'subscribeGroupState', group: groupOf(body), ackId: body.uint64('ackId') }),
  unsubscribegroupstate: body => ({ kind: 'unsubscribeGroupState', group: groupOf(body), ackId: body.uint64('ackId') }),
} satisfies Record<string, (body: JsonObject) => ClientRequest>);

function readSendToGroup(body: JsonObject): ClientRequest {
  const group = groupOf(body);
  const stream = body.get('stream');
  if (stream !== undefined && stream !== null) {
    return { kind: 'streamStart', streamId: new JsonObject(body.raw('stream')).nonEmptyString('streamId'), group };
  }
  return {
    kind: 'sendToGroup',
    group,
    payload: payloadOf(body),
    noEcho: body.boolean('noEcho'),
    ttlSeconds: ttlOf(body),
    ackId: body.uint64('ackId'),
  };
}

function readEvent(body: JsonObject): ClientRequest {
  refuseStream(body);
  return { kind: 'event', event: eventOf(body), payload: payloadOf(body), ackId: body.uint64('ackId') };
}

function readSequenceAck(body: JsonObject): ClientRequest {
  // The vendor's documentation shows the number in quotes; its clients send a number. [client-protocols D17]
  const text = body.get('sequenceId');
  const sequenceId = typeof text === 'string' ? parseUint64('sequenceId', text) : body.uint64('sequenceId');
  if (sequenceId === undefined) throw malformed('sequenceId is missing');
  return { kind: 'sequenceAck', sequenceId };
}

function readInvoke(body: JsonObject): ClientRequest {
  refuseStream(body);
  const target = body.get('target') ?? 'event';
  if (target !== 'event') throw malformed('target must be "event"');
  return { kind: 'invoke', invocationId: body.nonEmptyString('invocationId'), event: eventOf(body) };
}

/** Only `sendToGroup` opens a stream. [client-protocols D23] */
function refuseStream(body: JsonObject): void {
  if (body.has('stream')) throw malformed('stream is for sendToGroup only');
}

function groupOf(body: JsonObject): string {
  const group = body.string('group');
  if (!isGroupName(group)) throw malformed('group must be 1 to 1024 characters, not all white space');
  return group;
}

function eventOf(body: JsonObject): string {
  const event = body.string('event');
  if (!isEventName(event)) throw malformed('event must be a letter, then up to 127 letters, digits, "_", "." or "-"');
  return event;
}

function ttlOf(body: JsonObject): number {
  const ttl = body.uint64('ttlSeconds') ?? 0n;
  if (ttl > maxTtlSeconds) throw malformed(`ttlSeconds must be 0 to ${maxTtlSeconds}`);
  return Number(ttl);
}

function payloadOf(body: JsonObject): Payload {
  const metadata = body.metadata('metadata');
  const dataType = dataTypeOf(body);
  if (body.has('data')) return { dataType, bytes: dataOf(body, dataType), metadata };
  // A message of metadata alone is an empty text. [client-protocols 4.1]
  if (typeof body.get('metadata') === 'object' && body.get('metadata') !== null) {
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
      if (body.get('data') === null) throw malformed('data must not be null');
      return body.raw('data');
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

function checkAny(bytes: Buffer): Buffer {
  try {
    fromBinary(AnySchema, bytes);
    return bytes;
  } catch (cause) {
    throw malformed('data is not a serialised google.protobuf.Any', cause);
  }
}

// --------------------------------------------------------------------------------------------------------- encode

const pong = '{"type":"pong"}';

function encode(message: ServerMessage): Frame | undefined {
  switch (message.kind) {
    case 'groupMessage':
    case 'serverMessage':
      return encodeData(message);
    case 'ack':
      return text(encodeAck(message.ackId, message.error));
    case 'pong':
      return text(pong);
    case 'connected':
      return text(encodeConnected(message));
    case 'disconnected':
      return text(`{"type":"system","event":"disconnected","message":${JSON.stringify(message.reason)}}`);
    case 'invokeResponse':
      return text(
        `{"type":"invokeResponse","invocationId":${JSON.stringify(message.invocationId)},"success":false,"error":${encodeError(message.error)}}`,
      );
    case 'streamClosed':
      return text(
        `{"type":"streamClosed","streamId":${JSON.stringify(message.streamId)},"error":${encodeError(message.error)}}`,
      );
    default:
      return unreachable(message);
  }
}

function text(json: string): Frame {
  return new Frame(false, Buffer.from(json, 'utf8'));
}

/** ackId goes out as a number with the digits that came in. [client-protocols 4.1] */
function encodeAck(ackId: bigint, error: MessageError | undefined): string {
  if (error === undefined) return `{"type":"ack","ackId":${ackId},"success":true}`;
  return `{"type":"ack","ackId":${ackId},"success":false,"error":${encodeError(error)}}`;
}

function encodeError(error: MessageError): string {
  return `{"name":${JSON.stringify(error.name)},"message":${JSON.stringify(error.message)}}`;
}

function encodeConnected(message: Extract<ServerMessage, { kind: 'connected' }>): string {
  const userId = message.userId === undefined ? 'null' : JSON.stringify(message.userId);
  const token =
    message.reconnectionToken === undefined ? '' : `,"reconnectionToken":${JSON.stringify(message.reconnectionToken)}`;
  return `{"type":"system","event":"connected","userId":${userId},"connectionId":${JSON.stringify(message.connectionId)}${token}}`;
}

/** Key order is that of the vendor, whose test suite compares whole strings. [rest-api 5] */
function encodeData(message: DataMessage): Frame | undefined {
  const { dataType, bytes, metadata } = message.payload;
  const head = `{"type":"message",${originOf(message)},"dataType":"${dataType}","data":`;
  const tail = metadata === undefined ? '}' : `,"metadata":${JSON.stringify(Object.fromEntries(metadata))}}`;
  switch (dataType) {
    case 'json':
      if (isNull(bytes)) return undefined;
      return new Frame(false, Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]));
    case 'text':
      return text(`${head}${JSON.stringify(bytes.toString('utf8'))}${tail}`);
    case 'binary':
    case 'protobuf':
      return text(`${head}"${bytes.toString('base64')}"${tail}`);
    default:
      return unreachable(dataType);
  }
}

/** JSON `null` breaks clients in the field, so they are not sent it. [client-protocols D12] */
function isNull(json: Buffer): boolean {
  return json.length < 64 && json.toString('latin1').trim() === 'null';
}

function originOf(message: DataMessage): string {
  if (message.kind === 'serverMessage') return '"from":"server"';
  const user = message.fromUserId === undefined ? 'null' : JSON.stringify(message.fromUserId);
  return `"from":"group","group":${JSON.stringify(message.group)},"fromUserId":${user}`;
}
