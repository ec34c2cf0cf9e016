import type { Clock } from '../clock.js';
import {
  type LeaseInput,
  type LeaseOrder,
  type LeasePhase,
  type LeaseRules,
  type LeaseState,
  leaseAgeMs,
  mayAct,
  newLease,
  type Reading,
  stepLease,
} from './lease.js';
import type { ClusterStore, LeaseValue } from './store.js';

export interface LeaseKeeperParts {
  readonly tag: string;
  readonly store: Pick<ClusterStore, 'isShared' | 'writeLease' | 'readLease' | 'deleteLease'>;
  readonly clock: Clock;
  readonly rules: LeaseRules;
  /** As of now; who it is stays the same. */
  value(): Omit<LeaseValue, 'state' | 'by'>;
  onEntered(phase: LeasePhase, why: string): void;
  /** A renewal was stored, or none has been for too long. */
  onHealth(isGood: boolean): void;
  /** Of this program: the store has none of these. */
  onFault(error: unknown): void;
}

/** A lease that is older is not good: its node claims nobody. */
const goodShare = 0.5;

/** Between two looks at the lease: every message of a client needs one. */
const leastGapMs = 1;

/** Keeps the lease of one tag. [cluster 6.2] */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  #state: LeaseState = newLease;
  #isStopped = false;
  #checkedAt: Reading = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: 0 };
  #onStored = () => {};
  /** Settles once it is stored for the first time. */
  readonly whenStored = new Promise<void>(resolve => {
    this.#onStored = resolve;
  });

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  get phase(): LeasePhase {
    return this.#state.phase;
  }

  get ageMs(): number {
    return leaseAgeMs(this.#state, this.#now());
  }

  /** May clients' requests be carried out, and events be posted now? */
  check(): boolean {
    const now = this.#now();
    const { monotonicMs, wallMs } = this.#checkedAt;
    if (now.wallMs !== wallMs || now.monotonicMs - monotonicMs >= leastGapMs) {
      this.#checkedAt = now;
      this.give({ kind: 'tick' });
    }
    return !this.#isStopped && mayAct(this.#state);
  }

  give(input: LeaseInput): void {
    if (this.#isStopped) return;
    const now = this.#now();
    if (leaseAgeMs(this.#state, now) > goodShare * this.#parts.rules.leaseMs) this.#parts.onHealth(false);
    const { state, orders } = stepLease(this.#state, input, now, this.#parts.rules);
    this.#state = state;
    if (state.goodAt !== undefined) this.#onStored();
    for (const order of orders) this.#obey(order);
  }

  /** Nothing is written or told any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Deletes it: nothing is left to be told. @throws as a rejection when that may not be done */
  async end(): Promise<void> {
    const { revision } = this.#state;
    const { store, tag } = this.#parts;
    this.give({ kind: 'drained' });
    this.stop();
    if (revision !== undefined) await store.deleteLease(tag, revision);
  }

  #obey(order: LeaseOrder): void {
    const { onEntered, onFault } = this.#parts;
    switch (order.kind) {
      case 'write':
        this.#write(order.revision).catch(onFault);
        break;
      case 'read':
        this.#read('found').catch(onFault);
        break;
      case 'confirm':
        this.#read('confirmed').catch(onFault);
        break;
      case 'entered':
        onEntered(order.phase, order.why);
        break;
      case 'delete': // by `end`, which waits for it
    }
  }

  async #write(revision: number | undefined): Promise<void> {
    const { store, tag, onHealth } = this.#parts;
    const value = this.#parts.value();
    const state = this.#state.isDraining ? 'draining' : 'live';
    const write = await answerOf(store.writeLease(tag, { ...value, state }, revision));
    if (write === undefined) {
      onHealth(false);
      this.give({ kind: 'failed' });
    } else if (write.kind === 'conflict') this.give(write);
    else {
      this.give({ kind: 'stored', revision: write.sequence, mayHaveRival: store.isShared });
      onHealth(true);
    }
  }

  async #read(kind: 'found' | 'confirmed'): Promise<void> {
    const { store, tag } = this.#parts;
    const value = this.#parts.value();
    const answer = await answerOf(store.readLease(tag).then(found => ({ found })));
    if (answer === undefined) {
      this.give({ kind: 'failed' });
      return;
    }
    const { found } = answer;
    const isOwn =
      found?.value.state !== 'claimed' && found?.value.startedMs === value.startedMs && found.value.name === value.name;
    this.give({ kind, row: found && { revision: found.revision, isOwn } });
  }

  #now(): Reading {
    const { clock } = this.#parts;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
  }
}

/** Undefined: the store does not answer, and whoever keeps it says why. */
function answerOf<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch(() => undefined);
}
