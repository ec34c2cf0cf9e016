import { Body } from '../../src/frames/body.js';
import { BodyBatch } from '../../src/hub/delivery/batch.js';
import { ReplayBuffer } from '../../src/hub/delivery/replay-buffer.js';
import type { StateSubject } from '../../src/hub/delivery/state-subject.js';
import { readSession, writeSession } from '../../src/hub/session.js';
import type { Numbering } from '../../src/protocols/protocol.js';
import { jsonReliable } from '../../src/protocols/webpubsub/json/index.js';
import { wholeRecord } from './session-record.js';

/** With the limits of Web PubSub. */
export function replayBuffer(): ReplayBuffer {
  return new ReplayBuffer(jsonReliable.reliability!);
}

export const never = Number.POSITIVE_INFINITY;

/** A message that is its id and its own text, filled up to so many bytes. */
class TextBody extends Body {
  readonly isBinary = false;
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  record(): Buffer {
    return Buffer.from(this.#text);
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

export function body(text: string, bytes = 0): Body {
  return new TextBody(text.padEnd(bytes));
}

const numbering: Numbering = {
  prepare: () => undefined,
  restore: record => new TextBody(record.toString()),
};

/** Written and read again, as another node does, whose clock reads something else. */
export function carriedOver(buffer: ReplayBuffer, nowMs: number, thereMs: number): ReplayBuffer {
  const { replay } = readSession(writeSession({ ...wholeRecord, replay: buffer.record(nowMs) }));
  return ReplayBuffer.from(replay!, { ...jsonReliable.reliability!, numbering }, thereMs);
}

export function batchOf(texts: readonly string[], expiresAtMs = never): BodyBatch {
  return new BodyBatch(texts.map(text => ({ body: body(text), expiresAtMs })));
}

export function textsOf(batch: BodyBatch, firstId: number): string[] {
  return batch
    .framesFrom(firstId)
    .each()
    .map(({ bytes }) => bytes.toString());
}

/** One message. Answers it as it is kept; undefined when it is not. */
export function add(
  buffer: ReplayBuffer,
  message: Body,
  expiresAtMs = never,
  about?: StateSubject,
): string | undefined {
  const batch = new BodyBatch([{ body: message, expiresAtMs }], about);
  const id = buffer.nextId;
  return buffer.add(batch) === batch ? textsOf(batch, id)[0] : undefined;
}
