/** A lease as it is stored, under its tag. [cluster 6.1] */
export interface LeaseValue {
  /** Of the node, for people. */
  readonly name: string;
  readonly version: string;
  /** Of envelopes that it reads. */
  readonly formats: readonly number[];
  /** Unix milliseconds. */
  readonly startedMs: number;
  /** Of its configuration. */
  readonly digest: string;
  /** How long it is; left out by older versions. Nodes may have another length while they are restarted one by one. */
  readonly leaseMs?: number;
  readonly state: 'live' | 'draining' | 'claimed';
  /** The tag of the claimer. */
  readonly by?: string | undefined;
}

export interface StoredLease {
  readonly tag: string;
  readonly revision: number;
  readonly value: LeaseValue;
}

/** A write on condition of what is stored. `conflict`: something else is. */
export type Write = { readonly kind: 'stored'; readonly sequence: number } | { readonly kind: 'conflict' };

export interface StoredRecord {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/**
 * Where leases and ledgers are kept: what is written is there for all nodes in one order. Every call ends; one that rejects
 * may have had its effect. [cluster 6.1]
 */
export interface ClusterStore {
  /** Of one record of a ledger. */
  readonly maxRecordBytes: number;
  /** @param revision that is replaced; undefined: there must be no lease of the tag */
  writeLease(tag: string, value: LeaseValue, revision: number | undefined): Promise<Write>;
  readLease(tag: string): Promise<StoredLease | undefined>;
  leases(): Promise<readonly StoredLease[]>;
  /** `stored`: it is deleted. */
  deleteLease(tag: string, revision: number): Promise<Write>;
  /** @param after sequence of the ledger's last record; 0: there is none */
  append(tag: string, record: Uint8Array, after: number): Promise<Write>;
  /** Kept by several servers: of appends at the same time more than one may be `stored`. */
  readonly isShared: boolean;
  /** The first record at this sequence or later. */
  nextRecord(tag: string, from: number): Promise<StoredRecord | undefined>;
  /** Of its last record; 0: there is none. */
  lastSequence(tag: string): Promise<number>;
  /** Every record up to this one, in order. */
  readLedger(tag: string, upTo: number, each: (record: StoredRecord) => void): Promise<void>;
  /** Removes records; those from `before` on stay, if it is given. */
  purge(tag: string, before?: number): Promise<void>;
}
