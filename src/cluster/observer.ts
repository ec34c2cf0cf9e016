import type { LeasePhase } from './lease.js';

/** Is told what happens to this node and to those that it speaks for. [CL-123] */
export interface ClusterObserver {
  /** @param why a clause, for people */
  entered(tag: string, phase: LeasePhase | 'draining', why: string): void;
  /** Another node is gone, and this one speaks for it now. @param name of the other node */
  claimed(tag: string, name: string): void;
  /** @param connections that this node has told of. `lost`: the node is live after all, or another one speaks for it */
  takenOver(tag: string, name: string, outcome: 'done' | 'lost', connections: number): void;
  appended(durationMs: number): void;
  /** How many configurations the nodes run: 1 when it is the same for all. */
  configs(count: number): void;
  /** @param groups names of nodes; those that run the same configuration together */
  configsDiffer(groups: readonly (readonly string[])[]): void;
  /** The store has failed, and is tried again: told once for each reason in a row. @param what as in `write a lease` @param tag whose */
  storeFailed(what: string, tag: string | undefined, reason: string): void;
  fault(where: string, error: unknown): void;
}
