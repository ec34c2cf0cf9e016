import { createHash } from 'node:crypto';

/** What a local store remembers of one endpoint; never more than there is in delivery. */
export class Lane {
  /** Claimable, or held back by an earlier one of their key. */
  ready = 0;
  drafts = 0;
  delayed = 0;
  dead = 0;
  inFlight = 0;
  /** The last row of `ready` that a claim has looked at; all before it are claimed, moved or gone. */
  cursor = 0;
  /** Rows of `ready` behind the cursor, the next one last: claims find their rows by number, many at a time. */
  ahead: number[] = [];
  /** Rows in delivery, or whose next place is being written. */
  readonly taken = new Set<number>();
  /** Keys, as in the tables, of ordered envelopes in delivery. */
  readonly activeKeys = new Set<string>();
  /** Of those, the ones whose envelope is settled: the next held one may be claimed. */
  readonly freedKeys = new Set<string>();

  constructor(readonly endpoint: string) {}

  /** The row of `ready` is claimable again. */
  rewind(seq: number): void {
    this.cursor = Math.min(this.cursor, seq - 1);
    this.ahead = [];
  }

  get isEmpty(): boolean {
    return this.ready + this.drafts + this.delayed + this.dead + this.inFlight === 0;
  }
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  of(endpoint: string): Lane {
    const known = this.#lanes.get(endpoint);
    if (known !== undefined) return known;
    const lane = new Lane(endpoint);
    this.#lanes.set(endpoint, lane);
    return lane;
  }

  find(endpoint: string): Lane | undefined {
    return this.#lanes.get(endpoint);
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }
}

/** A key of any length as part of a row's key, which LMDB limits. */
export function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 32);
}
