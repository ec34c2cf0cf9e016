/** One envelope on its way to the server. */
export interface Sendable {
  /** Of a command envelope, which is kept until the server has it; undefined: of use only on the connection of now. */
  readonly number: number | undefined;
  readonly subject: string;
  readonly bytes: Buffer;
  /** Where the server reports that nobody listens. */
  readonly reply: string | undefined;
  /** Of commands: how many there are. */
  readonly commands: number;
}

/** A sendable in the ring. */
export interface Entry extends Sendable {
  /** Monotonic. Of one that the server had confirmed before its connection was lost: minus infinity. */
  addedAtMs: number;
  sentAtMs: number;
  /** Of the connection, once it is sent: it is confirmed when this is. */
  position: number;
}

/** What an entry costs beside its bytes. */
const entryBytes = 256;

export interface RingLimits {
  /** Bytes that are kept of what is not confirmed, and of what is. [cluster 2] */
  readonly keepBytes: number;
  /**
   * A confirmed envelope is still kept until the server has confirmed one that was sent so much later: it may have ended, or
   * vanished, before it passed the earlier one on.
   */
  readonly keepMs: number;
}

/**
 * The last envelopes of this node, in order: those that the server has confirmed, for a short time; those that were sent; those
 * that wait. Pure accounting: it is told what is sent and what is confirmed. [cluster 3.5]
 */
export class Ring {
  readonly #limits: RingLimits;
  #entries: Entry[] = [];
  #confirmed = 0;
  /** Those that are confirmed included. */
  #sent = 0;
  #bytes = 0;
  #unconfirmedBytes = 0;
  #waitingBytes = 0;
  /** For commands whose envelope is not made yet. */
  reservedBytes = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** Of all that is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of what is still to be sent. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The next to be sent, in the order in which they were added. */
  get waiting(): Entry | undefined {
    return this.#entries[this.#sent];
  }

  /** Number of the last command envelope that waits: of all, or of those with this subject. */
  lastWaiting(subject?: string): number | undefined {
    for (let index = this.#entries.length - 1; index >= this.#sent; index -= 1) {
      const entry = this.#entries[index]!;
      if (entry.number !== undefined && (subject ?? entry.subject) === entry.subject) return entry.number;
    }
    return undefined;
  }

  /** What waits and is no command: it is not among the rest any more. */
  takeOthers(): readonly Entry[] {
    const isOther = ({ number }: Entry, index: number) => number === undefined && index >= this.#sent;
    const others = this.#entries.filter(isOther);
    if (others.length === 0) return others;
    this.#entries = this.#entries.filter((entry, index) => !isOther(entry, index));
    for (const other of others) {
      this.#bytes -= costOf(other);
      this.#unconfirmedBytes -= costOf(other);
      this.#waitingBytes -= costOf(other);
    }
    return others;
  }

  /** May so much more be kept? @param besides bytes that the connection takes on top of the limit */
  hasRoom(bytes: number, besides: number): boolean {
    const most = Math.max(this.#limits.keepBytes, besides);
    return this.#unconfirmedBytes + this.reservedBytes + bytes + entryBytes <= most;
  }

  /** @param nowMs monotonic, as everywhere here */
  add(sendable: Sendable, nowMs: number): void {
    this.#entries.push({ ...sendable, addedAtMs: nowMs, sentAtMs: 0, position: 0 });
    const bytes = costOf(sendable);
    this.#bytes += bytes;
    this.#unconfirmedBytes += bytes;
    this.#waitingBytes += bytes;
  }

  /** The one that waited longest is sent. @param position of the connection after it */
  sent(position: number, nowMs: number): void {
    const entry = this.#entries[this.#sent]!;
    entry.position = position;
    entry.sentAtMs = nowMs;
    this.#waitingBytes -= costOf(entry);
    this.#sent += 1;
  }

  /** The server has all up to this position. */
  confirm(position: number): void {
    while (this.#confirmed < this.#sent && this.#entries[this.#confirmed]!.position <= position) {
      this.#unconfirmedBytes -= costOf(this.#entries[this.#confirmed]!);
      this.#confirmed += 1;
    }
    this.#trim();
  }

  /**
   * The connection is lost, or left: what the server may not have passed on waits again, however late that is noticed.
   * @param isLost then what was of use only there is gone, sent or not @returns number of the first envelope that waits
   */
  rewind(isLost: boolean): number | undefined {
    const sent = this.#sent;
    for (let index = 0; index < this.#confirmed; index += 1) {
      this.#entries[index]!.addedAtMs = Number.NEGATIVE_INFINITY;
    }
    this.#entries = this.#entries.filter(({ number }, index) => number !== undefined || (!isLost && index >= sent));
    this.#confirmed = 0;
    this.#sent = 0;
    this.#bytes = this.#entries.reduce((sum, entry) => sum + costOf(entry), 0);
    this.#unconfirmedBytes = this.#bytes;
    this.#waitingBytes = this.#bytes;
    return this.#entries.find(({ number }) => number !== undefined)?.number;
  }

  /** Confirmed ones go: those that were sent long before the last of them, and as many as are too many. */
  #trim(): void {
    const { keepBytes, keepMs } = this.#limits;
    const keptFromMs = (this.#entries[this.#confirmed - 1]?.sentAtMs ?? 0) - keepMs;
    let gone = 0;
    for (; gone < this.#confirmed; gone += 1) {
      const entry = this.#entries[gone]!;
      const isKept = entry.number !== undefined && entry.sentAtMs > keptFromMs && this.#bytes <= keepBytes;
      if (isKept) break;
      this.#bytes -= costOf(entry);
    }
    if (gone === 0) return;
    this.#entries.splice(0, gone);
    this.#confirmed -= gone;
    this.#sent -= gone;
  }
}

function costOf({ bytes }: Sendable): number {
  return bytes.length + entryBytes;
}
