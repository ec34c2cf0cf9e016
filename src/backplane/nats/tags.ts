import { randomBytes, randomFillSync } from 'node:crypto';
import { connectionIdLength, tagLength } from './subjects.js';

/** A tag for a node: 6 characters of base64url, drawn at each start. [cluster 3.1] */
export function newTag(): string {
  return randomBytes(6).toString('base64url').slice(0, tagLength);
}

/** 19 random bytes give 26 characters, of which 25 are used. */
const idBytes = 19;

/** Gives the connection ids of one node: its tag and 25 random characters, 31 in all. [cluster 3.1] */
export class ConnectionIds {
  /** Of the ids from now on. */
  tag: string;
  /** Drawn many at a time: hot path. */
  readonly #drawn = Buffer.alloc(idBytes * 256);
  #usedBytes = this.#drawn.length;

  constructor(tag: string) {
    this.tag = tag;
  }

  readonly next = (): string => {
    if (this.#usedBytes === this.#drawn.length) {
      randomFillSync(this.#drawn);
      this.#usedBytes = 0;
    }
    this.#usedBytes += idBytes;
    const random = this.#drawn.toString('base64url', this.#usedBytes - idBytes, this.#usedBytes);
    return this.tag + random.slice(0, connectionIdLength - tagLength);
  };
}
