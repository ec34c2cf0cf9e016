import type { ReplayBuffer } from '../../src/hub/replay.js';
import { StampedBatch } from '../../src/hub/stamped-batch.js';
import type { StateSubject } from '../../src/hub/state-subject.js';
import { Frame, type Stamp } from '../../src/protocols/codec.js';

export const never = Number.POSITIVE_INFINITY;

/** A message that is its id and its own text, filled up to so many bytes. */
export function stamp(text: string, bytes = 0): Stamp {
  return {
    bytes: Math.max(bytes, text.length),
    frame: id => new Frame(false, Buffer.from(`${id} ${text}`.padEnd(bytes))),
  };
}

export function batchOf(texts: readonly string[], expiresAtMs = never): StampedBatch {
  return new StampedBatch(texts.map(text => ({ stamp: stamp(text), expiresAtMs })));
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
  return buffer.add(batch) === batch ? batch.framesFrom(id)[0]?.bytes.toString() : undefined;
}
