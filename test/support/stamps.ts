import type { ReplayBuffer } from '../../src/hub/replay.js';
import { StampedBatch } from '../../src/hub/stamped-batch.js';
import type { StateSubject } from '../../src/hub/state-subject.js';
import { Stamp } from '../../src/protocols/codec.js';

export const never = Number.POSITIVE_INFINITY;

/** A message that is its id and its own text, filled up to so many bytes. */
class TextStamp extends Stamp {
  readonly isBinary = false;
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  get bytes(): number {
    return this.#text.length;
  }

  idBytes(id: number): number {
    return `${id}`.length;
  }

  size(id: number): number {
    return this.idBytes(id) + 1 + this.bytes;
  }

  write(target: Buffer, at: number, id: number): number {
    target.write(`${id} ${this.#text}`, at);
    return at;
  }

  split(id: number) {
    return { before: Buffer.from(`${id} `), shared: Buffer.from(this.#text), after: Buffer.alloc(0) };
  }

  writeId(target: Buffer, at: number, id: number): void {
    target.write(`${id}`, at);
  }
}

export function stamp(text: string, bytes = 0): Stamp {
  return new TextStamp(text.padEnd(bytes));
}

export function batchOf(texts: readonly string[], expiresAtMs = never): StampedBatch {
  return new StampedBatch(texts.map(text => ({ stamp: stamp(text), expiresAtMs })));
}

export function textsOf(batch: StampedBatch, firstId: number): string[] {
  return batch
    .framesFrom(firstId)
    .each()
    .map(({ bytes }) => bytes.toString());
}

/** One message. Answers it as it is kept; undefined when it is not. */
export function add(
  buffer: ReplayBuffer,
  message: Stamp,
  expiresAtMs = never,
  about?: StateSubject,
): string | undefined {
  const batch = new StampedBatch([{ stamp: message, expiresAtMs }], about);
  const id = buffer.nextId;
  return buffer.add(batch) === batch ? textsOf(batch, id)[0] : undefined;
}
