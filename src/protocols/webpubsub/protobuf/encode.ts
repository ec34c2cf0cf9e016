import { PubSubError, unreachable } from '../../../errors.js';
import { Body } from '../../../frames/body.js';
import { Frame } from '../../../frames/frames.js';
import { ownCopy } from '../../../frames/slabs.js';
import type {
  DataMessage,
  GroupStateItem,
  MessageError,
  Payload,
  ServerMessage,
  StateMessage,
  StreamPosition,
} from '../../messages.js';
import type { Encoder, Numbering } from '../../protocol.js';
import { isAny } from '../protobuf-any.js';
import type { ClientMessage, Reply } from '../replies.js';
import { Fields } from './fields.js';
import { type MessageWriter, varintSize, writeVarint, written } from './message-writer.js';

/** A member of the `message` oneof of a `DownstreamMessage`: its field number, and its bytes in parts. [client-protocols 6.2] */
interface Member {
  readonly number: number;
  readonly parts: readonly Uint8Array[];
}

export const encoder: Encoder = { encode, encodeState: encode };

export function encodeReply(reply: Reply): Frame {
  return encode(reply);
}

/** Adds `sequence_id` as the first field of the message that is numbered: fields may come in any order. [client-protocols 5.1, 6.2] */
export const numbering: Numbering = {
  prepare,
  prepareState: prepare,

  restore(record: Buffer): Body {
    const message = Fields.of(record);
    const number = message.oneOf(numbered);
    if (number === undefined) throw new PubSubError('malformed', 'not a DownstreamMessage that has a sequence id');
    return new ProtobufBody(number, ownCopy(message.bytes(number)));
  },
};

function prepare(message: DataMessage | StateMessage): Body {
  const { number, parts } = memberOf(message);
  return new ProtobufBody(number, ownCopy(...parts));
}

const nothing = Buffer.alloc(0);

/** Field numbers of the messages that are numbered. [client-protocols 6.2] */
const [dataNumber, stateUpdateNumber, stateSnapshotNumber] = [2, 9, 10];
const numbered: ReadonlySet<number> = new Set([dataNumber, stateUpdateNumber, stateSnapshotNumber]);

class ProtobufBody extends Body {
  readonly isBinary = true;
  readonly #number: number;
  /** The field number of `sequence_id`. */
  readonly #idNumber: number;
  readonly #body: Buffer;

  constructor(number: number, body: Buffer) {
    super();
    this.#number = number;
    this.#idNumber = number === dataNumber ? 4 : 3;
    this.#body = body;
  }

  record(): Buffer {
    return Buffer.concat([written(writer => writer.open(this.#number, this.#body.length)), this.#body]);
  }

  get bytes(): number {
    return this.#body.length;
  }

  idBytes(sequenceId: number): number {
    return varintSize(sequenceId);
  }

  size(sequenceId: number): number {
    const length = this.#lengthWith(sequenceId);
    return 1 + varintSize(length) + length;
  }

  write(target: Buffer, at: number, sequenceId: number): number {
    const head = this.#headOf(sequenceId);
    target.set(head, at);
    this.#body.copy(target, at + head.length);
    return at + head.length - varintSize(sequenceId);
  }

  split(sequenceId: number): { before: Buffer; shared: Buffer; after: Buffer } {
    return { before: Buffer.from(this.#headOf(sequenceId)), shared: this.#body, after: nothing };
  }

  writeId(target: Buffer, at: number, sequenceId: number): void {
    writeVarint(target, at, sequenceId);
  }

  /** All that comes before the body; the id is the last of it. */
  #headOf(sequenceId: number): Uint8Array {
    const length = this.#lengthWith(sequenceId);
    return written(writer => writer.open(this.#number, length).presentUint64(this.#idNumber, sequenceId));
  }

  /** Bytes of the message inside the `DownstreamMessage`: its id, with a tag of one byte, and its other fields. */
  #lengthWith(sequenceId: number): number {
    return 1 + varintSize(sequenceId) + this.#body.length;
  }
}

function encode(message: ClientMessage): Frame {
  const { number, parts } = memberOf(message);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return new Frame(true, Buffer.concat([written(writer => writer.open(number, length)), ...parts]));
}

function memberOf(message: ClientMessage): Member {
  switch (message.kind) {
    case 'ack':
      return member(1, writer => writeAck(writer, message.ackId, message.error));
    case 'groupMessage':
    case 'serverMessage':
      return { number: dataNumber, parts: dataParts(message) };
    case 'connected':
      return member(3, writer => writer.message(1, message, writeConnected));
    case 'disconnected':
      return member(3, writer => writer.message(2, message.reason, writeDisconnected));
    case 'pong':
      return member(4, () => {});
    case 'invokeResponse':
      return member(5, writer => writeInvokeResponse(writer, message));
    case 'streamAck':
      return member(6, writer => writer.string(1, message.streamId).uint64(2, message.expectedSequenceId));
    case 'streamNack':
      return member(7, writer => writeStreamNack(writer, message));
    case 'streamClosed':
      return member(8, writer => writer.string(1, message.streamId).message(2, message.error, writeError));
    case 'groupStateUpdate':
      return member(stateUpdateNumber, writer => writeGroupState(writer, message));
    case 'groupStateSnapshot':
      return member(stateSnapshotNumber, writer => writeGroupState(writer, message));
    default:
      return unreachable(message);
  }
}

function member(number: number, write: (writer: MessageWriter) => void): Member {
  return { number, parts: [written(write)] };
}

// ------------------------------------------------------------------------------------------------------------- data

/** The payload is a part of its own: a large one is copied once only, into the frame. */
function dataParts(message: DataMessage): Uint8Array[] {
  const { payload } = message;
  const { length } = payload.bytes;
  const head = written(writer => {
    writeOrigin(writer, message);
    writer.open(3, 1 + varintSize(length) + length).open(dataMemberOf(payload), length);
  });
  const stream = message.kind === 'groupMessage' ? message.stream : undefined;
  if (payload.metadata === undefined && stream === undefined) return [head, payload.bytes];
  return [head, payload.bytes, written(writer => writer.map(5, payload.metadata).message(6, stream, writeStream))];
}

/** What the app server calls an Any need not be one; as such it would make the whole message unreadable. */
function dataMemberOf({ dataType, bytes }: Payload): number {
  switch (dataType) {
    case 'text':
      return 1;
    case 'binary':
      return 2;
    case 'protobuf':
      return isAny(bytes) ? 3 : 2;
    case 'json':
      return 4;
    default:
      return unreachable(dataType);
  }
}

/** Who the publisher is has no place in this protocol. [client-protocols 6.3] */
function writeOrigin(writer: MessageWriter, message: DataMessage): void {
  if (message.kind === 'serverMessage') writer.string(1, 'server');
  else writer.string(1, 'group').optionalString(2, message.group);
}

function writeStream(writer: MessageWriter, { streamId, sequenceId, isEnd, error }: StreamPosition): void {
  writer.string(1, streamId).uint64(2, sequenceId).boolean(3, isEnd);
  writer.message(4, error, (inner, { name, message, userErrorCode }) =>
    inner.string(1, name).optionalString(2, message).optionalString(3, userErrorCode),
  );
}

// ------------------------------------------------------------------------------------------------------ the others

function writeAck(writer: MessageWriter, ackId: bigint, error: MessageError | undefined): void {
  writer
    .uint64(1, ackId)
    .boolean(2, error === undefined)
    .message(3, error, writeError);
}

function writeError(writer: MessageWriter, { name, message }: MessageError): void {
  writer.string(1, name).string(2, message);
}

/** An anonymous user's id is empty. [client-protocols 6.3] */
function writeConnected(writer: MessageWriter, message: ServerMessage & { kind: 'connected' }): void {
  const { connectionId, userId = '', reconnectionToken } = message;
  writer.string(1, connectionId).string(2, userId).optionalString(3, reconnectionToken);
}

/** Number 1 is not in use. [client-protocols 6.3] */
function writeDisconnected(writer: MessageWriter, reason: string): void {
  writer.string(2, reason);
}

function writeInvokeResponse(writer: MessageWriter, message: Reply & { kind: 'invokeResponse' }): void {
  const { invocationId, payload, error } = message;
  writer
    .string(1, invocationId)
    .boolean(2, error === undefined)
    .message(3, payload, (data, content) => data.bytes(dataMemberOf(content), content.bytes))
    .message(4, error, writeError)
    .map(5, payload?.metadata);
}

function writeStreamNack(writer: MessageWriter, message: Reply & { kind: 'streamNack' }): void {
  const { streamId, expectedSequenceId, error } = message;
  writer.string(1, streamId).string(2, error.name).string(3, error.message).uint64(4, expectedSequenceId);
}

function writeGroupState(writer: MessageWriter, { group, items }: StateMessage): void {
  writer.string(1, group);
  for (const item of items) writer.message(2, item, writeStateItem);
}

function writeStateItem(writer: MessageWriter, { connectionId, userId, state, updatedAtMs }: GroupStateItem): void {
  writer.string(1, connectionId).optionalString(2, userId);
  writer.message(3, state, (inner, entries) => inner.map(1, entries));
  writer.uint64(4, updatedAtMs);
}
