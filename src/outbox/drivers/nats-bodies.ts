import { NotKept } from '../outbox-error.js';
import type { Entry } from './nats-entries.js';
import type { NatsAccess } from './nats-reader.js';
import { type AddOp, decodeRecord, envelopeAt, type KeepOp, type OutboxRecord, type SettleOp } from './nats-records.js';

/** Requests at a time. */
const atOnce = 32;

/** An envelope with its attempts, as some record has it. */
export type Whole = AddOp | SettleOp | KeepOp;

/** Reads contents from the stream, as its leader has it. */
export class NatsBodies {
  readonly #stream: string;
  readonly #access: () => NatsAccess | undefined;

  constructor(stream: string, access: () => NatsAccess | undefined) {
    this.#stream = stream;
    this.#access = access;
  }

  /** @returns those that are there, by number @throws NotKept */
  async of(entries: readonly Entry[]): Promise<ReadonlyMap<number, Whole>> {
    const found = new Map<number, Whole>();
    const bySeq = new Map<number, Entry[]>();
    for (const entry of entries) {
      if (entry.cached !== undefined) found.set(entry.ref, entry.cached);
      else bySeq.set(entry.seq, [...(bySeq.get(entry.seq) ?? []), entry]);
    }
    const seqs = [...bySeq.keys()];
    for (let from = 0; from < seqs.length; from += atOnce) {
      const records = await Promise.all(seqs.slice(from, from + atOnce).map(seq => this.record(seq)));
      for (const record of records) {
        for (const entry of bySeq.get(record?.seq ?? 0) ?? []) {
          const whole = record && envelopeAt(record, entry.slot);
          if (whole !== undefined) found.set(entry.ref, whole);
        }
      }
    }
    return found;
  }

  /** Undefined: it is not there, or cannot be read. @throws NotKept */
  async record(seq: number): Promise<OutboxRecord | undefined> {
    const access = this.#access();
    if (access === undefined) throw new NotKept('unreachable', 'NATS is away');
    const message = await access.manager.streams.getMessage(this.#stream, { seq }).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      throw new NotKept('unreachable', `NATS did not answer: ${text}`, { cause: error });
    });
    if (message === null) return undefined;
    try {
      return decodeRecord(message.seq, message.subject, message.data);
    } catch {
      return undefined; // the reader has told
    }
  }
}
