import type { AttemptRecord } from './envelope.js';

const capacity = 100;
const answerBytes = 1_024;

/** The last 100 attempts of one endpoint. In memory only: a restart begins an empty one. */
export class AttemptLog {
  readonly #records: AttemptRecord[] = [];
  #next = 0;

  add(record: AttemptRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % capacity;
  }

  /** Newest first. */
  list(): readonly AttemptRecord[] {
    return [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)].reverse();
  }
}

/** The first KiB of an answer; a character that would be cut in two is left out. */
export function excerpt(answer: string | undefined): string | undefined {
  if (answer === undefined || answer.length * 3 <= answerBytes) return answer;
  const bytes = Buffer.from(answer);
  if (bytes.length <= answerBytes) return answer;
  let end = answerBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
