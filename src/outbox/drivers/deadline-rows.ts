import type { Deadline } from '../store.js';
import { BTree } from './b-tree.js';
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
  #count = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** What a former process left. */
  load(): void {
    for (const [, value] of this.#tables.range('deadlines', [''], ['\u{10ffff}'])) {
      const { head, content } = decodeRow<{ key: string; dueAtMs: number }>(value);
      this.#remember({ ...head, content });
    }
  }

  async schedule(deadline: Deadline): Promise<void> {
    const { key, dueAtMs, content } = deadline;
    this.#forget(key);
    this.#remember(deadline);
    try {
      await this.#tables.write([['deadlines', [keyDigest(key)], encodeRow({ key, dueAtMs }, content)]]);
    } catch (error) {
      if (this.isPending(deadline)) this.#forget(key);
      throw error;
    }
  }

  async cancel(key: string): Promise<boolean> {
    if (!this.#forget(key)) return false;
    await this.#tables.write([['deadlines', [keyDigest(key)], undefined]]);
    return true;
  }

  due(nowMs: number, limit: number) {
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

  /** In one write with what the deadline turns into. A failed write leaves it pending. */
  async complete(deadline: Deadline, changes: readonly Change[]): Promise<void> {
    this.#forget(deadline.key);
    try {
      await this.#tables.write([['deadlines', [keyDigest(deadline.key)], undefined], ...changes]);
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
    if (pending === undefined) return false;
    this.#byTime.delete(pending.order);
    return this.#pending.delete(key);
  }
}
