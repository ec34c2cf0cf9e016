import type { Codec } from './codec.js';
import { json, jsonReliable } from './webpubsub/json/index.js';
import { protobuf, protobufReliable } from './webpubsub/protobuf/index.js';

/** The supported subprotocols. A new one is one line here. */
export const codecs: readonly Codec[] = [json, jsonReliable, protobuf, protobufReliable];

/** The codec for an offered subprotocol; letter case does not count. [client-protocols 1.2] */
export function findCodec(subprotocol: string): Codec | undefined {
  const name = subprotocol.toLowerCase();
  return codecs.find(codec => codec.subprotocol === name);
}
