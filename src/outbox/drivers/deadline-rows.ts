import type { Deadline, EndDeadline } from '../store.js';
import { BTree } from './b-tree.js';
import { EndRows } from './end-rows.js';
import { keyDigest } from './lane.js';
import { decodeRow, encodeRow } from './row-codec.js';
import type { Change, Tables } from './tables.js';

type Order = readonly [dueAtMs: number, number: number];

interface Pending {
  readonly deadline: Deadline;
  readonly order: Order;
}

/** Deadlines of a local store: kept in a table, and all in memory as well, since they are short-lived. */
export class DeadlineRows {
  readonly #tables: Tables;
  readonly #pending = new Map<string, Pending>();
  readonly #byTime = new BTree<Order, Deadline>(undefined, (a, b) => a[0] - b[0] || a[1] - b[1]);
  readonly #ends: EndRows;
  /** Those that a former process kept for its end: their time begins with the first look. */
  readonly #left = new Map<string, EndDeadline>();
  #count = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#ends = new EndRows(tables);
  }

  /** What a former process left. */
  load(): void {
    for (const [, value] of this.#tables.range('deadlines', [''], ['\u{10ffff}'])) {
      const { head, content } = decodeRow<{ key: string; dueAtMs: number }>(value);
      this.#remember({ ...head, content });
    }
    for (const deadline of this.#ends.load())
      if (!this.#pending.has(deadline.key)) this.#left.set(deadline.key, deadline);
  }

  async schedule(deadline: Deadline): Promise<void> {
    const { key, dueAtMs, content } = deadline;
    this.#forget(key);
    this.#remember(deadline);
    const row: Change = ['deadlines', [keyDigest(key)], encodeRow({ key, dueAtMs }, content)];
    try {
      await this.#tables.write([...this.#ends.take(key), row]);
    } catch (error) {
      if (this.isPending(deadline)) this.#forget(key);
      throw error;
    }
  }

  async cancel(key: string): Promise<boolean> {
    if (!this.#forget(key)) return false;
    await this.#tables.write([...this.#ends.take(key), ['deadlines', [keyDigest(key)], undefined]]);
    return true;
  }

  async scheduleAtEnd(deadline: EndDeadline): Promise<void> {
    await this.#tables.write([...this.#ends.take(deadline.key), this.#ends.put(deadline)]);
  }

  async cancelAtEnd(key: string): Promise<void> {
    await this.#tables.write(this.#ends.take(key));
  }

  due(nowMs: number, limit: number) {
    for (const { key, afterMs, content } of this.#left.values()) {
      this.#remember({ key, dueAtMs: nowMs + afterMs, content });
    }
    this.#left.clear();
    const due: Deadline[] = [];
    for (const [[dueAtMs], deadline] of this.#byTime.entries()) {
      if (dueAtMs > nowMs || due.length >= limit) return { due, nextDueAtMs: dueAtMs };
      due.push(deadline);
    }
    return { due, nextDueAtMs: undefined };
  }

  isPending(deadline: Deadline): boolean {
    return this.#pending.get(deadline.key)?.deadline === deadline;
  }

  /**
   * A failed write leaves it pending.
   * @param write called at once with its removal, which it writes together with what the deadline turns into
   */
  async complete(deadline: Deadline, write: (removals: readonly Change[]) => Promise<void>): Promise<void> {
    this.#forget(deadline.key);
    try {
      const removals: Change[] = [
        ...this.#ends.take(deadline.key),
        ['deadlines', [keyDigest(deadline.key)], undefined],
      ];
      await write(removals);
    } catch (error) {
      if (!this.#pending.has(deadline.key)) this.#remember(deadline);
      throw error;
    }
  }

  #remember(deadline: Deadline): void {
    this.#count += 1;
    const order = [deadline.dueAtMs, this.#count] as const;
    this.#pending.set(deadline.key, { deadline, order });
    this.#byTime.set(order, deadline);
  }

  #forget(key: string): boolean {
    const pending = this.#pending.get(key);
    if (pending === undefined) return this.#left.delete(key);
    this.#byTime.delete(pending.order);
    return this.#pending.delete(key);
  }
}
