import { ConfigWatch } from './config-watch.js';
import { type LeaseRow, noPeers, type PeersInput, type PeersState, stepPeers } from './peers.js';
import type { StoredLease } from './store.js';
import { type TakeoverParts, TakeoverRun } from './takeover-run.js';

export interface PeerWatchParts extends TakeoverParts {
  /** Of this node. */
  readonly tag: string;
  /** The lease of another node has ended: nothing is left to be told of its connections. */
  onGone(tag: string): void;
}

/** Apart, so that the numbers of one takeover's records are not those of another of the same ledger. */
const recordsPerTakeover = 1_000_000_000;

/** Looks after the leases of the other nodes, and takes over those that have ended. [cluster 6.3] */
export class PeerWatch {
  readonly #parts: PeerWatchParts;
  readonly #configs: ConfigWatch;
  #state: PeersState = noPeers;
  #leases: readonly StoredLease[] = [];
  readonly #runs = new Map<string, TakeoverRun>();
  #begun = 0;
  #isScanning = false;
  #isStopped = false;
  readonly #waiting = new Set<() => void>();

  constructor(parts: PeerWatchParts) {
    this.#parts = parts;
    this.#configs = new ConfigWatch(parts.leaseMs, parts.observer);
  }

  /** All leases, as of the last scan. */
  get leases(): readonly StoredLease[] {
    return this.#leases;
  }

  /** This node's own lease is good, or is not. */
  onHealth(isGood: boolean): void {
    this.#give({ kind: isGood ? 'good' : 'bad' });
  }

  /** Reads all leases, and claims those that may be claimed. To be called several times a lease. Never rejects. */
  async scan(): Promise<void> {
    if (this.#isScanning || this.#isStopped) return;
    this.#isScanning = true;
    const leases = await this.#parts.store.leases().catch(() => undefined);
    this.#isScanning = false;
    if (this.#isStopped) return;
    if (leases === undefined) this.#give({ kind: 'bad' });
    else this.#scanned(leases);
  }

  #scanned(leases: readonly StoredLease[]): void {
    const { onClaimed, observer, clock } = this.#parts;
    this.#leases = leases;
    try {
      for (const { tag, value } of leases) if (value.by !== undefined) onClaimed?.(tag, false);
      this.#give({ kind: 'scanned', rows: leases.map(rowOf) });
      this.#configs.scanned(leases, clock.monotonicMs());
    } catch (error) {
      observer.fault('scan of the leases', error);
    }
  }

  /** Nobody is taken over any more; takeovers that are under way end with what they are doing. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#waiting) cancel();
    for (const run of this.#runs.values()) run.stop();
  }

  #give(input: PeersInput): void {
    const { tag, leaseMs, clock, onGone } = this.#parts;
    const { state, claims, gone } = stepPeers(this.#state, input, tag, clock.monotonicMs(), leaseMs);
    this.#state = state;
    for (const each of gone) onGone(each);
    for (const { row, delayMs } of claims) this.#claimLater(row.tag, row.revision, delayMs);
  }

  #claimLater(tag: string, revision: number, delayMs: number): void {
    if (this.#runs.has(tag)) return;
    const lease = this.#leases.find(each => each.tag === tag && each.revision === revision);
    if (lease === undefined) return;
    this.#begun += 1;
    const run = new TakeoverRun(this.#parts, lease, this.#parts.tag, this.#begun * recordsPerTakeover);
    this.#runs.set(tag, run);
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#waiting.delete(cancel);
      void run.run().then(() => this.#runs.delete(tag));
    });
    this.#waiting.add(cancel);
  }
}

function rowOf({ tag, revision, value: { by: claimedBy, leaseMs } }: StoredLease): LeaseRow {
  return { tag, revision, claimedBy, leaseMs };
}
