import type { Clock } from '../../clock.js';
import type { Turn } from '../../hub/ports.js';
import type { Passing } from './envelope.js';
import type { Peer, Peers } from './peers.js';

/** How a barrier went. */
export interface Passage {
  /** Peers that have not answered in time or at all, and those that this node's query may not have reached. */
  readonly missing: readonly Peer[];
  /** Ids of this node's queries that a peer is still to answer. */
  readonly late: ReadonlyMap<Peer, readonly number[]>;
}

/** Requests that these peers answer the round. */
export type Request = (peers: readonly Peer[], round: number) => void;

export interface BarrierParts {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly peers: Peers;
  /** Sends what waits, then the request to each peer. */
  readonly request: Request;
  /** Told how long a round took. */
  readonly onPassed: (durationMs: number) => void;
}

/** The connection was lost before the barrier was through, or there is none. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
}

/**
 * Rounds that are under way at the same time, and how long after the one before another may begin: what begins meanwhile shares
 * the next one, so that load makes rounds larger and not more. On a slow route two overlap.
 */
const mostUnderWay = 2;
const overlapAfterMs = 10;

/** After this a barrier is through without those that have not answered. [cluster 4] */
const limitMs = 1_000;

/**
 * A barrier is through when each peer has answered, or is found absent. Then every server to which a peer publishes knows what
 * this node listens to, and all that the peers owed it has arrived. One round serves all that began one in a turn. [cluster 4]
 */
export class Barriers {
  readonly #parts: BarrierParts;
  readonly #rounds = new Map<number, Round>();
  #number = 0;
  /** Begins at the turn's end, or when rounds may begin. */
  #next: Round | undefined;
  /** Of the rounds that several share, those that are under way. */
  readonly #underWay = new Set<Round>();
  #cancelOverlap: (() => void) | undefined;
  #state: 'closed' | 'held' | 'open' = 'closed';

  constructor(parts: BarrierParts) {
    this.#parts = parts;
  }

  /** @throws NotConnected as a rejection */
  pass(): Promise<Passage> {
    if (this.#state === 'closed') return Promise.reject(new NotConnected());
    if (this.#next === undefined) {
      this.#next = new Round();
      this.#parts.turn.atEnd(() => this.#beginNext());
    }
    return this.#next.passage;
  }

  /**
   * A round of its own, now, with all peers that are known: for a connection on which nothing else is published yet.
   * @throws as `pass`
   */
  passNow(request: Request): Promise<Passage> {
    const round = new Round();
    this.#begin(round, [...this.#parts.peers.all()], request);
    return round.passage;
  }

  /** There is a connection; rounds wait until `open`. */
  hold(): void {
    this.#state = 'held';
  }

  open(): void {
    this.#state = 'open';
    this.#beginNext();
  }

  /** The connection is lost. */
  lose(): void {
    this.#state = 'closed';
    const rounds = [...this.#rounds.values(), ...(this.#next === undefined ? [] : [this.#next])];
    this.#rounds.clear();
    this.#underWay.clear();
    this.#cancelOverlap?.();
    this.#cancelOverlap = undefined;
    this.#next = undefined;
    for (const round of rounds) round.fail();
  }

  /** The peer has answered. */
  passed(peer: Peer, number: number, { late, isNew }: Passing): void {
    const round = this.#rounds.get(number);
    if (round?.waiting.delete(peer) !== true) return;
    if (isNew) round.missing.push(peer);
    if (late.length > 0) round.late.set(peer, late);
    this.#endIfThrough(number, round);
  }

  /** The server says that the peer is not connected. */
  absent(peer: Peer, number: number): void {
    const round = this.#rounds.get(number);
    if (round?.waiting.delete(peer) !== true) return;
    peer.state = 'absent';
    round.missing.push(peer);
    this.#endIfThrough(number, round);
  }

  /** The peer is gone, and so is all that it had: nothing is missing without it. */
  gone(peer: Peer): void {
    for (const [number, round] of [...this.#rounds]) {
      if (round.waiting.delete(peer)) this.#endIfThrough(number, round);
    }
  }

  #beginNext(): void {
    const round = this.#next;
    if (round === undefined || this.#state !== 'open' || !this.#mayBegin()) return;
    this.#cancelOverlap?.();
    this.#cancelOverlap = undefined;
    this.#next = undefined;
    this.#underWay.add(round);
    round.missing.push(...this.#parts.peers.in('silent', 'absent'));
    this.#begin(round, this.#parts.peers.in('present'), this.#parts.request);
  }

  /** If not, the next one begins when it may. */
  #mayBegin(): boolean {
    const { clock } = this.#parts;
    const last = [...this.#underWay].at(-1);
    if (last === undefined) return true;
    if (this.#underWay.size >= mostUnderWay) return false; // the end of one begins the next
    const waitMs = last.sinceMs + overlapAfterMs - clock.monotonicMs();
    if (waitMs <= 0) return true;
    this.#cancelOverlap ??= clock.after(waitMs, () => {
      this.#cancelOverlap = undefined;
      this.#beginNext();
    });
    return false;
  }

  #begin(round: Round, peers: readonly Peer[], request: Request): void {
    const { clock } = this.#parts;
    this.#number += 1;
    const number = this.#number;
    round.sinceMs = clock.monotonicMs();
    round.waiting = new Set(peers);
    this.#rounds.set(number, round);
    request(peers, number);
    if (!this.#endIfThrough(number, round)) round.cancel = clock.after(limitMs, () => this.#giveUp(number, round));
  }

  #giveUp(number: number, round: Round): void {
    for (const peer of round.waiting) {
      peer.state = 'silent';
      round.missing.push(peer);
    }
    round.waiting.clear();
    this.#endIfThrough(number, round);
  }

  #endIfThrough(number: number, round: Round): boolean {
    if (round.waiting.size > 0) return false;
    this.#rounds.delete(number);
    if (this.#underWay.delete(round) && this.#next !== undefined) this.#parts.turn.atEnd(() => this.#beginNext());
    this.#parts.onPassed(this.#parts.clock.monotonicMs() - round.sinceMs);
    round.end();
    return true;
  }
}

class Round {
  sinceMs = 0;
  waiting = new Set<Peer>();
  readonly missing: Peer[] = [];
  readonly late = new Map<Peer, readonly number[]>();
  cancel = () => {};
  readonly passage: Promise<Passage>;
  #resolve!: (passage: Passage) => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.passage = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.passage.catch(() => {}); // whoever waits for it is told; perhaps nobody does
  }

  end(): void {
    this.cancel();
    this.#resolve(this);
  }

  fail(): void {
    this.cancel();
    this.#reject(new NotConnected());
  }
}
