import { atMost, type Clock, wait } from '../clock.js';
import { ChainedLedgers } from './chain.js';
import type { Entry } from './entries.js';
import type { LeasePhase, LeaseRules } from './lease.js';
import { LeaseKeeper } from './lease-keeper.js';
import { LedgerWriter } from './ledger-writer.js';
import type { ClusterObserver } from './observer.js';
import { PeerWatch } from './peer-watch.js';
import type { ClusterStore, LeaseValue, StoredLease } from './store.js';
import type { Heir } from './takeover-run.js';

/** What becomes of this node, as its lease decides. [cluster 6.2] */
export interface NodeLife {
  /** A tag that no node has had. */
  newTag(): string;
  /** Its peers reach it by this tag from now on; settles when they know of it. @throws as a rejection: it is tried again */
  join(tag: string): Promise<void>;
  /** Clients are let in, and their requests carried out: the first time, and after a pause. */
  resume(): void;
  /** Requests of clients wait, and no client is let in. */
  pause(): void;
  /** Closes all clients. */
  isolate(): void;
  /** Drops all sockets, forgets all connections, and posts nothing for them. */
  fence(): void;
  /** Somebody speaks for another node. @param isOwn this one does, and tells the others; left out: nobody wants to know */
  replace?(tag: string, isOwn: boolean): void;
  /** Another node is gone, and nothing is left to be told of its connections: there are none. */
  forget(tag: string): void;
}

export interface ClusterNodeParts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly rules: LeaseRules;
  /** What its lease says of it. */
  about(): Omit<LeaseValue, 'state' | 'by' | 'startedMs' | 'leaseMs'>;
  readonly life: NodeLife;
  readonly heir: Heir;
  readonly observer: ClusterObserver;
}

/** How often the lease is looked after, and all leases are read, in one lease. */
const ticksPerLease = 20;
const scansPerLease = 5;

const joinAgainMs = 500;

/** How long the end of a node waits for its last entries to be stored, and for its ledger to be removed: see `#removeLedger`. */
const lastEntriesMs = 1_000;
const mostRemovalMs = 3_000;

/** What a node has under one tag. */
interface Incarnation {
  readonly tag: string;
  readonly ledger: LedgerWriter;
  readonly lease: LeaseKeeper;
  readonly peers: PeerWatch;
  /** Its ledger is begun. */
  isBegun: boolean;
}

/** This node among the others: its lease, its ledger, and the nodes that it speaks for. [cluster 6] */
export class ClusterNode {
  readonly #parts: ClusterNodeParts;
  #now: Incarnation;
  #isStopped = false;
  readonly #cancelTimers = new Set<() => void>();
  #onLive = () => {};
  /** What waits for the lease; false: it has ended. */
  #held: ((isAllowed: boolean) => void)[] = [];

  constructor(parts: ClusterNodeParts) {
    this.#parts = parts;
    this.#now = this.#incarnate();
  }

  /** Settles once it is live for the first time. */
  start(): Promise<void> {
    const live = new Promise<void>(resolve => {
      this.#onLive = resolve;
    });
    this.#begin();
    const { leaseMs } = this.#parts.rules;
    this.#every(leaseMs / ticksPerLease, () => this.check());
    this.#every(leaseMs / scansPerLease, () => void this.#now.peers.scan());
    return live;
  }

  get tag(): string {
    return this.#now.tag;
  }

  get phase(): LeasePhase {
    return this.#now.lease.phase;
  }

  /** Milliseconds since the last renewal that was stored was sent. */
  get leaseAgeMs(): number {
    return this.#now.lease.ageMs;
  }

  /** All leases, as of the last scan. */
  get leases(): readonly StoredLease[] {
    return this.#now.peers.leases;
  }

  /** Is this the first of the nodes that are live? As of the last scan: for some seconds it may be two nodes, or none. */
  get isFirst(): boolean {
    const live = this.leases.filter(({ value }) => value.state === 'live').map(({ tag }) => tag);
    return live.toSorted()[0] === this.tag;
  }

  /** More waits to be stored than is kept: no client is let in. [CL-060] */
  get isFull(): boolean {
    return this.#now.ledger.isFull;
  }

  /**
   * May requests of clients be carried out and events be posted now? To be called before each: this process may have been
   * stopped for any time before.
   */
  check(): boolean {
    return !this.#isStopped && this.#now.isBegun && this.#now.lease.check();
  }

  /**
   * May something be posted that was begun under this tag? A promise while that waits for the lease; false when other nodes
   * speak for the tag.
   */
  allows(tag: string): boolean | Promise<boolean> {
    if (tag !== this.#now.tag) return false;
    if (this.check()) return true;
    if (tag !== this.#now.tag) return false;
    return new Promise(resolve => void this.#held.push(resolve));
  }

  /** True once it is stored; false when it never will be: nothing may be posted for it. */
  add(entry: Entry): Promise<boolean> {
    return this.#now.ledger.add(entry);
  }

  /** As `add`, where nobody waits. */
  note(entry: Entry): void {
    this.#now.ledger.note(entry);
  }

  /** The connection to the store is lost. */
  storeLost(): void {
    this.#now.peers.onHealth(false);
  }

  /** The store is another one: what was stored before is lost. */
  storeReplaced(): void {
    this.#now.lease.give({ kind: 'replaced' });
  }

  /** Its lease says that it is about to stop. */
  drain(): void {
    this.#now.ledger.drain();
    this.#now.lease.give({ kind: 'drain' });
  }

  /**
   * Ends it. When nothing is left to be told, no lease and no ledger stay; otherwise both stay, and another node tells it.
   * [CL-062]
   * @param isAllTold nothing is left of what is not in the ledger either
   */
  async stop(isAllTold = true): Promise<void> {
    const { ledger, lease, peers, tag } = this.#now;
    await this.#lastEntries(ledger);
    const isOver = isAllTold && this.check() && ledger.isEmpty;
    this.#isStopped = true;
    for (const cancel of this.#cancelTimers) cancel();
    peers.stop();
    ledger.close();
    try {
      if (isOver) await Promise.all([this.#removeLedger(tag), lease.end()]);
    } catch (error) {
      this.#parts.observer.fault('end of the lease', error);
    }
    lease.stop();
  }

  /** What was noted last is stored, unless the store is away. */
  #lastEntries(ledger: LedgerWriter): Promise<boolean> {
    return atMost(lastEntriesMs, ledger.begin(), this.#parts.clock);
  }

  /** What is left of one that takes longer, or while the store is away, is removed with its lease's mark, a day later. */
  #removeLedger(tag: string): Promise<boolean> {
    const removed = this.#parts.store.purge(tag).catch(() => {});
    return atMost(mostRemovalMs, removed, this.#parts.clock);
  }

  // ------------------------------------------------------------------------------------------------- one tag to another

  #incarnate(): Incarnation {
    const { store, clock, rules, life, heir, observer } = this.#parts;
    const tag = life.newTag();
    const { leaseMs } = rules;
    const startedMs = clock.now();
    const ledgers = new ChainedLedgers(store);
    const peers = new PeerWatch({
      ...{ store, ledgers, clock, heir, observer, tag, leaseMs },
      onGone: gone => life.forget(gone),
      onClaimed: (claimed, isOwn) => life.replace?.(claimed, isOwn),
    });
    const lease = new LeaseKeeper({
      ...{ tag, store, clock, rules },
      value: () => ({ ...this.#parts.about(), startedMs, leaseMs }),
      onEntered: (phase, why) => this.#entered(tag, phase, why),
      onHealth: isGood => peers.onHealth(isGood),
      onFault: error => observer.fault('the lease of this node', error),
    });
    const ledger = new LedgerWriter({
      ...{ tag, ledgers, clock },
      onSealed: () => lease.give({ kind: 'sealed' }),
      onAppended: durationMs => observer.appended(durationMs),
    });
    return { tag, ledger, lease, peers, isBegun: false };
  }

  #begin(): void {
    const incarnation = this.#now;
    this.#parts.observer.entered(incarnation.tag, 'starting', 'it has a new tag');
    void this.#reach(incarnation);
  }

  /**
   * The ledger is begun before there is a lease: so a lease that others find has a ledger, which they can seal. And it is
   * written to once more afterwards: the lease may have been stored for long without an answer, taken over and deleted.
   */
  async #reach(incarnation: Incarnation): Promise<void> {
    const { ledger, lease, tag } = incarnation;
    await ledger.begin();
    if (this.#isOld(incarnation)) return;
    incarnation.isBegun = true;
    this.check();
    await lease.whenStored;
    await Promise.all([ledger.begin(), this.#join(incarnation, tag)]);
    if (!this.#isOld(incarnation)) lease.give({ kind: 'reached' });
  }

  async #join(incarnation: Incarnation, tag: string): Promise<void> {
    const { life, clock, observer } = this.#parts;
    while (!this.#isOld(incarnation)) {
      try {
        await life.join(tag);
        return;
      } catch (error) {
        if (this.#isOld(incarnation)) return; // it ends with the connection
        observer.fault('first barrier of this node', error);
        await wait(joinAgainMs, clock);
      }
    }
  }

  #isOld(incarnation: Incarnation): boolean {
    return this.#isStopped || incarnation !== this.#now;
  }

  #entered(tag: string, phase: LeasePhase, why: string): void {
    if (tag !== this.#now.tag) return;
    const { life, observer } = this.#parts;
    observer.entered(tag, phase, why);
    if (phase === 'live') {
      life.resume();
      this.#release(true);
      this.#onLive();
    } else if (phase === 'paused') life.pause();
    else if (phase === 'isolated') life.isolate();
    else if (phase === 'fenced') this.#fence();
  }

  /** Others speak for the old tag: nothing is posted under it any more. */
  #fence(): void {
    const { ledger, lease, peers } = this.#now;
    lease.stop();
    peers.stop();
    ledger.close();
    this.#release(false);
    this.#parts.life.fence();
    this.#now = this.#incarnate();
    this.#begin();
  }

  #release(isAllowed: boolean): void {
    for (const resolve of this.#held.splice(0)) resolve(isAllowed);
  }

  #every(ms: number, task: () => void): void {
    const { clock } = this.#parts;
    let cancel = () => {};
    const again = () => {
      this.#cancelTimers.delete(cancel);
      cancel = clock.after(ms, again);
      this.#cancelTimers.add(cancel);
      task();
    };
    again();
  }
}
