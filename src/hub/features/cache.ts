import type { Clock } from '../../clock.js';
import type { DataMessage } from '../../protocols/messages.js';
import type { Backplane } from '../ports.js';
import type { KeptMessage } from './kept-message.js';

interface Kept {
  readonly hub: string;
  readonly message: DataMessage;
  readonly atMs: number;
  /** Monotonic. */
  readonly expiresAtMs: number;
}

/** Upper limits of what one node keeps; past either, the groups whose message is oldest lose it. */
const most = { groups: 100_000, bytes: 64 * 1024 * 1024 };

/** What a message costs besides its data. */
const overheadBytes = 512;

const sweepMs = 60_000;

/**
 * The last message of each group that keeps one, of all hubs: also of hubs that have no clients, for those that will come.
 * A node keeps what is published on it, and what reaches its connections; which is the latest, a query tells.
 */
export class MessageCache {
  readonly #clock: Clock;
  readonly #backplane: Pick<Backplane, 'listen' | 'unlisten'>;
  /** In the order in which they were published. */
  readonly #kept = new Map<string, Kept>();
  /** Groups with a message, by hub: other nodes' queries for these must reach this node. */
  readonly #perHub = new Map<string, number>();
  #bytes = 0;
  #isSweepDue = false;

  constructor(clock: Clock, backplane: Pick<Backplane, 'listen' | 'unlisten'>) {
    this.#clock = clock;
    this.#backplane = backplane;
  }

  has(hub: string): boolean {
    return this.#perHub.has(hub);
  }

  /** In place of the one that the group has. */
  keep(hub: string, group: string, message: DataMessage, ttlMs: number): void {
    const key = keyOf(hub, group);
    const expiresAtMs = this.#clock.monotonicMs() + ttlMs;
    this.#count(hub, 1); // first, so that the hub has one throughout
    this.#forget(key);
    this.#kept.set(key, { hub, message, atMs: this.#clock.now(), expiresAtMs });
    this.#bytes += costOf(message);
    while (this.#kept.size > most.groups || this.#bytes > most.bytes) this.#forget(this.#oldest()!);
    this.#scheduleSweep();
  }

  /** None or one. */
  last(hub: string, group: string): readonly KeptMessage[] {
    const kept = this.#kept.get(keyOf(hub, group));
    if (kept === undefined) return [];
    const ttlMs = kept.expiresAtMs - this.#clock.monotonicMs();
    return ttlMs > 0 ? [{ message: kept.message, atMs: kept.atMs, ttlMs }] : [];
  }

  #oldest(): string | undefined {
    const [first] = this.#kept.keys();
    return first;
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= costOf(kept.message);
    this.#count(kept.hub, -1);
  }

  #count(hub: string, by: 1 | -1): void {
    const before = this.#perHub.get(hub) ?? 0;
    const target = { scope: 'hub', hub } as const;
    if (before + by > 0) this.#perHub.set(hub, before + by);
    else {
      this.#perHub.delete(hub);
      this.#backplane.unlisten(target);
    }
    if (before === 0) this.#backplane.listen(target)?.catch(ignore);
  }

  #scheduleSweep(): void {
    if (this.#isSweepDue || this.#kept.size === 0) return;
    this.#isSweepDue = true;
    this.#clock.after(sweepMs, () => {
      this.#isSweepDue = false;
      const nowMs = this.#clock.monotonicMs();
      for (const [key, { expiresAtMs }] of this.#kept) if (expiresAtMs <= nowMs) this.#forget(key);
      this.#scheduleSweep();
    });
  }
}

/** Hub names contain no line break. */
function keyOf(hub: string, group: string): string {
  return `${hub}\n${group}`;
}

function costOf(message: DataMessage): number {
  return message.payload.bytes.length + overheadBytes;
}

/** Until it is reached, the other nodes do without what this one keeps. */
function ignore(): void {}

/** For how long further joins of a group that has no message are the same miss. [PW §2.4] */
const missMs = 60_000;

/**
 * Joins that found no message, told once: until one is kept, the group has no members here, or a minute has passed.
 * [PW §2.4]
 */
export class CacheMisses {
  readonly #monotonicMs: () => number;
  readonly #sinceMs = new Map<string, number>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** True when it is to be told. */
  isNew(group: string): boolean {
    const nowMs = this.#monotonicMs();
    if (nowMs - (this.#sinceMs.get(group) ?? Number.NEGATIVE_INFINITY) < missMs) return false;
    this.#sinceMs.set(group, nowMs);
    return true;
  }

  /** A message is kept, or the last member has left. */
  end(group: string): void {
    this.#sinceMs.delete(group);
  }
}
