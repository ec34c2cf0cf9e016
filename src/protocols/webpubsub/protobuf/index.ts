import type { Protocol } from '../../protocol.js';
import { pongOf, WebPubSubDialogue, type WireForm } from '../dialogue.js';
import { closeCodes, reliabilityOf } from '../family.js';
import { decode } from './decode.js';
import { encodeReply, encoder, numbering } from './encode.js';

const form: WireForm = { decode, encodeReply, pong: pongOf(encodeReply) };

/** `protobuf.webpubsub.azure.v1`: binary frames, one protobuf message each. [client-protocols 6] */
export const protobuf: Protocol = {
  name: 'protobuf.webpubsub.azure.v1',
  subprotocol: 'protobuf.webpubsub.azure.v1',
  encoder,
  reliability: undefined,
  closeCodes,
  silence: 'webSocketPing',
  begin: record => new WebPubSubDialogue(form, record),
};

/** `protobuf.reliable.webpubsub.azure.v1`: the same messages, numbered, kept until acked and replayed. [client-protocols 5, 6] */
export const protobufReliable: Protocol = {
  ...protobuf,
  name: 'protobuf.reliable.webpubsub.azure.v1',
  subprotocol: 'protobuf.reliable.webpubsub.azure.v1',
  reliability: reliabilityOf(numbering),
};
