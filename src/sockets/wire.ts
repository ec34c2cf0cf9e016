import type { Frame } from '../protocols/codec.js';

/** First byte of an unfragmented message: FIN and the opcode. [RFC 6455 5.2] */
const textMessage = 0x81;
const binaryMessage = 0x82;

/** The frame as it goes over TCP: built once, then shared by all its receivers. A server does not mask. */
export function wireOf(frame: Frame): Buffer {
  frame.wire ??= withHeader(frame);
  return frame.wire;
}

function withHeader(frame: Frame): Buffer {
  const { length } = frame.bytes;
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const wire = Buffer.allocUnsafe(headerBytes + length);
  wire[0] = frame.isBinary ? binaryMessage : textMessage;
  if (headerBytes === 2) {
    wire[1] = length;
  } else if (headerBytes === 4) {
    wire[1] = 126;
    wire.writeUInt16BE(length, 2);
  } else {
    wire[1] = 127;
    wire.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.bytes.copy(wire, headerBytes);
  return wire;
}
