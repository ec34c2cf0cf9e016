import type { Body } from '../../src/frames/body.js';
import type { Frame } from '../../src/frames/frames.js';
import type { NumberedMessage } from '../../src/protocols/messages.js';
import { type Encoder, encodeWith, type Protocol, prepareWith } from '../../src/protocols/protocol.js';
import * as jsonEncoding from '../../src/protocols/webpubsub/json/encode.js';
import * as protobufEncoding from '../../src/protocols/webpubsub/protobuf/encode.js';
import type { ClientMessage, Reply } from '../../src/protocols/webpubsub/replies.js';

type Encoding = { readonly encoder: Encoder; readonly encodeReply: (reply: Reply) => Frame };

/** Any message to a client, as JSON. */
export function jsonFrame(message: ClientMessage): Frame | undefined {
  return frameOf(jsonEncoding, message);
}

/** Any message to a client, in protobuf. */
export function protobufFrame(message: ClientMessage): Frame | undefined {
  return frameOf(protobufEncoding, message);
}

function frameOf({ encoder, encodeReply }: Encoding, message: ClientMessage): Frame | undefined {
  switch (message.kind) {
    case 'groupMessage':
    case 'serverMessage':
    case 'groupStateSnapshot':
    case 'groupStateUpdate':
      return encodeWith(encoder, message);
    case 'connected':
    case 'disconnected':
      return encoder.encode(message);
    default:
      return encodeReply(message);
  }
}

/** The message as a reliable protocol numbers it. */
export function bodyOf({ reliability }: Protocol, message: NumberedMessage): Body | undefined {
  return reliability && prepareWith(reliability.numbering, message);
}
