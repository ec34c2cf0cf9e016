/** Opcodes of data frames. [RFC 6455 5.2] */
const continuation = 0x0;
const text = 0x1;
const binary = 0x2;

/** Set in the first byte of a message's last frame. */
const fin = 0x80;

/**
 * Payload bytes of one frame. Larger messages go in several: the vendor's Java client ends a connection on a frame above
 * 64 KiB, while any client joins fragments. It is also the largest length in a header of four bytes. [RFC 6455 5.4]
 */
export const maxFrameBytes = 0xffff;

/** A message as it goes over TCP. A server does not mask. */
export function wireOf(isBinary: boolean, bytes: Buffer): Buffer {
  if (bytes.length > maxFrameBytes) return Buffer.concat(fragmentsOf(isBinary, [bytes]));
  const wire = Buffer.allocUnsafe(headerBytes(bytes.length) + bytes.length);
  bytes.copy(wire, writeHeader(wire, 0, isBinary, bytes.length));
  return wire;
}

/** One message as frames around these parts of its payload, none of which is copied. Parts of text end between characters. */
export function fragmentsOf(isBinary: boolean, parts: readonly Buffer[]): Buffer[] {
  const payloads = parts.flatMap(part => chunksOf(isBinary, part));
  return payloads.flatMap((payload, index) => {
    const header = Buffer.allocUnsafe(headerBytes(payload.length));
    const opcode = index > 0 ? continuation : opcodeOf(isBinary);
    writeFrameHeader(header, 0, opcode | (index === payloads.length - 1 ? fin : 0), payload.length);
    return [header, payload];
  });
}

/** What each frame takes of it; nothing when it is empty. */
function chunksOf(isBinary: boolean, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = isBinary ? start + maxFrameBytes : characterEnd(bytes, start + maxFrameBytes);
    chunks.push(bytes.subarray(start, end));
    start = end;
  }
  return chunks;
}

/** Bytes of a character's UTF-8 after its first one: three at most. */
const mostFollowing = 3;

/**
 * `end`, or where the character begins that it would cut. A frame may end inside of a character, but some clients, as those of
 * Qt, read the text of each frame by itself. [RFC 6455 5.6]
 */
function characterEnd(bytes: Buffer, end: number): number {
  for (let at = end; at >= end - mostFollowing; at -= 1) if (!isFollowing(bytes[at])) return at;
  return end; // no UTF-8
}

/** Undefined is the end of all. */
function isFollowing(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Messages joined; one alone is not copied. */
export function concatWires(messages: readonly { wire(): Buffer }[]): Buffer {
  const [first] = messages;
  if (messages.length === 1 && first !== undefined) return first.wire();
  return Buffer.concat(messages.map(message => message.wire()));
}

/** Of a frame with so many bytes of payload. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : 4;
}

/** The header of a message that is one frame. Returns the start of the payload. */
export function writeHeader(wire: Buffer, at: number, isBinary: boolean, payloadBytes: number): number {
  return writeFrameHeader(wire, at, opcodeOf(isBinary) | fin, payloadBytes);
}

function opcodeOf(isBinary: boolean): number {
  return isBinary ? binary : text;
}

function writeFrameHeader(wire: Buffer, at: number, firstByte: number, payloadBytes: number): number {
  wire[at] = firstByte;
  if (payloadBytes < 126) {
    wire[at + 1] = payloadBytes;
  } else {
    wire[at + 1] = 126;
    wire.writeUInt16BE(payloadBytes, at + 2);
  }
  return at + headerBytes(payloadBytes);
}
