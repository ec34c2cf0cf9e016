import type { StoredRecord } from '../../src/cluster/store.js';

/** One ledger in memory, as it is read. A test says how it is written. */
export abstract class MemoryLedger {
  records: StoredRecord[] = [];

  async nextRecord(_: string, from: number): Promise<StoredRecord | undefined> {
    return this.records.find(({ sequence }) => sequence >= from);
  }

  async lastSequence(): Promise<number> {
    return this.records.at(-1)?.sequence ?? 0;
  }

  async readLedger(_: string, upTo: number, each: (record: StoredRecord) => void): Promise<void> {
    for (const record of this.records) if (record.sequence <= upTo) each(record);
  }

  async purge(_: string, before = Number.POSITIVE_INFINITY): Promise<void> {
    this.records = this.records.filter(({ sequence }) => sequence >= before);
  }
}
