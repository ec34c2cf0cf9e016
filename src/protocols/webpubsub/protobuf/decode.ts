import { PubSubError } from '../../../errors.js';
import type { Metadata, Payload, UserError } from '../../messages.js';
import type { InboundFrame } from '../../protocol.js';
import type { ClientRequest } from '../requests.js';
import { checkAny, checkEvent, checkGroup, checkTtlSeconds, malformed, refuseStream } from '../rules.js';
import { Fields } from './fields.js';

/** One binary frame holds one `UpstreamMessage`. @throws PubSubError `malformed`, `wrongFrameType` [client-protocols 6] */
export function decode(frame: InboundFrame): ClientRequest {
  if (!frame.isBinary) throw new PubSubError('wrongFrameType', 'this subprotocol accepts binary frames only');
  const message = Fields.of(frame.bytes);
  const number = message.oneOf(requestNumbers) ?? 0;
  const body = message.message(number);
  const read = readers.get(number);
  if (body === undefined || read === undefined) throw noRequest(message.lastNumber);
  return read(body);
}

/** @param number of a field that is there all the same */
function noRequest(number: number | undefined): PubSubError {
  const found = number === undefined ? '' : `: field ${number} is none`;
  return malformed(`the message contains no request${found}`);
}

/** By field number of the `message` oneof. [client-protocols 6.1] */
const readers = new Map<number, (body: Fields) => ClientRequest>([
  [1, readSendToGroup],
  [5, readEvent],
  [6, body => ({ kind: 'join', group: groupOf(body), ackId: body.uint64(2) })],
  [7, body => ({ kind: 'leave', group: groupOf(body), ackId: body.uint64(2) })],
  [8, body => ({ kind: 'acked', sequenceId: body.uint64(1) ?? 0n })],
  [9, () => ({ kind: 'ping' })],
  [10, readInvoke],
  [11, body => ({ kind: 'cancelInvocation', invocationId: body.nonEmptyString(1, 'invocation_id') })],
  [13, readStreamData],
  [14, readStreamEnd],
  [15, readSetGroupState],
  [16, body => ({ kind: 'subscribeGroupState', group: groupOf(body), ackId: body.uint64(2) })],
  [17, body => ({ kind: 'unsubscribeGroupState', group: groupOf(body), ackId: body.uint64(2) })],
]);

const requestNumbers: ReadonlySet<number> = new Set(readers.keys());

function readSendToGroup(body: Fields): ClientRequest {
  const group = groupOf(body);
  const noEcho = body.boolean(4);
  const stream = body.message(7);
  if (stream !== undefined) return readStreamStart(stream, group, noEcho);
  return {
    kind: 'publish',
    group,
    payload: payloadOf(body, 3, body.metadata(6)),
    noEcho,
    ttlSeconds: checkTtlSeconds(body.uint64(5) ?? 0n),
    ackId: body.uint64(2),
  };
}

/** A start carries no data; it has an ack of its own, which makes `ack_id` meaningless. [client-protocols 4.8] */
function readStreamStart(stream: Fields, group: string, noEcho: boolean): ClientRequest {
  const streamId = stream.nonEmptyString(1, 'stream_id');
  const idleTimeoutMs = stream.uint64(2);
  return {
    kind: 'streamStart',
    streamId,
    group,
    noEcho,
    idleTimeoutMs: idleTimeoutMs === undefined ? undefined : Number(idleTimeoutMs),
  };
}

function readEvent(body: Fields): ClientRequest {
  refuseStream(body.has(5));
  const event = checkEvent(body.string(1));
  return { kind: 'raise', event, payload: payloadOf(body, 2, body.metadata(4)), ackId: body.uint64(3) };
}

function readInvoke(body: Fields): ClientRequest {
  refuseStream(body.has(5));
  const event = checkEvent(body.string(1));
  return {
    kind: 'invoke',
    invocationId: body.nonEmptyString(2, 'invocation_id'),
    event,
    payload: optionalPayloadOf(body, body.metadata(4)),
  };
}

/** With a sequence id it carries content, without it is a keep-alive: all or none. [client-protocols 4.8] */
function readStreamData(body: Fields): ClientRequest {
  const streamId = body.nonEmptyString(1, 'stream_id');
  const sequenceId = body.uint64(2);
  if (sequenceId !== undefined) {
    return { kind: 'streamData', streamId, fragment: { sequenceId, payload: payloadOf(body, 3, undefined) } };
  }
  if (body.has(3)) throw malformed('stream_sequence_id is missing');
  return { kind: 'streamData', streamId, fragment: undefined };
}

function readStreamEnd(body: Fields): ClientRequest {
  return { kind: 'streamEnd', streamId: body.nonEmptyString(1, 'stream_id'), error: userErrorOf(body.message(2)) };
}

function userErrorOf(error: Fields | undefined): UserError | undefined {
  return error && { message: error.optionalString(1), userErrorCode: error.optionalString(2) };
}

function readSetGroupState(body: Fields): ClientRequest {
  return {
    kind: 'setGroupState',
    group: groupOf(body),
    state: body.message(3)?.strings(1, 'state'),
    ackId: body.uint64(2),
  };
}

function groupOf(body: Fields): string {
  return checkGroup(body.string(1));
}

/** An invocation needs no data; one of metadata alone is an empty text, as in JSON. [client-protocols 4.1, 4.2] */
function optionalPayloadOf(body: Fields, metadata: Metadata | undefined): Payload | undefined {
  if (body.has(3)) return payloadOf(body, 3, metadata);
  return metadata && { dataType: 'text', bytes: Buffer.alloc(0), metadata };
}

const dataNumbers: ReadonlySet<number> = new Set([1, 2, 3, 4]);

/** `MessageData`, of which one member must be set. [client-protocols 6] */
function payloadOf(body: Fields, number: number, metadata: Metadata | undefined): Payload {
  const data = body.message(number);
  switch (data?.oneOf(dataNumbers)) {
    case 1:
      return { dataType: 'text', bytes: data.text(1), metadata };
    case 2:
      return { dataType: 'binary', bytes: data.bytes(2), metadata };
    case 3:
      return { dataType: 'protobuf', bytes: checkAny(data.messageBytes(3) ?? Buffer.alloc(0)), metadata };
    case 4:
      return { dataType: 'json', bytes: jsonOf(data, 4), metadata };
    default:
      throw malformed('data is missing');
  }
}

/** The JSON text as it came. */
function jsonOf(data: Fields, number: number): Buffer {
  const text = data.string(number);
  try {
    JSON.parse(text);
  } catch {
    throw malformed('data is not JSON'); // the parser's words would quote it
  }
  return data.bytes(number);
}
