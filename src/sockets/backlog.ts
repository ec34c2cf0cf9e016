import type { Clock } from '../clock.js';
import { FrameList, type Frames, maxPartBytes } from '../frames/frames.js';

/** Messages of so many bytes on average are not copied to be joined: to hand over one more Buffer costs less. */
const leastUncopiedBytes = 4 * 1024;

/** What is handed to a socket at a time. */
export interface Piece {
  readonly buffers: readonly Buffer[];
  /** Messages, and the bytes of their payloads. */
  readonly count: number;
  readonly bytes: number;
}

/**
 * Messages that are too many to be handed to a socket at once. They are made piece by piece, as the socket takes them:
 * one that takes nothing costs no more than its first piece, whatever waits for it.
 */
export class Backlog {
  readonly #parts: Iterator<Frames>;
  /** What is left; less may come, as what has expired or been acknowledged meanwhile is left out. */
  count: number;
  payloadBytes: number;

  constructor(frames: Frames) {
    this.#parts = frames.parts()[Symbol.iterator]();
    this.count = frames.count;
    this.payloadBytes = frames.payloadBytes;
  }

  /** Undefined once nothing is left. */
  next(clock: Clock): Piece | undefined {
    const parts: Frames[] = [];
    let [count, bytes] = [0, 0];
    while (bytes < maxPartBytes) {
      const { value: part, done } = this.#parts.next();
      if (done === true) break;
      this.count -= part.count;
      this.payloadBytes = Math.max(0, this.payloadBytes - part.payloadBytes); // a part may count its ids, too
      const left = fresh(part, clock);
      if (left === undefined) continue;
      parts.push(left);
      count += left.count;
      bytes += left.payloadBytes;
    }
    if (parts.length === 0) return undefined;
    const buffers = parts.flatMap(part => part.buffers());
    const isJoined = buffers.length > 1 && bytes < buffers.length * leastUncopiedBytes;
    return { buffers: isJoined ? [Buffer.concat(buffers)] : buffers, count, bytes };
  }
}

/** What of it is still of use; undefined when nothing is. [rest-api 5 › TTL] */
export function fresh(frames: Frames, clock: Clock): Frames | undefined {
  if (frames.expiresAtMs === Number.POSITIVE_INFINITY) return frames;
  const now = clock.monotonicMs();
  if (frames.expiresAtMs > now) return frames;
  const left = frames.each().filter(({ expiresAtMs }) => expiresAtMs > now);
  return left.length === 0 ? undefined : new FrameList(left);
}
