import { type DeadLetter, limitOf, type Selection, selects } from '../envelope.js';
import type { Lanes } from './lane.js';
import { envelopeOf } from './row-claims.js';
import { decodeRow, encodeRow, type RowHead } from './row-codec.js';
import { type Change, endOf, type RowKey, type Tables } from './tables.js';

export interface DeadRowsOptions {
  /** More dead letters than this: the oldest are dropped. Undefined: all are kept. */
  readonly maxDead?: number | undefined;
  readonly onDeadDropped?: ((count: number) => void) | undefined;
}

/** The row of a dead letter. @param seq that it had when it was alive */
export function deadChange(letter: DeadLetter, seq: number): Change {
  const { content, history, ...head } = letter;
  return ['dead', [letter.diedAtMs, seq], encodeRow({ ...head, acceptedAtMs: 0, history }, content)];
}

function letterOf(value: Buffer): DeadLetter {
  const { head, content } = decodeRow<RowHead>(value);
  const { endpoint = '', diedAtMs = 0, reason = '', attempts = 0, history = [] } = head;
  return { ...envelopeOf(endpoint, head, content), diedAtMs, reason, attempts, history };
}

/** The dead letters of a local store, in the order in which they died. */
export class DeadRows {
  readonly #tables: Tables;
  readonly #lanes: Lanes;
  readonly #options: DeadRowsOptions;
  /** Being taken by another call. */
  readonly #leaving = new Set<number>();

  constructor(tables: Tables, lanes: Lanes, options: DeadRowsOptions) {
    this.#tables = tables;
    this.#lanes = lanes;
    this.#options = options;
  }

  /** Newest first. */
  list(selection: Selection): readonly DeadLetter[] {
    const limit = limitOf(selection);
    const newest: DeadLetter[] = [];
    for (const { letter } of this.#select(selection)) {
      newest.push(letter);
      if (newest.length > 2 * limit) newest.splice(0, newest.length - limit);
    }
    return newest.slice(Math.max(0, newest.length - limit)).reverse();
  }

  /** Removes dead letters, oldest first, in one write with what takes their place. */
  async take(selection: Selection, successor: (letter: DeadLetter) => Change | undefined): Promise<readonly string[]> {
    const taken = this.#oldest(selection);
    const successors = taken.map(({ letter }) => successor(letter));
    const changes = taken.map(({ rowKey }): Change => ['dead', rowKey, undefined]);
    const seqs = taken.map(({ rowKey }) => rowKey[1] as number);
    for (const seq of seqs) this.#leaving.add(seq);
    try {
      await this.#tables.write([...changes, ...successors.filter(change => change !== undefined)]);
    } finally {
      for (const seq of seqs) this.#leaving.delete(seq);
    }
    for (const [index, { letter }] of taken.entries()) {
      this.#lanes.of(letter.endpoint).dead -= 1;
      const successor = successors[index];
      if (successor !== undefined) this.#lanes.of(successor[1][0] as string).ready += 1;
    }
    return taken.map(({ letter }) => letter.id);
  }

  /** Drops the oldest beyond the bound, if there is one. */
  async trim(): Promise<void> {
    const { maxDead = Infinity, onDeadDropped } = this.#options;
    const excess = [...this.#lanes.all()].reduce((sum, { dead }) => sum + dead, 0) - maxDead;
    if (excess <= 0) return;
    const dropped = await this.take({ limit: excess }, () => undefined);
    onDeadDropped?.(dropped.length);
  }

  #oldest(selection: Selection): { readonly letter: DeadLetter; readonly rowKey: RowKey }[] {
    const limit = limitOf(selection);
    const found: { letter: DeadLetter; rowKey: RowKey }[] = [];
    if (limit === 0) return found;
    for (const each of this.#select(selection)) {
      found.push(each);
      if (found.length === limit) break;
    }
    return found;
  }

  *#select(selection: Selection): Iterable<{ readonly letter: DeadLetter; readonly rowKey: RowKey }> {
    const isSelected = selects(selection);
    const { sinceMs = 0, untilMs } = selection;
    const to = untilMs === undefined ? endOf([]) : [untilMs];
    for (const [rowKey, value] of this.#tables.range('dead', [sinceMs], to)) {
      if (this.#leaving.has(rowKey[1] as number)) continue;
      const letter = letterOf(value);
      if (isSelected(letter)) yield { letter, rowKey };
    }
  }
}
