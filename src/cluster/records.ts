import { apply, type Entry, type OpenConnections } from './entries.js';

/**
 * One message of a ledger: JSON. `a` is the sequence of the record that it follows, 0 for the first. `by` is the tag of the node that wrote it, `n` the number of the record among those of that
 * node. `e` are entries. `seal`: nobody who wrote before writes any more. `snap`: a part of all that the ledger says so
 * far; the parts come one after another, and it counts once the last one is there. [cluster 6.1]
 */
export interface LedgerRecord {
  readonly by: string;
  readonly n: number;
  readonly a: number;
  readonly e?: readonly Entry[];
  readonly seal?: true;
  readonly snap?: { readonly first: boolean; readonly last: boolean };
}

/** @param entries each as JSON */
export function encodeRecord(head: Omit<LedgerRecord, 'e'>, entries: readonly string[]): Buffer {
  const text = JSON.stringify(head);
  return Buffer.from(`${text.slice(0, -1)},"e":[${entries.join(',')}]}`, 'utf8');
}

/** Undefined: it was written by somebody else, and counts for nothing. */
export function decodeRecord(bytes: Uint8Array): LedgerRecord | undefined {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<LedgerRecord> | null;
    const isRecord =
      typeof record?.by === 'string' &&
      typeof record.n === 'number' &&
      typeof record.a === 'number' &&
      (record.e === undefined || Array.isArray(record.e));
    return isRecord ? (record as LedgerRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the records of a ledger that count, from its first to its last: what is left to be told of the connections of its node. */
export class LedgerReader {
  #connections: OpenConnections = new Map();
  /** The parts of a snapshot so far. */
  #snapshot: OpenConnections | undefined;

  read({ e: entries = [], snap }: LedgerRecord): void {
    if (snap?.first === true) this.#snapshot = new Map();
    const connections = snap === undefined ? this.#connections : this.#snapshot;
    if (connections === undefined) return; // the first parts are purged: a later snapshot is whole
    for (const entry of entries) apply(connections, entry);
    if (snap?.last === true) {
      this.#connections = connections;
      this.#snapshot = undefined;
    }
  }

  get connections(): OpenConnections {
    return this.#connections;
  }
}
