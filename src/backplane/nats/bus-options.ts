import type { Clock } from '../../clock.js';
import type { Turn } from '../../hub/ports.js';
import type { Operation } from '../../nats/events.js';
import type { Signer } from './frame.js';
import type { Dropped } from './receiver.js';

/** Counts what happens on the bus. Called on hot paths. */
export interface BusMeter {
  /** `sent` and `received` are whole; `repeated` was received before; `dropped` is none of this cluster. */
  envelope(way: 'sent' | 'received' | 'repeated' | 'dropped'): void;
  barrierPassed(durationMs: number): void;
  /** A query has ended without the answers of all nodes. */
  partialQuery(): void;
}

/** Told what happens on the bus. */
export interface BusObserver extends BusMeter {
  /** At most once a minute. */
  dropped(what: Dropped): void;
  /**
   * The server does not let this user subscribe or publish to these subjects. `isExcluded`: others reach it there, or know of it by
   * what it sends there, so that this node takes no part until it may; else only clients that need it are refused.
   */
  refused(operation: Operation, subjects: readonly string[], isExcluded: boolean): void;
  /** It takes part, on this connection. */
  tookPart(): void;
  fault(where: string, error: unknown): void;
}

export interface BusOptions {
  /** Of all subjects: `<cluster name>.1`. */
  readonly root: string;
  /** Of this node, which its connection ids begin with. [cluster 3.1] */
  readonly tag: string;
  /** That it had before, which others learn with this one; undefined: it has just started. */
  readonly formerTag?: string | undefined;
  /** That do not come back, as this node knows from what it was before: nothing of them is carried out. The youngest last. */
  readonly goneTags?: readonly string[];
  /** Of this node, for people. */
  readonly name: string;
  /** Bytes of commands that are kept while NATS is away. */
  readonly keepBytes: number;
  /**
   * Until a node from which nothing comes counts as gone, unless `forget` says so before. Until then its connections may
   * exist: results without it are not whole.
   */
  readonly goneAfterMs: number;
  /** Undefined: envelopes are not signed. */
  readonly signer: Signer | undefined;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly observer: BusObserver;
}
