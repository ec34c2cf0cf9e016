import { PubSubError } from '../../errors.js';

/** How many successful ackIds a session remembers. [client-protocols 4.4] */
const rememberedAckIds = 1000;

/** Numbers are cheaper than bigints; the two never equal each other, so an id has one key. */
type Key = number | bigint;

/** Ids that came one after the other. */
interface Run<Id extends Key = number> {
  first: Id;
  last: Id;
}

/** Ids that came one after the other, first and last, in digits: a uint64 is no JSON number. Oldest first. */
export type AckRecord = readonly (readonly [first: string, last: string])[];

/** Runs that are searched one by one; a client whose ids come in no order gets a set. */
const maxRuns = 8;

/**
 * The ackIds that succeeded, oldest forgotten first. A failed operation is not remembered: it may be sent again.
 * Clients count their ackIds upwards, so those of a session are a few runs, where a set of them would take 40 KB.
 * [client-protocols 4.4, D7]
 */
export class AckMemory {
  /** Oldest first. */
  #runs: Run[] = [];
  /** Takes the place of the runs once there are too many of them. */
  #set: AckSet | undefined;
  #size = 0;

  /** @throws PubSubError `internal` for what is not an `AckRecord` */
  static from(record: unknown): AckMemory {
    const memory = new AckMemory();
    let left = rememberedAckIds;
    for (const [first, last] of runsIn(record)) {
      for (let id = first; id <= last; id += 1n) {
        if (left-- === 0) throw invalidRecord();
        memory.remember(id);
      }
    }
    return memory;
  }

  record(): AckRecord {
    const runs = this.#set === undefined ? this.#runs : runsOf(this.#set.ids());
    return runs.map(({ first, last }) => [String(first), String(last)]);
  }

  has(ackId: bigint): boolean {
    const key = keyOf(ackId);
    if (this.#set !== undefined) return this.#set.has(key);
    for (const { first, last } of this.#runs) if (key >= first && key <= last) return true;
    return false;
  }

  remember(ackId: bigint): void {
    if (this.has(ackId)) return;
    const key = keyOf(ackId);
    const latest = this.#runs.at(-1);
    if (this.#set !== undefined) this.#set.add(key);
    else if (typeof key === 'number' && latest?.last === key - 1) this.#extend(latest, key);
    else if (typeof key === 'number' && this.#runs.length < maxRuns) this.#begin(key);
    else this.#scatter(key);
  }

  #extend(latest: Run, key: number): void {
    latest.last = key;
    this.#forgetBeyondLimit();
  }

  #begin(key: number): void {
    this.#runs.push({ first: key, last: key });
    this.#forgetBeyondLimit();
  }

  #forgetBeyondLimit(): void {
    if (this.#size < rememberedAckIds) {
      this.#size += 1;
      return;
    }
    const oldest = this.#runs[0] as Run;
    if (oldest.first === oldest.last) this.#runs.shift();
    else oldest.first += 1;
  }

  #scatter(key: Key): void {
    this.#set = new AckSet();
    for (const { first, last } of this.#runs) for (let id = first; id <= last; id += 1) this.#set.add(id);
    this.#runs = [];
    this.#set.add(key);
  }
}

class AckSet {
  readonly #ids = new Set<Key>();
  /** The same ids in order of arrival, as a ring: deleting the first of a Set again and again is slow. */
  readonly #ring: Key[] = [];
  #oldest = 0;

  has(key: Key): boolean {
    return this.#ids.has(key);
  }

  /** Oldest first. */
  ids(): readonly Key[] {
    return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
  }

  /** Adds one that is not there yet. */
  add(key: Key): void {
    this.#ids.add(key);
    if (this.#ring.length < rememberedAckIds) {
      this.#ring.push(key);
      return;
    }
    this.#ids.delete(this.#ring[this.#oldest] as Key);
    this.#ring[this.#oldest] = key;
    this.#oldest = (this.#oldest + 1) % rememberedAckIds;
  }
}

function runsOf(keys: readonly Key[]): readonly Run<Key>[] {
  const runs: Run<Key>[] = [];
  for (const key of keys) {
    const latest = runs.at(-1);
    if (typeof key === 'number' && latest?.last === key - 1) latest.last = key;
    else runs.push({ first: key, last: key });
  }
  return runs;
}

function runsIn(record: unknown): (readonly [first: bigint, last: bigint])[] {
  if (!Array.isArray(record)) throw invalidRecord();
  return record.map((run: unknown) => {
    const [first, last, ...more]: unknown[] = Array.isArray(run) ? run : [];
    if (!isUint64(first) || !isUint64(last) || more.length > 0) throw invalidRecord();
    return [BigInt(first), BigInt(last)];
  });
}

function isUint64(digits: unknown): digits is string {
  return typeof digits === 'string' && /^\d{1,20}$/.test(digits) && BigInt(digits) < 2n ** 64n;
}

function invalidRecord(): PubSubError {
  return new PubSubError(
    'internal',
    `the record of a session is invalid: acks must be runs of at most ${rememberedAckIds} ids`,
  );
}

const largestNumber = BigInt(Number.MAX_SAFE_INTEGER);

function keyOf(ackId: bigint): Key {
  return ackId <= largestNumber ? Number(ackId) : ackId;
}
