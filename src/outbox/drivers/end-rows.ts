import type { EndDeadline } from '../store.js';
import { decodeRow, encodeRow } from './row-codec.js';
import { type Change, endOf, type Tables } from './tables.js';

/**
 * Deadlines for the end of a process, of which there is at most one for a key. They live as long as what they are about, so
 * that there may be many: memory has their numbers only. Numbers grow, since LMDB appends faster than it inserts.
 */
export class EndRows {
  readonly #tables: Tables;
  readonly #numbers = new Map<string, number>();
  #last = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** What a former process left. */
  *load(): Iterable<EndDeadline> {
    for (const [[number], value] of this.#tables.range('endings', [0], endOf([]))) {
      const { head, content } = decodeRow<Omit<EndDeadline, 'content'>>(value);
      this.#last = number as number;
      this.#numbers.set(head.key, this.#last);
      yield { ...head, content };
    }
  }

  /** To be written; the one before it has to be deleted in the same write. */
  put({ key, afterMs, content }: EndDeadline): Change {
    this.#last += 1;
    this.#numbers.set(key, this.#last);
    return ['endings', [this.#last], encodeRow({ key, afterMs }, content)];
  }

  /** The deletion of the one with this key, to be written; none if there is none. */
  take(key: string): readonly Change[] {
    const number = this.#numbers.get(key);
    if (number === undefined) return [];
    this.#numbers.delete(key);
    return [['endings', [number], undefined]];
  }
}
