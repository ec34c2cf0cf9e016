import type { Protocol } from '../../protocol.js';
import { decode } from './decode.js';
import { encoder, numbering } from './encode.js';

/** `protobuf.webpubsub.azure.v1`: binary frames, one protobuf message each. [client-protocols 6] */
export const protobuf: Protocol = {
  name: 'protobuf.webpubsub.azure.v1',
  subprotocol: 'protobuf.webpubsub.azure.v1',
  onFailure: 'ack',
  encoder,
  numbering: undefined,
  decode,
};

/** `protobuf.reliable.webpubsub.azure.v1`: the same messages, numbered, kept until acked and replayed. [client-protocols 5, 6] */
export const protobufReliable: Protocol = {
  ...protobuf,
  name: 'protobuf.reliable.webpubsub.azure.v1',
  subprotocol: 'protobuf.reliable.webpubsub.azure.v1',
  numbering,
};
