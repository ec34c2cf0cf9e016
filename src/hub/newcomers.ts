import type { Admission } from './admission.js';

/**
 * Clients of a hub that have no connection yet: those that are being admitted, then those that are admitted and not opened.
 * Counted, not kept: V8 keeps the former tables of a Map that changes often, and what was in them, until its next full collection.
 */
export class Newcomers {
  #admitting = 0;
  #admitted = 0;
  /** Ids that clients of either kind bring. */
  readonly #broughtIds = new Set<string>();

  /** Clients that are being admitted. */
  get admitting(): number {
    return this.#admitting;
  }

  get size(): number {
    return this.#admitting + this.#admitted;
  }

  /** Does one of them bring this id? */
  brings(connectionId: string): boolean {
    return this.#broughtIds.has(connectionId);
  }

  /** @param id that the client brings, if any; until `admit` or `refuse` */
  begin(id: string | undefined): void {
    this.#admitting += 1;
    if (id !== undefined) this.#broughtIds.add(id);
  }

  refuse(id: string | undefined): void {
    this.#admitting -= 1;
    if (id !== undefined) this.#broughtIds.delete(id);
  }

  /** Until `settle`. */
  admit(admission: Admission, endListening: () => void): void {
    admission.endListening = endListening;
    this.#admitting -= 1;
    this.#admitted += 1;
  }

  /** The client is opened or abandoned. Returns what ends the listening to its targets; undefined for one that was not counted. */
  settle(admission: Admission): (() => void) | undefined {
    const { endListening, connectionId } = admission;
    if (endListening === undefined) return undefined;
    admission.endListening = undefined;
    this.#admitted -= 1;
    if (this.#broughtIds.size > 0) this.#broughtIds.delete(connectionId);
    return endListening;
  }
}
