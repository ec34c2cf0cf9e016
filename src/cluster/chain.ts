import { decodeRecord, type LedgerRecord } from './records.js';
import type { ClusterStore, StoredRecord, Write } from './store.js';

type Store = Pick<
  ClusterStore,
  'isShared' | 'maxRecordBytes' | 'append' | 'nextRecord' | 'lastSequence' | 'readLedger' | 'purge'
>;

/** A record that counts. */
export interface ChainedRecord {
  readonly sequence: number;
  readonly record: LedgerRecord;
}

/**
 * Which records of a ledger count: each names the one that it follows, and of several that follow the same one, the first. A
 * store of several servers may acknowledge all of them: NATS 2.9 checks a condition before it proposes, and not again when it
 * stores. So an append counts once it was found in its place. [cluster 6.1]
 */
export class Chain {
  /** Sequence of the last record that counts; undefined: the first one that comes does, what was before it is purged. */
  #last: number | undefined;

  constructor(last?: number) {
    this.#last = last;
  }

  /** To be called for each record, in the order of the store. @param record undefined: it is none */
  takes(sequence: number, record: LedgerRecord | undefined): record is LedgerRecord {
    if (record === undefined || (this.#last !== undefined && record.a !== this.#last)) return false;
    this.#last = sequence;
    return true;
  }
}

/** A record that was stored is not there any more, nor any after it: the store has lost it. */
export class LedgerLost extends Error {
  override readonly name = 'LedgerLost';
}

/** Ledgers as they count, over a store that may keep more than that. */
export class ChainedLedgers {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get maxRecordBytes(): number {
    return this.#store.maxRecordBytes;
  }

  /** @param bytes of a record that names `after` @throws as a rejection when it may be stored, and may count */
  async append(tag: string, bytes: Uint8Array, after: number): Promise<Write> {
    const write = await this.#store.append(tag, bytes, after);
    if (!this.#store.isShared && write.kind === 'stored') return write;
    const first = await this.#follower(tag, after);
    if (write.kind === 'conflict') return first === undefined ? this.#appendBehind(tag, bytes, after) : write;
    if (first === undefined) throw new Error(`record ${write.sequence} is not to be read yet`);
    return first.sequence === write.sequence ? write : { kind: 'conflict' };
  }

  /** Records that do not count are the last ones. Found at the next look, if it counts: so it rejects, unless it cannot count. */
  async #appendBehind(tag: string, bytes: Uint8Array, after: number): Promise<Write> {
    if (await this.#isRemoved(tag, after)) return { kind: 'conflict' };
    if (await this.#isLost(tag, after)) throw new LedgerLost();
    await this.#store.append(tag, bytes, await this.#store.lastSequence(tag));
    throw new Error('it was appended behind records that do not count');
  }

  /** The last record that counts. @param from sequence of one that counts; undefined: none is known @throws as a rejection: LedgerLost */
  async last(tag: string, from: number | undefined): Promise<ChainedRecord | undefined> {
    if (from === undefined) return this.#lastOfAll(tag);
    let last = await this.#follower(tag, from);
    if (last === undefined && (await this.#isRemoved(tag, from))) return this.#lastOfAll(tag);
    if (last === undefined && (await this.#isLost(tag, from))) throw new LedgerLost();
    for (let next = last; next !== undefined; next = await this.#follower(tag, next.sequence)) last = next;
    return last;
  }

  /** Every record that counts, up to this one, in order. */
  async read(tag: string, upTo: number, each: (record: LedgerRecord, sequence: number) => void): Promise<void> {
    const chain = new Chain();
    await this.#store.readLedger(tag, upTo, ({ sequence, bytes }) => {
      const record = decodeRecord(bytes);
      if (chain.takes(sequence, record)) each(record, sequence);
    });
  }

  purge(tag: string, before?: number): Promise<void> {
    return this.#store.purge(tag, before);
  }

  /** Somebody has written behind this record, and removed it: who wrote it last may write no more. */
  async #isRemoved(tag: string, sequence: number): Promise<boolean> {
    const next = sequence === 0 ? undefined : await this.#store.nextRecord(tag, sequence);
    return next !== undefined && next.sequence > sequence;
  }

  async #isLost(tag: string, sequence: number): Promise<boolean> {
    return sequence > 0 && (await this.#store.nextRecord(tag, sequence)) === undefined;
  }

  async #lastOfAll(tag: string): Promise<ChainedRecord | undefined> {
    let last: ChainedRecord | undefined;
    await this.read(tag, await this.#store.lastSequence(tag), (record, sequence) => {
      last = { sequence, record };
    });
    return last;
  }

  /** The first record that follows this one, of those that name it. */
  async #follower(tag: string, after: number): Promise<ChainedRecord | undefined> {
    const next = (from: number): Promise<StoredRecord | undefined> => this.#store.nextRecord(tag, from);
    for (let found = await next(after + 1); found !== undefined; found = await next(found.sequence + 1)) {
      const record = decodeRecord(found.bytes);
      if (record?.a === after) return { sequence: found.sequence, record };
    }
    return undefined;
  }
}
