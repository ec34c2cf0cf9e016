import { decodeRecord } from '../../../src/cluster/records.js';
import type { ClusterStore, LeaseValue, StoredLease, StoredRecord, Write } from '../../../src/cluster/store.js';
import type { Dice, SimulatedProcess, SimulatedTime } from './world.js';

/** Until a request without an answer is given up. */
const requestMs = 400;
const mostDelayMs = 8;

/** What a cluster of servers keeps: one order of all writes. It may stall, and its answers may be lost. */
export class SimulatedStore {
  readonly leases = new Map<string, StoredLease>();
  readonly ledgers = new Map<string, StoredRecord[]>();
  /** By tag: somebody else has written to its ledger. */
  readonly sealed = new Set<string>();
  #lostOf100 = 0;
  #sequence = 0;
  #stalledUntilMs = 0;
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  /** Processes that neither reach it nor are reached. */
  readonly #cut = new Set<SimulatedProcess>();

  /** It checks conditions some time before it stores, as several servers of NATS 2.9 do. */
  readonly #isLoose: boolean;

  constructor(time: SimulatedTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
    this.#isLoose = dice.isOneIn(2);
  }

  /** Nothing is answered for so long, as without a leader. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#time.clock.monotonicMs() + ms);
  }

  loseOf100(answers: number): void {
    this.#lostOf100 = answers;
  }

  cut(process: SimulatedProcess): void {
    this.#cut.add(process);
  }

  heal(process?: SimulatedProcess): void {
    if (process === undefined) this.#cut.clear();
    else this.#cut.delete(process);
  }

  /** As one process uses it. */
  of(process: SimulatedProcess): ClusterStore {
    const call = <T>(work: () => T | Promise<T>) => this.#call(process, work);
    return {
      maxRecordBytes: 500,
      writeLease: (tag, value, revision) => call(() => this.#writeLease(tag, value, revision)),
      readLease: tag => call(() => this.leases.get(tag)),
      leases: () => call(() => [...this.leases.values()]),
      deleteLease: (tag, revision) => call(() => this.#deleteLease(tag, revision)),
      append: (tag, record, after) => call(() => this.#append(tag, record, after)),
      isShared: this.#isLoose,
      nextRecord: (tag, from) => call(() => this.ledgers.get(tag)?.find(({ sequence }) => sequence >= from)),
      lastSequence: tag => call(() => this.ledgers.get(tag)?.at(-1)?.sequence ?? 0),
      readLedger: async (tag, upTo, each) => {
        for (const record of await call(() => this.#records(tag, upTo))) each(record);
      },
      purge: (tag, before) => call(() => this.#purge(tag, before)),
    };
  }

  #call<T>(process: SimulatedProcess, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = process.after(requestMs, () => reject(new Error('no answer')));
      this.#travel(async () => {
        if (this.#cut.has(process)) return;
        const result = await work();
        if (this.#dice.between(1, 100) <= this.#lostOf100) return;
        this.#travel(() => {
          if (this.#cut.has(process)) return;
          process.run(() => {
            giveUp();
            resolve(result);
          });
        });
      });
    });
  }

  #travel(arrive: () => unknown): void {
    const { clock } = this.#time;
    const stallMs = Math.max(0, this.#stalledUntilMs - clock.monotonicMs());
    clock.after(stallMs + this.#dice.between(0, mostDelayMs), () => void arrive());
  }

  #writeLease(tag: string, value: LeaseValue, revision: number | undefined): Write | Promise<Write> {
    if (this.leases.get(tag)?.revision !== revision) return { kind: 'conflict' };
    return this.#later(() => {
      this.#sequence += 1;
      this.leases.set(tag, { tag, value, revision: this.#sequence });
      return { kind: 'stored', sequence: this.#sequence };
    });
  }

  #deleteLease(tag: string, revision: number): Write {
    if (this.leases.get(tag)?.revision !== revision) return { kind: 'conflict' };
    this.leases.delete(tag);
    return { kind: 'stored', sequence: this.#sequence };
  }

  #append(tag: string, bytes: Uint8Array, after: number): Write | Promise<Write> {
    if ((this.ledgers.get(tag)?.at(-1)?.sequence ?? 0) !== after) return { kind: 'conflict' };
    return this.#later(() => {
      this.#sequence += 1;
      this.ledgers.set(tag, [...(this.ledgers.get(tag) ?? []), { sequence: this.#sequence, bytes }]);
      this.#noteSeal(tag, bytes);
      return { kind: 'stored', sequence: this.#sequence };
    });
  }

  /** Is it the first that follows the record that it names? */
  #noteSeal(tag: string, bytes: Uint8Array): void {
    const { by, a } = decodeRecord(bytes)!;
    const same = (this.ledgers.get(tag) ?? []).filter(({ bytes: other }) => decodeRecord(other)?.a === a);
    if (by !== tag && same[0]?.bytes === bytes) this.sealed.add(tag);
  }

  #later<T>(work: () => T): T | Promise<T> {
    if (!this.#isLoose) return work();
    return new Promise(
      resolve => void this.#time.clock.after(this.#dice.between(0, mostDelayMs), () => resolve(work())),
    );
  }

  #records(tag: string, upTo: number): StoredRecord[] {
    return (this.ledgers.get(tag) ?? []).filter(({ sequence }) => sequence <= upTo);
  }

  #purge(tag: string, before = Number.POSITIVE_INFINITY): void {
    const left = (this.ledgers.get(tag) ?? []).filter(({ sequence }) => sequence >= before);
    if (left.length === 0) this.ledgers.delete(tag);
    else this.ledgers.set(tag, left);
  }
}
