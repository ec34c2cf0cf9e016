/** The client's side of RFC 6455, in the least way that still notices when something is wrong. */

const finalText = 0x81;
const closeOpcode = 0x8;
const isMasked = 0x80;

/** One masked text frame, ready to be written. The key is fixed: masking costs the server the same whatever it is. [RFC 6455 5.3] */
export function maskedText(text: string): Buffer {
  const payload = Buffer.from(text, 'utf8');
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  for (let at = 0; at < payload.length; at += 1) payload[at]! ^= key[at & 3]!;
  return Buffer.concat([headerOf(payload.length), key, payload]);
}

function headerOf(length: number): Buffer {
  if (length < 126) return Buffer.from([finalText, isMasked | length]);
  if (length > 0xffff) throw new RangeError('the bench sends no frames above 64 KiB');
  return Buffer.from([finalText, isMasked | 126, length >> 8, length & 0xff]);
}

/** Bytes of the header that starts at `at`; undefined when it is not all there yet. A server does not mask. */
function headerBytes(bytes: Buffer, at: number, end: number): number | undefined {
  if (at + 2 > end) return undefined;
  const short = bytes[at + 1]!;
  const size = short < 126 ? 2 : short === 126 ? 4 : 10;
  return at + size > end ? undefined : size;
}

function payloadBytes(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]!;
  if (short < 126) return short;
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}

function isData(bytes: Buffer, at: number): boolean {
  const opcode = bytes[at]! & 0x0f;
  if (opcode === closeOpcode) throw new Error('the server closed the connection');
  return opcode < closeOpcode; // pings and pongs pass uncounted
}

/** Reads whole messages: for the greeting and the sample that is looked at before a run. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** The messages that are complete with this chunk. */
  read(chunk: Buffer): string[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: string[] = [];
    for (;;) {
      const header = headerBytes(this.#bytes, 0, this.#bytes.length);
      if (header === undefined) return messages;
      const end = header + payloadBytes(this.#bytes, 0);
      if (end > this.#bytes.length) return messages;
      if (isData(this.#bytes, 0)) messages.push(this.#bytes.toString('utf8', header, end));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  /** Whether part of a message has come in. */
  get isMidFrame(): boolean {
    return this.#bytes.length > 0;
  }
}

/** Counts messages by their headers' lengths and reads nothing else. Every message must have the length of the sample. */
export class FrameCounter {
  readonly #expectedBytes: number;
  /** Of a message with its header. */
  readonly #wireBytes: number;
  /** Payload bytes of the frame under way that are still to come. */
  #missing = 0;
  #isCounted = false;
  /** The first bytes of a header that was cut. */
  #cut: Buffer | undefined;

  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes;
    this.#wireBytes = expectedBytes + (expectedBytes < 126 ? 2 : expectedBytes <= 0xffff ? 4 : 10);
  }

  /** Messages that end in the first `length` bytes. @throws Error for a Close frame or a message of another length */
  count(chunk: Buffer, length: number): number {
    if (this.#cut !== undefined) return this.#countJoined(this.#cut, chunk, length);
    // Nearly every chunk: messages of the one length, from the first byte to the last.
    if (this.#missing === 0 && length % this.#wireBytes === 0 && this.#begins(chunk)) return length / this.#wireBytes;
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
      if (this.#missing === 0 && this.#isCounted) messages += 1;
    }
    return messages;
  }

  #begins(chunk: Buffer): boolean {
    return chunk[0] === finalText && payloadBytes(chunk, 0) === this.#expectedBytes;
  }

  #countJoined(cut: Buffer, chunk: Buffer, length: number): number {
    this.#cut = undefined;
    return this.count(Buffer.concat([cut, chunk.subarray(0, length)]), cut.length + length);
  }

  #begin(chunk: Buffer, at: number): void {
    this.#missing = payloadBytes(chunk, at);
    this.#isCounted = isData(chunk, at);
    if (this.#isCounted && this.#missing !== this.#expectedBytes) {
      throw new Error(`a message of ${this.#missing} bytes came in place of one of ${this.#expectedBytes}`);
    }
  }
}
