import { BadEnvelope } from './bad-envelope.js';
import type { Envelope, EnvelopeWriter } from './envelope.js';

/** What is left below a server's `max_payload` for the head of a part. [cluster 3.3] */
const headroomBytes = 1024;

/** Most bytes of one envelope, in however many parts. */
export const maxEnvelopeBytes = 64 * 1024 * 1024;

/**
 * The envelope as it can be published: itself, or parts that go back to back on the same subject. [cluster 3.3]
 * @param maxPayload of the server, in bytes
 */
export function partsOf(
  bytes: Buffer,
  number: number,
  maxPayload: number,
  writer: Pick<EnvelopeWriter, 'part'>,
): Buffer[] {
  const partBytes = Math.max(maxPayload - headroomBytes, headroomBytes);
  if (bytes.length <= partBytes) return [bytes];
  const of = Math.ceil(bytes.length / partBytes);
  return Array.from({ length: of }, (_, index) =>
    writer.part(number, index, of, bytes.subarray(index * partBytes, (index + 1) * partBytes)),
  );
}

type Part = Envelope & { kind: 'part' };

/** The one unfinished envelope of a peer. */
export class Assembly {
  #parts: Part[] = [];
  #bytes = 0;

  /**
   * The whole envelope once it is complete. One that is not completed is dropped when the next one begins.
   * @throws BadEnvelope `part` for one that does not follow the one before, or for too many bytes
   */
  add(part: Part): Buffer | undefined {
    if (this.#isLate(part)) return undefined;
    if (part.index === 0) this.#clear();
    if (!this.#isNext(part)) {
      this.#clear();
      throw new BadEnvelope('part', `part ${part.index} of ${part.of} follows nothing`);
    }
    this.#parts.push(part);
    this.#bytes += part.bytes.length;
    if (this.#parts.length < part.of) return undefined;
    const whole = Buffer.concat(this.#parts.map(({ bytes }) => bytes));
    this.#clear();
    return whole;
  }

  /** Of commands: one that has come, or of an older envelope than the one that is being put together: by a connection that was lost. */
  #isLate({ index, of, number }: Part): boolean {
    const [first] = this.#parts;
    if (number === 0 || first === undefined || first.number === 0) return false;
    return number < first.number || (number === first.number && of === first.of && index < this.#parts.length);
  }

  #isNext({ index, of, number, bytes }: Part): boolean {
    const [first = { of, number }] = this.#parts;
    const isSame = first.of === of && first.number === number;
    const fits = this.#bytes + bytes.length <= maxEnvelopeBytes && of * headroomBytes <= maxEnvelopeBytes;
    return index === this.#parts.length && index < of && isSame && fits;
  }

  #clear(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}
