import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Metadata } from '../../messages.js';
import { checkNonEmpty, distinct, malformed, metadataOf } from '../rules.js';

/** Maximum number of fields of one message, unknown ones included: twice the largest metadata. It bounds the memory for hostile messages. */
const maxFields = 16_384;

interface Field {
  readonly number: number;
  readonly wireType: WireType;
  /** Where the value starts: for what has a length, at the length. */
  readonly at: number;
}

/**
 * One protobuf message as a client sent it. Fields are found by number when they are read; of a repeated one the
 * last counts, parts of one submessage are joined, and what has another wire type than expected is an unknown field.
 */
export class Fields {
  readonly #reader: BinaryReader;
  readonly #fields: readonly Field[];

  private constructor(reader: BinaryReader, end: number) {
    this.#reader = reader;
    this.#fields = scan(reader, end);
  }

  /** @throws PubSubError `malformed` when the bytes are not one protobuf message */
  static of(bytes: Buffer): Fields {
    return new Fields(new BinaryReader(bytes), bytes.length);
  }

  /** Which of these was given last: the member of a oneof that is set. Members here all have a length. Undefined when none is. */
  oneOf(numbers: ReadonlySet<number>): number | undefined {
    const isMember = ({ number, wireType }: Field) => wireType === WireType.LengthDelimited && numbers.has(number);
    return this.#fields.findLast(isMember)?.number;
  }

  /** Of the field that was given last, known or not; undefined when there is none. */
  get lastNumber(): number | undefined {
    return this.#fields.at(-1)?.number;
  }

  has(number: number): boolean {
    return this.#last(number, WireType.LengthDelimited) !== undefined;
  }

  /** Absent is empty. */
  string(number: number): string {
    return this.optionalString(number) ?? '';
  }

  nonEmptyString(number: number, name: string): string {
    return checkNonEmpty(name, this.string(number));
  }

  optionalString(number: number): string | undefined {
    return this.#read(number, WireType.LengthDelimited, reader => reader.string(true));
  }

  /** A string's own bytes, known to be UTF-8. */
  text(number: number): Buffer {
    this.optionalString(number);
    return this.bytes(number);
  }

  bytes(number: number): Buffer {
    return this.#read(number, WireType.LengthDelimited, readBytes) ?? Buffer.alloc(0);
  }

  boolean(number: number): boolean {
    return this.#read(number, WireType.Varint, reader => reader.bool()) ?? false;
  }

  /** All its digits; undefined when absent, which an explicit 0 is not. [client-protocols 6.3] */
  uint64(number: number): bigint | undefined {
    return this.#read(number, WireType.Varint, reader => reader.uint64() as bigint);
  }

  /** The submessage's own bytes. */
  messageBytes(number: number): Buffer | undefined {
    const parts = this.#all(number).map(this.#bytesOf);
    return parts.length > 1 ? Buffer.concat(parts) : parts[0];
  }

  message(number: number): Fields | undefined {
    const fields = this.#all(number);
    const [first] = fields;
    if (first === undefined) return undefined;
    return fields.length === 1 ? this.#nested(first) : Fields.of(Buffer.concat(fields.map(this.#bytesOf)));
  }

  /** A `map<string, string>`; none when it is empty. [client-protocols 4.6] */
  metadata(number: number): Metadata | undefined {
    return metadataOf(this.#entries(number));
  }

  /** A `map<string, string>` that may be empty. */
  strings(number: number, name: string): ReadonlyMap<string, string> {
    return distinct(name, this.#entries(number));
  }

  #entries(number: number): [key: string, value: string][] {
    return this.#all(number).map(field => {
      const entry = this.#nested(field);
      return [entry.string(1), entry.string(2)];
    });
  }

  #all(number: number): readonly Field[] {
    return this.#fields.filter(field => field.number === number && field.wireType === WireType.LengthDelimited);
  }

  readonly #bytesOf = ({ at }: Field): Buffer => readAt(this.#reader, at, readBytes);

  /** The same reader serves: it goes to where a field starts each time that one is read. */
  #nested({ at }: Field): Fields {
    const reader = this.#reader;
    reader.pos = at;
    const length = reader.uint32();
    return new Fields(reader, reader.pos + length);
  }

  #last(number: number, wireType: WireType): Field | undefined {
    return this.#fields.findLast(field => field.number === number && field.wireType === wireType);
  }

  #read<T>(number: number, wireType: WireType, read: (reader: BinaryReader) => T): T | undefined {
    const field = this.#last(number, wireType);
    return field && readAt(this.#reader, field.at, read);
  }
}

/** A view of the frame's bytes. The library's is the Buffer's own kind, whatever its type says. */
function readBytes(reader: BinaryReader): Buffer {
  return reader.bytes() as Buffer;
}

function scan(reader: BinaryReader, end: number): Field[] {
  const fields: Field[] = [];
  while (reader.pos < end) {
    if (fields.length === maxFields) throw malformed('the message has too many fields');
    fields.push(guarded(reader, scanField));
  }
  // A nested message may end before the frame does; the library watches the end of the frame only.
  if (reader.pos > end) throw malformed('a field is longer than its message');
  return fields;
}

function scanField(reader: BinaryReader): Field {
  const [number, wireType] = reader.tag();
  const at = reader.pos;
  if (wireType === WireType.LengthDelimited) skipLength(reader);
  else reader.skip(wireType, number);
  return { number, wireType, at };
}

/** What `skip` does, without a view of what is skipped. */
function skipLength(reader: BinaryReader): void {
  const length = reader.uint32();
  reader.pos += length;
  if (reader.pos > reader.len) throw new RangeError('a field is longer than the frame');
}

function readAt<T>(reader: BinaryReader, at: number, read: (reader: BinaryReader) => T): T {
  reader.pos = at;
  return guarded(reader, read);
}

/** The library throws errors of its own for whatever does not parse. */
function guarded<T>(reader: BinaryReader, read: (reader: BinaryReader) => T): T {
  try {
    return read(reader);
  } catch (cause) {
    throw malformed('the message is not valid protobuf', cause);
  }
}
