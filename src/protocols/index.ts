import type { Protocol } from './protocol.js';
import { json, jsonReliable } from './webpubsub/json/index.js';
import { protobuf, protobufReliable } from './webpubsub/protobuf/index.js';

/** The supported subprotocols. A new one is one line here. */
export const protocols: readonly Protocol[] = [json, jsonReliable, protobuf, protobufReliable];

/** The protocol for an offered subprotocol; letter case does not count. [client-protocols 1.2] */
export function findProtocol(subprotocol: string): Protocol | undefined {
  const name = subprotocol.toLowerCase();
  return protocols.find(protocol => protocol.subprotocol === name);
}
