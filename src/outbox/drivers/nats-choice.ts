import type { Claim, Room } from '../store.js';
import type { Entry, Lane } from './nats-entries.js';
import { placeOf } from './nats-records.js';
import type { NatsReplica } from './nats-replica.js';

/** So long an envelope is left to the node that has accepted it; */
const politeMs = 300;
/** then, so long after the beginning, to the one whose share it is. */
const patientMs = 1_500;
const turns = 8;
/** Of one endpoint: envelopes that are looked at for one claim. */
const mostLookedAt = 2_000;

export interface ChoiceOptions {
  readonly nowMs: number;
  readonly monotonicMs: number;
  /** Also what is not due yet, or would be another node's. */
  readonly isAll?: boolean;
}

export interface Choice {
  readonly refs: readonly number[];
  readonly nextDueAtMs: Claim['nextDueAtMs'];
}

/**
 * What this node claims. Nodes may claim the same and only one gets it; so each begins with what it has accepted itself, goes
 * on with its share of what others leave lying, and takes what is left when they have not done so for a while.
 */
export class NatsChooser {
  /** Places in the stream, and when they had been read. */
  readonly #marks: { readonly seq: number; readonly atMs: number }[] = [];
  /** What was written until then has been there for that long. */
  #politeSeq = 0;
  #patientSeq = 0;
  #turn = 0;
  /** Envelopes that could not be read, and until when they are left alone. */
  readonly #avoided = new Map<number, number>();

  avoid(ref: number, untilMs: number): void {
    this.#avoided.set(ref, untilMs);
  }

  choose(replica: NatsReplica, node: string, { total, endpoints }: Room, options: ChoiceOptions): Choice {
    this.#look(replica.seq, options.monotonicMs);
    const nodes = Array.from(replica.writers.live, writer => writer.node).toSorted();
    this.#turn += 1;
    const isTurnOfAll = this.#turn % turns === 0; // a busy node does not forget what another one leaves lying
    const refs: number[] = [];
    let nextDueAtMs = Number.POSITIVE_INFINITY;
    for (const { endpoint, count, isOrdered } of endpoints) {
      const lane = replica.lanes.get(endpoint);
      if (lane === undefined) continue;
      lane.isOrdered = isOrdered;
      const most = Math.min(count, total - refs.length);
      const isOurs = (entry: Entry) => this.#isOurs(entry, node, nodes, options);
      const isAnybodys = (entry: Entry) => isOurs(entry) || entry.mentionedSeq <= this.#patientSeq;
      const ours = this.#chooseIn(lane, most, isTurnOfAll ? isAnybodys : isOurs, options);
      refs.push(...(ours.length > 0 ? ours : this.#chooseIn(lane, most, isAnybodys, options)));
      nextDueAtMs = Math.min(nextDueAtMs, nextDueIn(lane, options.nowMs));
    }
    return { refs, nextDueAtMs: nextDueAtMs === Number.POSITIVE_INFINITY ? undefined : nextDueAtMs };
  }

  #chooseIn(lane: Lane, most: number, isWanted: (entry: Entry) => boolean, options: ChoiceOptions): number[] {
    const chosen: number[] = [];
    let looked = 0;
    for (const entry of claimable(lane, options)) {
      if (chosen.length >= most || looked >= mostLookedAt) break;
      looked += 1;
      if (isWanted(entry) && !this.#isAvoided(entry, options.monotonicMs)) chosen.push(entry.ref);
    }
    return chosen;
  }

  #isAvoided({ ref }: Entry, nowMs: number): boolean {
    const untilMs = this.#avoided.get(ref);
    if (untilMs !== undefined && untilMs <= nowMs) this.#avoided.delete(ref);
    return untilMs !== undefined && untilMs > nowMs;
  }

  #isOurs(entry: Entry, node: string, nodes: readonly string[], { isAll = false }: ChoiceOptions): boolean {
    if (isAll) return true;
    const isLeft = entry.mentionedSeq <= this.#politeSeq || !nodes.includes(entry.adder);
    return isLeft ? nodes[shareOf(entry.ref) % nodes.length] === node : entry.adder === node;
  }

  #look(seq: number, nowMs: number): void {
    if (this.#marks.at(-1)?.seq !== seq) this.#marks.push({ seq, atMs: nowMs });
    while (this.#marks[0] !== undefined && this.#marks[0].atMs <= nowMs - patientMs) {
      this.#patientSeq = this.#marks.shift()?.seq ?? 0;
    }
    this.#politeSeq = this.#marks.findLast(({ atMs }) => atMs <= nowMs - politeMs)?.seq ?? this.#patientSeq;
  }
}

/** Neighbours go to different nodes. */
function shareOf(ref: number): number {
  const { seq, slot } = placeOf(ref);
  return seq + slot;
}

/** First what is due again, then what is new, in order of acceptance. */
function* claimable(lane: Lane, { nowMs, isAll = false }: ChoiceOptions): Iterable<Entry> {
  for (const [[dueAtMs], entry] of lane.delayed.entries()) {
    if (dueAtMs > nowMs && !isAll) break;
    yield entry;
  }
  if (lane.isOrdered && !isAll) yield* lane.heads.values();
  else yield* merged(lane.heads.values(), lane.behind.values());
}

function* merged(one: Iterator<Entry>, other: Iterator<Entry>): Iterable<Entry> {
  let [a, b] = [one.next(), other.next()];
  while (a.done !== true || b.done !== true) {
    if (b.done === true || (a.done !== true && a.value.order < b.value.order)) {
      yield a.value as Entry;
      a = one.next();
    } else {
      yield b.value;
      b = other.next();
    }
  }
}

function nextDueIn(lane: Lane, nowMs: number): number {
  for (const [[dueAtMs]] of lane.delayed.entries()) {
    if (dueAtMs > nowMs) return dueAtMs;
  }
  return Number.POSITIVE_INFINITY;
}
