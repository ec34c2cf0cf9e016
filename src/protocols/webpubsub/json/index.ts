import type { Protocol } from '../../protocol.js';
import { pongOf, WebPubSubDialogue, type WireForm } from '../dialogue.js';
import { closeCodes, reliabilityOf } from '../family.js';
import { decode } from './decode.js';
import { encodeReply, encoder, numbering } from './encode.js';

const form: WireForm = { decode, encodeReply, pong: pongOf(encodeReply) };

/** `json.webpubsub.azure.v1`: text frames, one JSON object each. [client-protocols 4] */
export const json: Protocol = {
  name: 'json.webpubsub.azure.v1',
  subprotocol: 'json.webpubsub.azure.v1',
  encoder,
  reliability: undefined,
  closeCodes,
  silence: 'webSocketPing',
  begin: record => new WebPubSubDialogue(form, record),
};

/** `json.reliable.webpubsub.azure.v1`: the same messages, numbered, kept until acked and replayed. [client-protocols 5] */
export const jsonReliable: Protocol = {
  ...json,
  name: 'json.reliable.webpubsub.azure.v1',
  subprotocol: 'json.reliable.webpubsub.azure.v1',
  reliability: reliabilityOf(numbering),
};
