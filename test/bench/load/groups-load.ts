import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { drainTimeoutMs, type Load, Slice, type Work } from './slice.js';

/** One group in this many has its latencies taken. */
const sampled = 10;

interface Group {
  readonly members: readonly RawClient[];
  /** The member that publishes next: each has its turn. */
  turn: number;
  arrivals: number;
  publishedAtMs: number;
}

/** Who hears a message: all members but the one that sent it, or all, where it comes from outside. */
export type Hearers = 'others' | 'all';

/** Many small groups, a number of which have one message under way at every moment. */
export class GroupsLoad implements Load {
  readonly #groups: readonly Group[];
  readonly #send: (group: number, member: RawClient) => void;
  readonly #hearers: Hearers;
  readonly #inFlight: number;
  readonly #guard: Guard;
  /** Groups without a message, in the order in which they get one. */
  readonly #idle: number[];
  #pending = 0;
  #slice: Slice | undefined;

  /**
   * @param send puts a message to the group of this number on its way; `member` is the one whose turn it is
   * @param inFlight groups with a message under way; at most as many as there are
   */
  constructor(
    groups: readonly (readonly RawClient[])[],
    send: (group: number, member: RawClient) => void,
    hearers: Hearers,
    inFlight: number,
    guard: Guard,
  ) {
    this.#groups = groups.map(members => ({ members, turn: 0, arrivals: 0, publishedAtMs: 0 }));
    this.#send = send;
    this.#hearers = hearers;
    this.#inFlight = inFlight;
    this.#guard = guard;
    this.#idle = groups.map((_, index) => index);
  }

  /** Publishes to each group and has every copy looked at; then only lengths are. */
  async prime(check: (message: Buffer) => void): Promise<void> {
    for (const [index, group] of this.#groups.entries()) {
      const [sender, ...others] = group.members as [RawClient, ...RawClient[]];
      this.#send(index, sender);
      const hearers = this.#hearers === 'all' ? group.members : others;
      const copies = await this.#guard.during(Promise.all(hearers.map(client => client.next())), drainTimeoutMs);
      copies.forEach(check);
      const { length } = copies[0]!;
      for (const client of group.members) {
        client.startCounting({ least: length, most: length }, count => this.#arrived(index, count));
      }
    }
  }

  run(durationMs: number): Promise<Work> {
    this.#slice = new Slice();
    for (let count = 0; count < this.#inFlight; count += 1) this.#publishNext();
    return this.#slice.run(durationMs, this.#guard);
  }

  #publishNext(): void {
    const index = this.#idle.shift()!;
    const group = this.#groups[index]!;
    group.publishedAtMs = performance.now();
    group.turn = (group.turn + 1) % group.members.length;
    this.#pending += 1;
    this.#send(index, group.members[group.turn]!);
  }

  #arrived(index: number, count: number): void {
    const group = this.#groups[index]!;
    const slice = this.#slice!;
    if (count !== 1) throw new Error('a member of a group heard a message twice');
    slice.done += 1;
    if (index % sampled === 0) slice.latenciesMs.push(performance.now() - group.publishedAtMs);
    group.arrivals += 1;
    if (group.arrivals < group.members.length - (this.#hearers === 'all' ? 0 : 1)) return;
    group.arrivals = 0;
    this.#pending -= 1;
    this.#idle.push(index);
    if (slice.isOpen) this.#publishNext();
    else if (this.#pending === 0) slice.finish();
  }
}
