import type { Protocol } from '../../protocol.js';
import { decode } from './decode.js';
import { encoder, numbering } from './encode.js';

/** `json.webpubsub.azure.v1`: text frames, one JSON object each. [client-protocols 4] */
export const json: Protocol = {
  name: 'json.webpubsub.azure.v1',
  subprotocol: 'json.webpubsub.azure.v1',
  onFailure: 'ack',
  encoder,
  numbering: undefined,
  decode,
};

/** `json.reliable.webpubsub.azure.v1`: the same messages, numbered, kept until acked and replayed. [client-protocols 5] */
export const jsonReliable: Protocol = {
  ...json,
  name: 'json.reliable.webpubsub.azure.v1',
  subprotocol: 'json.reliable.webpubsub.azure.v1',
  numbering,
};
