import type { Clock } from '../../clock.js';
import type { DataMessage } from '../../protocols/messages.js';
import type { Target } from '../commands.js';
import type { Backplane } from '../ports.js';
import type { KeptMessage } from './kept-message.js';

interface Kept {
  readonly message: DataMessage;
  readonly atMs: number;
  /** Monotonic. */
  readonly expiresAtMs: number;
}

/** What is kept of one hub, by group, in the order in which it was published. */
interface Shelf {
  readonly kept: Map<string, Kept>;
  bytes: number;
}

/** Upper limits of what one node keeps. Past either, the hub that has most loses its oldest message. */
const most = { groups: 100_000, bytes: 64 * 1024 * 1024 };

/** What a message costs besides its data. */
const overheadBytes = 512;

const sweepMs = 60_000;

/**
 * The last message of each group that keeps one, of all hubs: also of hubs that have no clients, for those that will come.
 * A node keeps what is published on it, and what reaches its connections, and listens to a group as long as it keeps
 * one of it: so that none is older than what was published since. Which is the latest, a query tells.
 */
export class MessageCache {
  readonly #clock: Clock;
  readonly #backplane: Pick<Backplane, 'listen' | 'unlisten'>;
  readonly #shelves = new Map<string, Shelf>();
  #groups = 0;
  #bytes = 0;
  #isSweepDue = false;

  constructor(clock: Clock, backplane: Pick<Backplane, 'listen' | 'unlisten'>) {
    this.#clock = clock;
    this.#backplane = backplane;
  }

  has(hub: string): boolean {
    return this.#shelves.has(hub);
  }

  /** In place of the one that the group has. */
  keep(hub: string, group: string, message: DataMessage, ttlMs: number): void {
    const shelf = this.#shelves.get(hub) ?? this.#newShelf(hub);
    const before = shelf.kept.get(group);
    if (before === undefined) this.#listen({ scope: 'group', hub, group });
    else this.#uncount(shelf, before);
    shelf.kept.delete(group); // it is the youngest now
    shelf.kept.set(group, { message, atMs: this.#clock.now(), expiresAtMs: this.#clock.monotonicMs() + ttlMs });
    this.#groups += 1;
    this.#bytes += costOf(message);
    shelf.bytes += costOf(message);
    while (this.#groups > most.groups || this.#bytes > most.bytes) this.#forgetOldest();
    this.#scheduleSweep();
  }

  /** None or one. */
  last(hub: string, group: string): readonly KeptMessage[] {
    const kept = this.#shelves.get(hub)?.kept.get(group);
    if (kept === undefined) return [];
    const ttlMs = kept.expiresAtMs - this.#clock.monotonicMs();
    return ttlMs > 0 ? [{ message: kept.message, atMs: kept.atMs, ttlMs }] : [];
  }

  /** Other nodes' queries for its groups must reach this node. */
  #newShelf(hub: string): Shelf {
    const shelf = { kept: new Map(), bytes: 0 };
    this.#shelves.set(hub, shelf);
    this.#listen({ scope: 'hub', hub });
    return shelf;
  }

  #listen(target: Target): void {
    this.#backplane.listen(target)?.catch(ignore);
  }

  /** One hub's messages do not displace those of another that has fewer. */
  #forgetOldest(): void {
    const sizeOf = ({ kept, bytes }: Shelf) => (this.#bytes > most.bytes ? bytes : kept.size);
    const [first, ...others] = this.#shelves;
    const [hub, { kept }] = others.reduce((one, other) => (sizeOf(other[1]) > sizeOf(one[1]) ? other : one), first!);
    const [oldest] = kept.keys();
    this.#forget(hub, oldest!);
  }

  #forget(hub: string, group: string): void {
    const shelf = this.#shelves.get(hub)!;
    this.#uncount(shelf, shelf.kept.get(group)!);
    shelf.kept.delete(group);
    this.#backplane.unlisten({ scope: 'group', hub, group });
    if (shelf.kept.size > 0) return;
    this.#shelves.delete(hub);
    this.#backplane.unlisten({ scope: 'hub', hub });
  }

  #uncount(shelf: Shelf, { message }: Kept): void {
    this.#groups -= 1;
    this.#bytes -= costOf(message);
    shelf.bytes -= costOf(message);
  }

  #scheduleSweep(): void {
    if (this.#isSweepDue || this.#groups === 0) return;
    this.#isSweepDue = true;
    this.#clock.after(sweepMs, () => {
      this.#isSweepDue = false;
      const nowMs = this.#clock.monotonicMs();
      for (const [hub, { kept }] of this.#shelves) {
        for (const [group, { expiresAtMs }] of kept) if (expiresAtMs <= nowMs) this.#forget(hub, group);
      }
      this.#scheduleSweep();
    });
  }
}

function costOf(message: DataMessage): number {
  return message.payload.bytes.length + overheadBytes;
}

/** Until it is reached, the other nodes do without what this one keeps. */
function ignore(): void {}

/** For how long further joins of a group that has no message are the same miss. [PW §2.4] */
const missMs = 60_000;

/** After so long without members here a group counts as vacated: as long as webhooks wait, by default, until they say so. [PW §2.4] */
const vacatedMs = 3_000;

/**
 * Joins that found no message, told once: until one is kept, the group is vacated, or a minute has passed. [PW §2.4]
 */
export class CacheMisses {
  readonly #monotonicMs: () => number;
  readonly #sinceMs = new Map<string, number>();
  /** When the last member of a group with a miss has left, the earliest first. */
  readonly #leftMs = new Map<string, number>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** True when it is to be told. */
  isNew(group: string): boolean {
    const nowMs = this.#monotonicMs();
    this.#endVacated(nowMs);
    this.#leftMs.delete(group);
    if (nowMs - (this.#sinceMs.get(group) ?? Number.NEGATIVE_INFINITY) < missMs) return false;
    this.#sinceMs.set(group, nowMs);
    return true;
  }

  /** The last member has left. */
  left(group: string): void {
    const nowMs = this.#monotonicMs();
    this.#endVacated(nowMs);
    if (!this.#sinceMs.has(group)) return;
    this.#leftMs.delete(group);
    this.#leftMs.set(group, nowMs);
  }

  /** A message is kept. */
  end(group: string): void {
    this.#sinceMs.delete(group);
    this.#leftMs.delete(group);
  }

  #endVacated(nowMs: number): void {
    for (const [group, leftMs] of this.#leftMs) {
      if (nowMs - leftMs < vacatedMs) return;
      this.end(group);
    }
  }
}
