import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A writer that has grown beyond this is not kept. */
const maxKeptBytes = 64 * 1024;

/** Its memory serves one message after the other. One that an error left in the middle is not put back. */
let idle: MessageWriter | undefined;

/** The bytes of what `write` writes. */
export function written(write: (writer: MessageWriter) => void): Uint8Array {
  const writer = idle ?? new MessageWriter();
  idle = undefined;
  write(writer);
  const bytes = writer.finish();
  if (bytes.length <= maxKeptBytes) idle = writer;
  return bytes;
}

/** Bytes that this number takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) size += 1;
  return size;
}

/** Writes a number into bytes that are there already, which the library's writer does not support. */
export function writeVarint(target: Buffer, at: number, value: number): void {
  let [place, rest] = [at, value];
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    target[place] = (rest % 0x80) | 0x80;
    place += 1;
  }
  target[place] = rest;
}

/**
 * Writes the fields of one message. As proto3 has it, a plain field at its default is left out; one with presence (a
 * member of a oneof, or `optional`) is written whenever it is set, also when it is empty.
 */
export class MessageWriter {
  readonly #writer = new BinaryWriter();

  /** A plain string. */
  string(number: number, value: string): this {
    return value === '' ? this : this.optionalString(number, value);
  }

  optionalString(number: number, value: string | undefined): this {
    if (value !== undefined) this.#tag(number, WireType.LengthDelimited).string(value);
    return this;
  }

  /** A plain bool. */
  boolean(number: number, value: boolean): this {
    if (value) this.#tag(number, WireType.Varint).bool(value);
    return this;
  }

  /** A plain uint64, or int64 of a value that is not negative: the two look the same. */
  uint64(number: number, value: bigint | number): this {
    return value === 0n || value === 0 ? this : this.presentUint64(number, value);
  }

  presentUint64(number: number, value: bigint | number): this {
    this.#tag(number, WireType.Varint).uint64(value);
    return this;
  }

  /** The start of a field of this length; its bytes come from elsewhere. */
  open(number: number, length: number): this {
    this.#tag(number, WireType.LengthDelimited).uint32(length);
    return this;
  }

  bytes(number: number, value: Uint8Array): this {
    this.#tag(number, WireType.LengthDelimited).bytes(value);
    return this;
  }

  /** A submessage, when there is one. */
  message<T>(number: number, value: T | undefined, write: (writer: this, value: T) => void): this {
    if (value === undefined) return this;
    this.#tag(number, WireType.LengthDelimited).fork();
    write(this, value);
    this.#writer.join();
    return this;
  }

  /** A `map<string, string>`: one submessage per entry. */
  map(number: number, entries: ReadonlyMap<string, string> | undefined): this {
    for (const entry of entries ?? []) this.message(number, entry, writeEntry);
    return this;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }

  #tag(number: number, wireType: WireType): BinaryWriter {
    return this.#writer.tag(number, wireType);
  }
}

function writeEntry(writer: MessageWriter, [key, value]: readonly [string, string]): void {
  writer.optionalString(1, key).optionalString(2, value);
}
