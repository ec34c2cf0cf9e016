import { setImmediate as nextTurn } from 'node:timers/promises';
import { type DeadLetter, limitOf, type Selection, selects } from '../envelope.js';
import type { Lanes } from './lane.js';
import { envelopeOf } from './row-claims.js';
import { decodeRow, encodeRow, type RowHead } from './row-codec.js';
import { type Change, endOf, type RowKey, type Tables } from './tables.js';

/** Rows that are read in one turn: each has up to 8 KiB of answers. */
const sliceRows = 200;

type Order = 'newestFirst' | 'oldestFirst';

interface Found {
  readonly letter: DeadLetter;
  readonly rowKey: RowKey;
}

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
  /** One after another, so that none counts what another one drops. */
  #trims: Promise<unknown> = Promise.resolve();

  constructor(tables: Tables, lanes: Lanes, options: DeadRowsOptions) {
    this.#tables = tables;
    this.#lanes = lanes;
    this.#options = options;
  }

  /** Newest first. */
  async list(selection: Selection): Promise<readonly DeadLetter[]> {
    const limit = limitOf(selection);
    const newest: DeadLetter[] = [];
    if (limit === 0) return newest;
    await this.#find(selection, 'newestFirst', ({ letter }) => newest.push(letter) < limit);
    return newest;
  }

  /** Removes dead letters, oldest first, in one write with what takes their place. */
  async take(selection: Selection, successor: (letter: DeadLetter) => Change | undefined): Promise<readonly string[]> {
    const taken: Found[] = [];
    let successors: (Change | undefined)[] = [];
    try {
      await this.#collect(selection, taken);
      successors = taken.map(({ letter }) => successor(letter));
      const changes = taken.map(({ rowKey }): Change => ['dead', rowKey, undefined]);
      await this.#tables.write([...changes, ...successors.filter(change => change !== undefined)]);
      for (const [index, { letter }] of taken.entries()) {
        this.#lanes.of(letter.endpoint).dead -= 1;
        const successor = successors[index];
        if (successor !== undefined) this.#replayed(successor);
      }
    } finally {
      for (const { rowKey } of taken) this.#leaving.delete(seqOf(rowKey));
    }
    return taken.map(({ letter }) => letter.id);
  }

  #replayed([, [endpoint, seq]]: Change): void {
    const lane = this.#lanes.of(endpoint as string);
    lane.ready += 1;
    lane.rewind(seq as number);
  }

  /** The oldest, which no other call takes from then on. */
  async #collect(selection: Selection, taken: Found[]): Promise<void> {
    const limit = limitOf(selection);
    if (limit === 0) return;
    await this.#find(selection, 'oldestFirst', found => {
      this.#leaving.add(seqOf(found.rowKey));
      return taken.push(found) < limit;
    });
  }

  /** Drops the oldest beyond the bound, if there is one. */
  trim(): Promise<void> {
    const trimmed = this.#trims.then(() => this.#trim());
    this.#trims = trimmed.catch(() => undefined); // the caller has it
    return trimmed;
  }

  async #trim(): Promise<void> {
    const { maxDead = Infinity, onDeadDropped } = this.#options;
    const excess = [...this.#lanes.all()].reduce((sum, { dead }) => sum + dead, 0) - this.#leaving.size - maxDead;
    if (excess <= 0) return;
    const dropped = await this.take({ limit: excess }, () => undefined);
    onDeadDropped?.(dropped.length);
  }

  /**
   * In slices: others are served between them, and may change the table. What is found is there as `add` is called.
   * @param add returns whether more is wanted
   */
  async #find(selection: Selection, order: Order, add: (found: Found) => boolean): Promise<void> {
    const isSelected = selects(selection);
    const { sinceMs = 0, untilMs } = selection;
    let from: RowKey = [sinceMs];
    let to: RowKey = untilMs === undefined ? endOf([]) : [untilMs];
    for (;;) {
      const rows = this.#slice(order, from, to);
      for (const [rowKey, value] of rows) {
        if (this.#leaving.has(seqOf(rowKey))) continue;
        const letter = letterOf(value);
        if (isSelected(letter) && !add({ letter, rowKey })) return;
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < sliceRows) return;
      if (order === 'newestFirst') to = last[0];
      else from = [...last[0], 0]; // directly behind it
      await nextTurn();
    }
  }

  #slice(order: Order, from: RowKey, to: RowKey): (readonly [key: RowKey, value: Buffer])[] {
    const rows: (readonly [RowKey, Buffer])[] = [];
    const all =
      order === 'newestFirst' ? this.#tables.reversed('dead', from, to) : this.#tables.range('dead', from, to);
    for (const row of all) {
      rows.push(row);
      if (rows.length === sliceRows) break;
    }
    return rows;
  }
}

function seqOf(key: RowKey): number {
  return key[1] as number;
}
