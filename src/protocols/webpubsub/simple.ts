import { Frame } from '../../frames/frames.js';
import type { ClientRequest, Payload, ServerMessage } from '../messages.js';
import type { Encoder, InboundFrame, Protocol } from '../protocol.js';

/** The event that a simple client's messages raise. [upstream-events 1.1] */
const messageEvent = 'message';

/** Payloads only: no envelope, no system messages, no acks. */
const encoder: Encoder = { encode };

/** Each message is an event for the upstream (`webpubsub_mode=sendEvent`, the default). [client-protocols 3] */
export const simpleEvents: Protocol = {
  name: 'simple',
  subprotocol: undefined,
  onFailure: 'close',
  encoder,
  numbering: undefined,
  decode: frame => ({ kind: 'event', event: messageEvent, payload: payloadOf(frame), ackId: undefined }),
};

/** Each message goes to one group (`webpubsub_mode=sendToGroup`). [client-protocols 3] */
export function simplePublisher(group: string, noEcho: boolean): Protocol {
  const decode = (frame: InboundFrame): ClientRequest => ({
    kind: 'sendToGroup',
    group,
    payload: payloadOf(frame),
    noEcho,
    ttlSeconds: 0,
    ackId: undefined,
  });
  return { name: 'simple', subprotocol: undefined, onFailure: 'close', encoder, numbering: undefined, decode };
}

function payloadOf(frame: InboundFrame): Payload {
  return { dataType: frame.isBinary ? 'binary' : 'text', bytes: frame.bytes, metadata: undefined };
}

function encode(message: ServerMessage): Frame | undefined {
  if (message.kind !== 'groupMessage' && message.kind !== 'serverMessage') return undefined;
  // The end of a stream has no content, and a bare payload cannot say more. [client-protocols 4.8]
  if (message.kind === 'groupMessage' && message.stream?.isEnd) return undefined;
  const { dataType, bytes } = message.payload;
  return new Frame(dataType === 'binary' || dataType === 'protobuf', bytes);
}
