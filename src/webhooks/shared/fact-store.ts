/** A value, with the revision that a change of it names. */
export interface StoredFact {
  /** Undefined: there is none any more. */
  readonly value: Buffer | undefined;
  readonly revision: number;
}

/** Values that several nodes share. Each change succeeds only if nobody else has changed the value meanwhile. [cluster 6.4] */
export interface FactStore {
  /** Undefined: as with revision 0. @throws as a rejection: when the store cannot be reached */
  get(key: string): Promise<StoredFact | undefined>;
  /**
   * @param revision of what it replaces; 0: nothing was there
   * @returns the new revision; undefined when the value was changed meanwhile
   * @throws as a rejection: when the store does not confirm; the value may be changed all the same
   */
  put(key: string, value: Buffer, revision: number): Promise<number | undefined>;
  /** As `put`, of nothing. */
  delete(key: string, revision: number): Promise<number | undefined>;
  /** Each value that is there from the call on to the end, and perhaps some that come or go meanwhile. @throws as `get` */
  all(): AsyncIterable<StoredFact>;
}
