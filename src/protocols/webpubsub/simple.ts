import { PubSubError } from '../../errors.js';
import { Frame } from '../../frames/frames.js';
import type { Act, ActResult } from '../acts.js';
import type { Payload, ServerMessage } from '../messages.js';
import type { Dialogue, Encoder, InboundFrame, Protocol } from '../protocol.js';
import { closeCodes } from './family.js';

/** The event that a simple client's messages raise. [upstream-events 1.1] */
const messageEvent = 'message';

/** Payloads only: no envelope, no system messages, no acks. */
const encoder: Encoder = { encode };

/** Remembers nothing, so that one serves all clients. A failure cannot be expressed: it ends the connection. [client-protocols 3] */
class SimpleDialogue implements Dialogue {
  readonly #actOf: (payload: Payload) => Act;

  constructor(actOf: (payload: Payload) => Act) {
    this.#actOf = actOf;
  }

  receive({ isBinary, bytes }: InboundFrame): Act {
    return this.#actOf({ dataType: isBinary ? 'binary' : 'text', bytes, metadata: undefined });
  }

  repeated(): undefined {}

  answer(_act: Act, result: ActResult): PubSubError | undefined {
    return result instanceof PubSubError ? result : undefined;
  }

  notice(): undefined {}

  record(): undefined {}
}

/** Each message is an event for the upstream (`webpubsub_mode=sendEvent`, the default). [client-protocols 3] */
export const simpleEvents: Protocol = protocolOf(payload => ({ kind: 'raise', event: messageEvent, payload }));

/** Each message goes to one group (`webpubsub_mode=sendToGroup`). [client-protocols 3] */
export function simplePublisher(group: string, noEcho: boolean): Protocol {
  return protocolOf(payload => ({ kind: 'publish', group, payload, noEcho, ttlSeconds: 0 }));
}

function protocolOf(actOf: (payload: Payload) => Act): Protocol {
  const dialogue = new SimpleDialogue(actOf);
  return {
    name: 'simple',
    subprotocol: undefined,
    encoder,
    reliability: undefined,
    closeCodes,
    silence: 'webSocketPing',
    begin: () => dialogue,
  };
}

function encode(message: ServerMessage): Frame | undefined {
  if (message.kind !== 'groupMessage' && message.kind !== 'serverMessage') return undefined;
  // The end of a stream has no content, and a bare payload cannot say more. [client-protocols 4.8]
  if (message.kind === 'groupMessage' && message.stream?.isEnd) return undefined;
  const { dataType, bytes } = message.payload;
  return new Frame(dataType === 'binary' || dataType === 'protobuf', bytes);
}
