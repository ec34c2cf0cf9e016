import { PubSubError, unreachable } from '../../../errors.js';
import { Body } from '../../../frames/body.js';
import { Frame } from '../../../frames/frames.js';
import { ownCopy } from '../../../frames/slabs.js';
import type {
  DataMessage,
  DataType,
  GroupStateItem,
  MessageError,
  Payload,
  ServerMessage,
  StateMessage,
} from '../../messages.js';
import type { Encoder, Numbering } from '../../protocol.js';
import type { Reply } from '../replies.js';

export const encoder: Encoder = { encode, encodeState: encode };

/** Adds `sequenceId` as the last member. [client-protocols 5.1, rest-api 5] */
export const numbering: Numbering = {
  prepare,
  prepareState: prepare,

  restore(record: Buffer): Body {
    if (record.length <= 2 || record.at(-1) !== closingBrace) throw new PubSubError('malformed', 'not a JSON message');
    return new JsonBody(record.subarray(0, -1));
  },
};

function prepare(message: DataMessage | StateMessage): Body | undefined {
  const frame = encode(message);
  return frame && new JsonBody(frame.bytes.subarray(0, -1));
}

const idMember = Buffer.from(',"sequenceId":');
const nothing = Buffer.alloc(0);
const [zero, closingBrace] = Buffer.from('0}') as Iterable<number> as [number, number];

class JsonBody extends Body {
  readonly isBinary = false;
  /** All that comes before the id. */
  readonly #head: Buffer;

  /** @param open the message's object without its closing brace */
  constructor(open: Buffer) {
    super();
    this.#head = ownCopy(open, idMember);
  }

  record(): Buffer {
    return Buffer.concat([this.#head.subarray(0, -idMember.length), Buffer.from('}')]);
  }

  get bytes(): number {
    return this.#head.length - idMember.length + 1;
  }

  idBytes(sequenceId: number): number {
    let digits = 1;
    for (let rest = sequenceId; rest >= 10; rest /= 10) digits += 1;
    return digits;
  }

  size(sequenceId: number): number {
    return this.#head.length + this.idBytes(sequenceId) + 1;
  }

  write(target: Buffer, at: number, sequenceId: number): number {
    const idAt = at + this.#head.copy(target, at);
    const idBytes = this.idBytes(sequenceId);
    this.writeId(target, idAt, sequenceId, idBytes);
    target[idAt + idBytes] = closingBrace;
    return idAt;
  }

  split(sequenceId: number): { before: Buffer; shared: Buffer; after: Buffer } {
    return { before: nothing, shared: this.#head, after: Buffer.from(`${sequenceId}}`) };
  }

  writeId(target: Buffer, at: number, sequenceId: number, idBytes: number): void {
    let rest = sequenceId;
    for (let place = at + idBytes - 1; place >= at; place -= 1) {
      const tens = Math.floor(rest / 10);
      target[place] = zero + rest - tens * 10;
      rest = tens;
    }
  }
}

function encode(message: ServerMessage | StateMessage): Frame | undefined {
  switch (message.kind) {
    case 'groupMessage':
    case 'serverMessage':
      return encodeData(message);
    case 'connected':
      return text(encodeConnected(message));
    case 'disconnected':
      return text(`{"type":"system","event":"disconnected","message":${JSON.stringify(message.reason)}}`);
    case 'groupStateSnapshot':
    case 'groupStateUpdate':
      return text(
        `{"type":"${message.kind}","group":${JSON.stringify(message.group)},"items":[${message.items.map(encodeStateItem).join(',')}]}`,
      );
    default:
      return unreachable(message);
  }
}

export function encodeReply(reply: Reply): Frame {
  switch (reply.kind) {
    case 'ack':
      return text(encodeAck(reply.ackId, reply.error));
    case 'pong':
      return text('{"type":"pong"}');
    case 'invokeResponse':
      return encodeInvokeResponse(reply);
    case 'streamAck':
      return text(`{"type":"streamAck",${streamOf(reply)},"expectedSequenceId":${reply.expectedSequenceId}}`);
    case 'streamNack':
      return text(
        `{"type":"streamNack",${streamOf(reply)},"expectedSequenceId":${reply.expectedSequenceId},${errorMembers(reply.error)}}`,
      );
    case 'streamClosed':
      return text(`{"type":"streamClosed",${streamOf(reply)}${optionalError(reply.error)}}`);
    default:
      return unreachable(reply);
  }
}

function text(json: string): Frame {
  return new Frame(false, Buffer.from(json, 'utf8'));
}

/** ackId goes out as a number with the digits that came in. [client-protocols 4.1] */
function encodeAck(ackId: bigint, error: MessageError | undefined): string {
  return `{"type":"ack","ackId":${ackId},"success":${error === undefined}${optionalError(error)}}`;
}

function optionalError(error: MessageError | undefined): string {
  return error === undefined ? '' : `,"error":{${errorMembers(error)}}`;
}

function errorMembers(error: MessageError): string {
  return `"name":${JSON.stringify(error.name)},"message":${JSON.stringify(error.message)}`;
}

/** `success` is always there: a client in the field throws without it. [client-protocols 4.3] */
function encodeInvokeResponse({ invocationId, payload, error }: Reply & { kind: 'invokeResponse' }): Frame {
  const data = payload === undefined || isEmptyJson(payload) ? '' : `,${dataMembers(payload)}`;
  return text(
    `{"type":"invokeResponse","invocationId":${JSON.stringify(invocationId)},"success":${error === undefined}${data}${optionalError(error)}}`,
  );
}

function dataMembers(payload: Payload): string {
  const { dataType, bytes } = payload;
  const data = dataType === 'json' ? bytes.toString('utf8') : quoted(dataType, bytes);
  return `"dataType":"${dataType}","data":${data}${metadataMember(payload)}`;
}

/** Text as a JSON string, bytes as base64. */
function quoted(dataType: Exclude<DataType, 'json'>, bytes: Buffer): string {
  return dataType === 'text' ? JSON.stringify(bytes.toString('utf8')) : `"${bytes.toString('base64')}"`;
}

function metadataMember({ metadata }: Payload): string {
  return metadata === undefined ? '' : `,"metadata":${JSON.stringify(Object.fromEntries(metadata))}`;
}

function streamOf({ streamId }: { readonly streamId: string }): string {
  return `"streamId":${JSON.stringify(streamId)}`;
}

function encodeConnected(message: Extract<ServerMessage, { kind: 'connected' }>): string {
  const userId = message.userId === undefined ? 'null' : JSON.stringify(message.userId);
  const token =
    message.reconnectionToken === undefined ? '' : `,"reconnectionToken":${JSON.stringify(message.reconnectionToken)}`;
  return `{"type":"system","event":"connected","userId":${userId},"connectionId":${JSON.stringify(message.connectionId)}${token}}`;
}

/** Key order is that of the vendor, whose test suite compares whole strings. [rest-api 5] */
function encodeData(message: DataMessage): Frame | undefined {
  const { payload } = message;
  const { dataType, bytes } = payload;
  const head = `{"type":"message",${originOf(message)},"dataType":"${dataType}","data":`;
  const tail = `${metadataMember(payload)}${streamMember(message)}}`;
  if (dataType !== 'json') return text(`${head}${quoted(dataType, bytes)}${tail}`);
  if (isEmptyJson(payload)) return undefined;
  return new Frame(false, Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]));
}

/** JSON `null` breaks clients in the field, so they are not sent it, whoever sends it. [client-protocols D12] */
function isEmptyJson({ dataType, bytes }: Payload): boolean {
  return dataType === 'json' && bytes.length < 64 && bytes.toString('latin1').trim() === 'null';
}

function originOf(message: DataMessage): string {
  if (message.kind === 'serverMessage') return '"from":"server"';
  const user = message.fromUserId === undefined ? 'null' : JSON.stringify(message.fromUserId);
  return `"from":"group","group":${JSON.stringify(message.group)},"fromUserId":${user}`;
}

function streamMember(message: DataMessage): string {
  const stream = message.kind === 'groupMessage' ? message.stream : undefined;
  if (stream === undefined) return '';
  const end = stream.isEnd ? ',"endOfStream":true' : '';
  const error = stream.error === undefined ? '' : `,"error":${JSON.stringify(stream.error)}`;
  return `,"stream":{${streamOf(stream)},"streamSequenceId":${stream.sequenceId}${end}${error}}`;
}

function encodeStateItem({ connectionId, userId, state, updatedAtMs }: GroupStateItem): string {
  return JSON.stringify({ connectionId, userId, state: state && Object.fromEntries(state), updatedAt: updatedAtMs });
}
