import { expect, test } from 'vitest';
import { ChainedLedgers } from '../../../src/cluster/chain.js';
import { PeerWatch } from '../../../src/cluster/peer-watch.js';
import { encodeRecord } from '../../../src/cluster/records.js';
import type { ClusterStore, LeaseValue, StoredLease, Write } from '../../../src/cluster/store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { MemoryLedger } from '../../support/memory-ledger.js';

const leaseMs = 3_000;
const value: LeaseValue = { name: 'node', version: '1', formats: [1], startedMs: 0, digest: '', state: 'live' };

/** Leases, and the ledger of one node. */
class Store extends MemoryLedger implements ClusterStore {
  readonly isShared = false;
  readonly maxRecordBytes = 64 * 1024;
  readonly #leases = new Map<string, StoredLease>();
  #written = 0;

  async writeLease(tag: string, lease: LeaseValue, revision: number | undefined): Promise<Write> {
    if (this.#leases.get(tag)?.revision !== revision) return { kind: 'conflict' };
    this.#written += 1;
    this.#leases.set(tag, { tag, revision: this.#written, value: lease });
    return { kind: 'stored', sequence: this.#written };
  }

  async readLease(tag: string): Promise<StoredLease | undefined> {
    return this.#leases.get(tag);
  }

  async leases(): Promise<readonly StoredLease[]> {
    return [...this.#leases.values()];
  }

  async deleteLease(tag: string, revision: number): Promise<Write> {
    if (this.#leases.get(tag)?.revision !== revision) return { kind: 'conflict' };
    this.#leases.delete(tag);
    return { kind: 'stored', sequence: revision };
  }

  async append(_: string, bytes: Uint8Array, after: number): Promise<Write> {
    if ((await this.lastSequence()) !== after) return { kind: 'conflict' };
    this.records.push({ sequence: after + 1, bytes });
    return { kind: 'stored', sequence: after + 1 };
  }

  /** As a leader of the stream that does not have the latest records. */
  loseLast(): void {
    this.records.pop();
  }
}

test('[CL-059] a takeover that has ended because the store had lost its last record is begun again, until all is told', async () => {
  const store = new Store();
  const clock = new ManualClock();
  await store.writeLease('gone', value, undefined);
  const ids = ['one', 'two'];
  const opens = ids.map(id => JSON.stringify({ kind: 'open', hub: 'h', id }));
  await store.append('gone', encodeRecord({ by: 'gone', n: 1, a: 0 }, opens), 0);
  const told: string[] = [];
  const outcomes: string[] = [];
  const gone: string[] = [];
  let losses = 1;
  const watch = new PeerWatch({
    store,
    clock,
    ledgers: new ChainedLedgers(store),
    tag: 'me',
    leaseMs,
    onGone: tag => void gone.push(tag),
    heir: {
      async end({ id }, eventId, tag) {
        told.push(`${id} of ${tag}, ${eventId}`);
        if (losses > 0) store.loseLast();
        losses -= 1;
      },
      inherit: async () => {},
    },
    observer: {
      ...{ entered() {}, claimed() {}, appended() {}, configs() {}, configsDiffer() {}, storeFailed() {} },
      takenOver: (_tag, _name, outcome, connections) => void outcomes.push(`${outcome}, ${connections}`),
      fault: (where, error) => expect.unreachable(`${where}: ${error}`),
    },
  });
  watch.onHealth(true);
  const scanned = async () => {
    await watch.scan();
    await clock.advanceAsync(leaseMs);
  };
  await scanned();
  await scanned();
  expect(outcomes).toEqual(['lost, 2']);
  expect((await store.readLease('gone'))?.value.by).toBe('me');
  await scanned();
  await scanned();
  expect(outcomes).toEqual(['lost, 2', 'done, 2']);
  const each = ids.map(id => `${id} of gone, 2147483647`);
  expect(told).toEqual([...each, ...each]); // with the same `ce-id`, as a takeover by another node would
  expect(gone).toEqual(['gone']);
});
