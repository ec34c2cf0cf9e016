import { read, request } from '../../support/protobuf-wire.js';
import { type Lengths, maskedBinary, maskedText } from './frames.js';

/** Digits that sequence ids may gain while a bench runs. */
const moreDigits = 9;

/** How a client of one subprotocol says and reads what the bench needs. */
export interface BenchProtocol {
  readonly subprotocol: string;
  /** A frame that publishes text without an echo. */
  publish(group: string, text: string): Buffer;
  /** The text of a message from a group. */
  textOf(message: Buffer): string;
  /** Lengths of the messages that follow this one. */
  lengthsOf(message: Buffer): Lengths;
  /** A frame that acknowledges all messages up to this one; undefined for plain protocols. */
  readonly acknowledge?: (sequenceId: number) => Buffer;
}

/** Pieces in the order in which the minimal loops expect them: the data last. */
const jsonParts = {
  publish: (group: string, text: string) =>
    maskedText(JSON.stringify({ type: 'sendToGroup', group, noEcho: true, dataType: 'text', data: text })),
  textOf: (message: Buffer) => String((JSON.parse(message.toString('utf8')) as { data?: unknown }).data),
};

const protobufParts = {
  publish: (group: string, text: string) =>
    maskedBinary(request({ send_to_group_message: { group, no_echo: true, data: { text_data: text } } })),
  textOf: (message: Buffer) => {
    const { data_message } = read('DownstreamMessage', message) as { data_message: { data: { text_data: string } } };
    return data_message.data.text_data;
  },
};

export const sameLength = ({ length }: Buffer): Lengths => ({ least: length, most: length });
const growing = ({ length }: Buffer): Lengths => ({ least: length, most: length + moreDigits });

export const json = {
  subprotocol: 'json.webpubsub.azure.v1',
  ...jsonParts,
  lengthsOf: sameLength,
} satisfies BenchProtocol;

export const reliableJson: BenchProtocol = {
  subprotocol: 'json.reliable.webpubsub.azure.v1',
  ...jsonParts,
  lengthsOf: growing,
  acknowledge: sequenceId => maskedText(`{"type":"sequenceAck","sequenceId":${sequenceId}}`),
};

export const protobuf: BenchProtocol = {
  subprotocol: 'protobuf.webpubsub.azure.v1',
  ...protobufParts,
  lengthsOf: sameLength,
};

export const reliableProtobuf: BenchProtocol = {
  subprotocol: 'protobuf.reliable.webpubsub.azure.v1',
  ...protobufParts,
  lengthsOf: growing,
  acknowledge: sequenceId => maskedBinary(request({ sequence_ack_message: { sequence_id: BigInt(sequenceId) } })),
};
