/** The client's side of RFC 6455, in the least way that still notices when something is wrong. */

const finalText = 0x81;
const finalBinary = 0x82;
const pong = 0x8a;
const closeOpcode = 0x8;
const pingOpcode = 0x9;
const isMasked = 0x80;

/** The key is fixed: masking costs the server the same whatever it is. [RFC 6455 5.3] */
const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** One masked text frame, ready to be written. */
export function maskedText(text: string): Buffer {
  return masked(finalText, Buffer.from(text, 'utf8'));
}

/** One masked binary frame. */
export function maskedBinary(bytes: Uint8Array): Buffer {
  return masked(finalBinary, Buffer.from(bytes));
}

/** The answer to a ping without a payload. */
export const maskedPong = masked(pong, Buffer.alloc(0));

function masked(firstByte: number, payload: Buffer): Buffer {
  for (let at = 0; at < payload.length; at += 1) payload[at]! ^= key[at & 3]!;
  return Buffer.concat([headerOf(firstByte, payload.length), key, payload]);
}

function headerOf(firstByte: number, length: number): Buffer {
  if (length < 126) return Buffer.from([firstByte, isMasked | length]);
  if (length > 0xffff) throw new RangeError('the bench sends no frames above 64 KiB');
  return Buffer.from([firstByte, isMasked | 126, length >> 8, length & 0xff]);
}

/** Bytes of the header that starts at `at`; undefined when it is not all there yet. A server does not mask. */
function headerBytes(bytes: Buffer, at: number, end: number): number | undefined {
  if (at + 2 > end) return undefined;
  const size = headerSize(bytes[at + 1]!);
  return at + size > end ? undefined : size;
}

function headerSize(short: number): number {
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

function payloadBytes(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]!;
  if (short < 126) return short;
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}

function opcodeAt(bytes: Buffer, at: number): number {
  const opcode = bytes[at]! & 0x0f;
  if (opcode === closeOpcode) throw new Error('the server closed the connection');
  return opcode;
}

/** Reads whole messages: for the greeting and the sample that is looked at before a run. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** Payloads of the messages that are complete with this chunk. Control frames are left out. */
  read(chunk: Buffer): Buffer[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const header = headerBytes(this.#bytes, 0, this.#bytes.length);
      if (header === undefined) return messages;
      const end = header + payloadBytes(this.#bytes, 0);
      if (end > this.#bytes.length) return messages;
      if (opcodeAt(this.#bytes, 0) < closeOpcode) messages.push(this.#bytes.subarray(header, end));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  /** Whether part of a message has come in. */
  get isMidFrame(): boolean {
    return this.#bytes.length > 0;
  }
}

/** Which lengths the messages to come may have, in bytes. Where they carry a number, they grow with its digits. */
export interface Lengths {
  readonly least: number;
  readonly most: number;
  /** Between messages of one frame, which are then all of the least length; undefined: each has a frame of its own. */
  readonly separator?: number;
}

/** Counts messages by their headers' lengths and reads nothing else. A failure has another length, so it cannot pass for a success. */
export class FrameCounter {
  readonly #lengths: Lengths;
  readonly #onPing: (() => void) | undefined;
  /** Of a message with its header; undefined when not all have one length. */
  readonly #wireBytes: number | undefined;
  /** Payload bytes of the frame under way that are still to come. */
  #missing = 0;
  /** Messages that the frame under way holds. */
  #held = 0;
  /** The first bytes of a header that was cut. */
  #cut: Buffer | undefined;

  /** @param onPing told of each ping, which must be empty */
  constructor(lengths: Lengths, onPing?: () => void) {
    const { least, most, separator } = lengths;
    this.#lengths = lengths;
    this.#onPing = onPing;
    const isAlike = least === most && separator === undefined;
    this.#wireBytes = isAlike ? least + (least < 126 ? 2 : least <= 0xffff ? 4 : 10) : undefined;
  }

  /** Messages that end in the first `length` bytes. @throws Error for a Close frame or a message of another length */
  count(chunk: Buffer, length: number): number {
    if (this.#cut !== undefined) return this.#countJoined(this.#cut, chunk, length);
    // Nearly every chunk: messages of the one length, from the first byte to the last.
    const wireBytes = this.#wireBytes;
    if (wireBytes !== undefined && this.#missing === 0 && length % wireBytes === 0 && this.#begins(chunk)) {
      return length / wireBytes;
    }
    let messages = 0;
    let at = 0;
    while (at < length) {
      if (this.#missing === 0) {
        const header = headerBytes(chunk, at, length);
        if (header === undefined) {
          this.#cut = Buffer.from(chunk.subarray(at, length));
          return messages;
        }
        this.#begin(chunk, at);
        at += header;
      }
      const taken = Math.min(this.#missing, length - at);
      at += taken;
      this.#missing -= taken;
      if (this.#missing === 0) messages += this.#held;
    }
    return messages;
  }

  #begins(chunk: Buffer): boolean {
    return (chunk[0] === finalText || chunk[0] === finalBinary) && payloadBytes(chunk, 0) === this.#lengths.least;
  }

  #countJoined(cut: Buffer, chunk: Buffer, length: number): number {
    this.#cut = undefined;
    return this.count(Buffer.concat([cut, chunk.subarray(0, length)]), cut.length + length);
  }

  #begin(chunk: Buffer, at: number): void {
    const opcode = opcodeAt(chunk, at);
    const bytes = payloadBytes(chunk, at);
    this.#missing = bytes;
    this.#held = opcode < closeOpcode ? this.#messagesIn(bytes) : 0;
    if (opcode === pingOpcode) this.#onPing?.();
  }

  #messagesIn(bytes: number): number {
    const { least, most, separator } = this.#lengths;
    const messages = separator === undefined ? 1 : (bytes + separator) / (least + separator);
    const isAsTold = separator === undefined ? bytes >= least && bytes <= most : Number.isInteger(messages);
    if (isAsTold) return messages;
    const range = `${least}${most > least ? ` to ${most}` : ''}`;
    throw new Error(`a message of ${bytes} bytes came in place of one of ${range}`);
  }
}
