import type { Clock } from '../clock.js';
import { isStreamMissing } from '../nats/jetstream.js';
import { type AppendInput, type AppendOrder, type AppendState, newAppends, stepAppends, took } from './append.js';
import { type ChainedLedgers, LedgerLost } from './chain.js';
import { apply, type Entry, type OpenConnections } from './entries.js';
import { encodeRecord } from './records.js';
import { SnapshotParts } from './snapshot.js';

export interface LedgerWriterParts {
  readonly tag: string;
  readonly ledgers: ChainedLedgers;
  readonly clock: Clock;
  /** Somebody has sealed the ledger. */
  onSealed(): void;
  /** An append was stored. */
  onAppended(durationMs: number): void;
}

interface Waiting {
  readonly entry: Entry;
  readonly text: string;
  readonly settle: ((isStored: boolean) => void) | undefined;
}

/** Entries that wait at most; then no client is let in. [CL-060] */
const mostWaiting = 100_000;

/** A snapshot is made when this much has been written since the last one, and twice as much as that was. [cluster 6.1] */
const leastTailBytes = 1_048_576;
const tailsPerSnapshot = 2;

/** So long a node that is about to stop waits for a ledger that the store does not have: whatever it could store comes too late. */
const missingMs = 2_000;

/** The ledger of this node, under one tag: what others need in order to speak for it. [cluster 6.1] */
export class LedgerWriter {
  readonly #parts: LedgerWriterParts;
  #appends: AppendState = newAppends(0);
  readonly #waiting: Waiting[] = [];
  /** What is in the record that is under way. */
  #underWay: readonly Waiting[] = [];
  #record: Buffer = Buffer.alloc(0);
  #sentMs = 0;
  /** What is stored. */
  readonly #connections: OpenConnections = new Map();
  #tailBytes = 0;
  #snapshotBytes = 0;
  #snapshot: SnapshotParts | undefined;
  /** Undefined: no tick is due. There is at most one at a time, the earliest that was ordered. */
  #tick: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #isClosed = false;
  /** Monotonic: since when the store has not had the ledger; undefined: it has, as far as is known. */
  #missingSinceMs: number | undefined;
  #isDraining = false;

  constructor(parts: LedgerWriterParts) {
    this.#parts = parts;
  }

  /** Writes an entry that says nothing; settles once it is stored, or never will be. */
  begin(): Promise<void> {
    return this.#add({ kind: 'done', id: '' }).then(() => undefined);
  }

  /** True once it is stored; false when it never will be, since the ledger is sealed. */
  add(entry: Entry): Promise<boolean> {
    return this.#add(entry);
  }

  /** As `add`, where nobody waits: it is stored with what comes next, or soon. */
  note(entry: Entry): void {
    this.#enqueue(entry, undefined);
  }

  /** More waits than is kept. */
  get isFull(): boolean {
    return this.#waiting.length >= mostWaiting;
  }

  /** Is everything stored, and nothing left to be told of any connection? */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0 && this.#connections.size === 0;
  }

  /**
   * This node is about to stop: a ledger that is missing is not waited for. What would have been posted once it was stored is not
   * posted; if the store has the ledger nevertheless, another node reads it there, and posts it. [CL-062]
   */
  drain(): void {
    this.#isDraining = true;
    this.#closeIfMissing();
  }

  #closeIfMissing(): void {
    const sinceMs = this.#missingSinceMs;
    if (this.#isDraining && sinceMs !== undefined && this.#parts.clock.monotonicMs() - sinceMs >= missingMs)
      this.close();
  }

  /** Nothing is written any more; who waits is told that nothing was stored. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tick?.cancel();
    for (const { settle } of [...this.#underWay, ...this.#waiting.splice(0)]) settle?.(false);
    this.#underWay = [];
  }

  #add(entry: Entry): Promise<boolean> {
    return new Promise(resolve => this.#enqueue(entry, resolve));
  }

  #enqueue(entry: Entry, settle: Waiting['settle']): void {
    if (this.#isClosed) {
      settle?.(false);
      return;
    }
    this.#waiting.push({ entry, text: JSON.stringify(entry), settle });
    this.#give({ kind: 'added', entries: 1, isUrgent: settle !== undefined });
  }

  #give(input: AppendInput): void {
    if (this.#isClosed) return;
    const { state, orders } = stepAppends(this.#appends, input, this.#parts.clock.monotonicMs());
    this.#appends = state;
    for (const order of orders) this.#obey(order);
  }

  #obey(order: AppendOrder): void {
    switch (order.kind) {
      case 'append':
        this.#make(order.number, order.after);
        this.#send(order.after);
        break;
      case 'repeat':
        this.#send(order.after);
        break;
      case 'look':
        void this.#look();
        break;
      case 'settled':
        this.#settle();
        break;
      case 'sealed':
        this.close();
        this.#parts.onSealed();
        break;
      case 'wait':
        this.#wait(order.ms);
    }
  }

  #wait(ms: number): void {
    const { clock } = this.#parts;
    const atMs = clock.monotonicMs() + ms;
    if (this.#tick !== undefined && this.#tick.atMs <= atMs) return;
    this.#tick?.cancel();
    const cancel = clock.after(ms, () => {
      this.#tick = undefined;
      this.#give({ kind: 'tick' });
    });
    this.#tick = { atMs, cancel };
  }

  /** A part of a snapshot, or as much of what waits as one record takes. */
  #make(n: number, a: number): void {
    const { tag: by, ledgers } = this.#parts;
    const head = { by, n, a };
    if (this.#snapshot !== undefined) {
      const { texts, first, last } = this.#snapshot.next(ledgers.maxRecordBytes);
      this.#record = encodeRecord({ ...head, snap: { first, last } }, texts);
      if (last) this.#appends = took(this.#appends, 1);
      return;
    }
    this.#underWay = this.#waiting.splice(0, this.#fitting(ledgers.maxRecordBytes));
    this.#appends = took(this.#appends, this.#underWay.length);
    const texts = this.#underWay.map(({ text }) => text);
    this.#record = encodeRecord(head, texts);
  }

  /** At least one. */
  #fitting(maxBytes: number): number {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ text }, at) => {
      bytes += Buffer.byteLength(text) + 1;
      return at > 0 && bytes > maxBytes;
    });
    return end === -1 ? this.#waiting.length : end;
  }

  #send(after: number): void {
    const { ledgers, tag, clock } = this.#parts;
    this.#sentMs = clock.monotonicMs();
    ledgers.append(tag, this.#record, after).then(
      write => this.#give(write),
      () => this.#give({ kind: 'failed' }),
    );
  }

  async #look(): Promise<void> {
    const { ledgers, tag } = this.#parts;
    const { after } = this.#appends;
    try {
      const last = await ledgers.last(tag, after);
      const number = last?.record.by === tag ? last.record.n : undefined;
      this.#missingSinceMs = undefined;
      this.#give({ kind: 'last', sequence: last?.sequence ?? after, number });
    } catch (error) {
      const isLost = error instanceof LedgerLost;
      if (isLost || isStreamMissing(error)) this.#missingSinceMs ??= this.#parts.clock.monotonicMs();
      this.#closeIfMissing();
      this.#give({ kind: isLost ? 'lost' : 'failed' });
    }
  }

  #settle(): void {
    const { clock, onAppended } = this.#parts;
    onAppended(clock.monotonicMs() - this.#sentMs);
    if (this.#snapshot === undefined) this.#tailBytes += this.#record.length;
    else this.#snapshotStored(this.#snapshot);
    const stored = this.#underWay;
    this.#underWay = [];
    for (const { entry } of stored) apply(this.#connections, entry);
    for (const { settle } of stored) settle?.(true);
    this.#beginSnapshot();
  }

  #beginSnapshot(): void {
    const least = Math.max(leastTailBytes, tailsPerSnapshot * this.#snapshotBytes);
    if (this.#snapshot !== undefined || this.#isClosed || this.#tailBytes <= least) return;
    this.#snapshot = new SnapshotParts(this.#connections);
    this.#give({ kind: 'added', entries: 1, isUrgent: true });
  }

  #snapshotStored(snapshot: SnapshotParts): void {
    snapshot.stored(this.#appends.after, this.#record.length);
    if (!snapshot.isOver) return;
    this.#snapshot = undefined;
    this.#tailBytes = 0;
    this.#snapshotBytes = snapshot.bytes;
    const { ledgers, tag } = this.#parts;
    ledgers.purge(tag, snapshot.firstSequence).catch(() => {}); // what stays is read for nothing, until the next snapshot
  }
}
