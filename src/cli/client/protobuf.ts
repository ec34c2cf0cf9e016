import { Fields } from '../../protocols/webpubsub/protobuf/fields.js';
import { type MessageWriter, written } from '../../protocols/webpubsub/protobuf/message-writer.js';
import type { Command, Dialect, Received, Sending } from './dialect.js';

/** The protobuf subprotocol. What is received is shown as the JSON subprotocol would have it. [client-protocols 6] */
export class ProtobufDialect implements Dialect {
  readonly subprotocol = 'protobuf.webpubsub.azure.v1';
  readonly isReadyAtOnce = false;
  readonly isPlain = false;

  encode(command: Command, ackId: number): Sending {
    return { frame: written(writer => writeRequest(writer, command, ackId)), awaits: String(ackId) };
  }

  decode(data: Buffer): Received {
    const frame = frameOf(Fields.of(data));
    return {
      line: JSON.stringify(frame),
      isReady: frame.event === 'connected',
      ...(frame.type === 'ack' && { answered: String(frame.ackId) }),
    };
  }
}

/** By the field numbers of `UpstreamMessage`. [client-protocols 6.1] */
function writeRequest(writer: MessageWriter, command: Command, ackId: number): void {
  switch (command.verb) {
    case 'joingroup':
      writer.message(6, command, (join, { group }) => join.string(1, group).presentUint64(2, ackId));
      break;
    case 'leavegroup':
      writer.message(7, command, (leave, { group }) => leave.string(1, group).presentUint64(2, ackId));
      break;
    case 'sendtogroup':
      writer.message(1, command, (send, { group, text }) =>
        send.string(1, group).presentUint64(2, ackId).message(3, text, writeText),
      );
      break;
    case 'event':
      writer.message(5, command, (raise, { event, text }) =>
        raise.string(1, event).message(2, text, writeText).presentUint64(3, ackId),
      );
  }
}

function writeText(data: MessageWriter, text: string): void {
  data.optionalString(1, text);
}

type Shown = Readonly<Record<string, unknown>>;

/** By the field numbers of `DownstreamMessage`; others are shown as their bytes. [client-protocols 6.2] */
const shown = new Map<number, (body: Fields) => Shown>([
  [1, ackOf],
  [2, messageOf],
  [3, systemOf],
  [4, () => ({ type: 'pong' })],
]);
const numbers: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

function frameOf(message: Fields): Shown {
  const number = message.oneOf(numbers) ?? 0;
  const body = message.message(number);
  const show = shown.get(number);
  if (body !== undefined && show !== undefined) return show(body);
  return { type: `field ${number}`, bytes: message.bytes(number).toString('base64') };
}

function ackOf(body: Fields): Shown {
  const error = body.message(3);
  return {
    type: 'ack',
    ackId: Number(body.uint64(1) ?? 0n),
    success: body.boolean(2),
    ...(error && { error: { name: error.string(1), message: error.string(2) } }),
  };
}

function messageOf(body: Fields): Shown {
  const group = body.optionalString(2);
  return { type: 'message', from: body.string(1), ...(group !== undefined && { group }), ...dataOf(body.message(3)) };
}

function dataOf(data: Fields | undefined): Shown {
  switch (data?.oneOf(new Set([1, 2, 3, 4]))) {
    case 1:
      return { dataType: 'text', data: data.string(1) };
    case 2:
      return { dataType: 'binary', data: data.bytes(2).toString('base64') };
    case 3:
      return { dataType: 'protobuf', data: (data.messageBytes(3) ?? Buffer.alloc(0)).toString('base64') };
    case 4:
      return { dataType: 'json', data: JSON.parse(data.string(4)) };
    default:
      return {};
  }
}

function systemOf(body: Fields): Shown {
  const connected = body.message(1);
  if (connected === undefined) {
    return { type: 'system', event: 'disconnected', message: body.message(2)?.string(2) ?? '' };
  }
  const userId = connected.string(2);
  return {
    type: 'system',
    event: 'connected',
    ...(userId !== '' && { userId }),
    connectionId: connected.string(1),
  };
}
