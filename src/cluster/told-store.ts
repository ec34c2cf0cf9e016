import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { failureText, isUnanswered } from '../nats/jetstream.js';
import type { ClusterStore } from './store.js';

/** @param tag whose lease or ledger it is @param reason for people, without secrets */
export type TellFailure = (what: string, tag: string | undefined, reason: string) => void;

/** Failures that are remembered, so that they are not told again. */
const mostKnown = 1_000;

/** What nobody answers is told after this: a stream that was just created is not known to all servers yet. */
const unansweredMs = 1_000;

interface Known {
  readonly kind: string;
  /** Monotonic. */
  readonly sinceMs: number;
  isTold: boolean;
}

/**
 * The same store, which tells why a call has failed: once, until that call for that tag succeeds, or fails for another reason.
 * Those who call it only try again. [CL-123]
 */
export function toldStore(store: ClusterStore, tell: TellFailure, clock: Pick<Clock, 'monotonicMs'>): ClusterStore {
  const known = new LRUCache<string, Known>({ max: mostKnown });
  const note = (key: string, kind: string): Known => {
    const before = known.get(key);
    if (before?.kind === kind) return before;
    const now = { kind, sinceMs: clock.monotonicMs(), isTold: false };
    known.set(key, now);
    return now;
  };
  const told = <Arguments extends readonly unknown[], Result>(
    what: string,
    call: (...given: Arguments) => Promise<Result>,
  ) => {
    return async (...given: Arguments): Promise<Result> => {
      const tag = typeof given[0] === 'string' ? given[0] : undefined;
      const key = `${what} ${tag}`;
      try {
        const result = await call(...given);
        known.delete(key);
        return result;
      } catch (error) {
        const reason = failureText(error);
        const failure = note(key, reason.replace(/\d+/g, '#')); // as of a sequence
        const isNew = isUnanswered(error) && clock.monotonicMs() - failure.sinceMs < unansweredMs;
        if (!failure.isTold && !isNew) {
          failure.isTold = true;
          tell(what, tag, reason);
        }
        throw error;
      }
    };
  };
  return {
    get maxRecordBytes() {
      return store.maxRecordBytes;
    },
    get isShared() {
      return store.isShared;
    },
    writeLease: told('write a lease', store.writeLease.bind(store)),
    readLease: told('read a lease', store.readLease.bind(store)),
    leases: told('read the leases of all nodes', store.leases.bind(store)),
    deleteLease: told('delete a lease', store.deleteLease.bind(store)),
    append: told('write to a ledger', store.append.bind(store)),
    nextRecord: told('read a record of a ledger', store.nextRecord.bind(store)),
    lastSequence: told('find the end of a ledger', store.lastSequence.bind(store)),
    readLedger: told('read a ledger', store.readLedger.bind(store)),
    purge: told('remove records of a ledger', store.purge.bind(store)),
  };
}
