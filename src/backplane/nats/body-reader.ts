import { badHead } from './bad-envelope.js';

/** The bodies of one envelope, taken one after another. */
export class BodyReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw badHead('the bodies are shorter than the head says');
    const body = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return body;
  }

  /** All that are left. */
  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }

  /** @throws BadEnvelope `head` when bodies are left */
  end(): void {
    if (this.#at < this.#bytes.length) throw badHead('the bodies are longer than the head says');
  }
}
