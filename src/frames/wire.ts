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
  const frames = Math.max(1, Math.ceil(bytes.length / maxFrameBytes));
  const wire = Buffer.allocUnsafe(
    bytes.length + (frames - 1) * headerBytes(maxFrameBytes) + headerBytes(lastOf(bytes.length)),
  );
  let at = 0;
  for (let start = 0, index = 0; index < frames; index += 1, start += maxFrameBytes) {
    const end = Math.min(start + maxFrameBytes, bytes.length);
    const opcode = index > 0 ? continuation : opcodeOf(isBinary);
    at = writeFrameHeader(wire, at, opcode | (index === frames - 1 ? fin : 0), end - start);
    at += bytes.copy(wire, at, start, end);
  }
  return wire;
}

/** One message as frames around these parts of its payload, none of which is copied. */
export function fragmentsOf(isBinary: boolean, parts: readonly Buffer[]): Buffer[] {
  const payloads = parts.flatMap(chunksOf);
  return payloads.flatMap((payload, index) => {
    const header = Buffer.allocUnsafe(headerBytes(payload.length));
    const opcode = index > 0 ? continuation : opcodeOf(isBinary);
    writeFrameHeader(header, 0, opcode | (index === payloads.length - 1 ? fin : 0), payload.length);
    return [header, payload];
  });
}

/** What each frame can take of it; nothing when it is empty. */
function chunksOf(bytes: Buffer): Buffer[] {
  const frames = Math.ceil(bytes.length / maxFrameBytes);
  return Array.from({ length: frames }, (_, index) =>
    bytes.subarray(index * maxFrameBytes, (index + 1) * maxFrameBytes),
  );
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

/** Payload bytes of the last of a message's frames. */
function lastOf(bytes: number): number {
  return bytes === 0 ? 0 : ((bytes - 1) % maxFrameBytes) + 1;
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
