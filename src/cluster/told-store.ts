import { LRUCache } from 'lru-cache';
import { failureText } from '../nats/jetstream.js';
import type { ClusterStore } from './store.js';

/** @param tag whose lease or ledger it is @param reason for people, without secrets */
export type TellFailure = (what: string, tag: string | undefined, reason: string) => void;

/** Failures that are remembered, so that they are not told again. */
const mostKnown = 1_000;

/**
 * The same store, which tells why a call has failed: once, until that call for that tag succeeds, or fails for another reason.
 * Those who call it only try again. [CL-123]
 */
export function toldStore(store: ClusterStore, tell: TellFailure): ClusterStore {
  const known = new LRUCache<string, string>({ max: mostKnown });
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
        const kind = reason.replace(/\d+/g, '#'); // as of a sequence
        if (known.get(key) !== kind) tell(what, tag, reason);
        known.set(key, kind);
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
