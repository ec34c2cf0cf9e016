import type { Entry } from './nats-entries.js';
import type { AddOp, SettleOp } from './nats-records.js';
import type { Contents } from './nats-replica.js';

const mostBytes = 32 * 1024 * 1024;
const bytesBesideContent = 500;

/** Contents of what this node has accepted, which it will usually deliver: the others are read when they are claimed. */
export class NatsContents implements Contents {
  readonly #isOwn: (node: string) => boolean;
  #bytes = 0;

  constructor(isOwn: (node: string) => boolean) {
    this.#isOwn = isOwn;
  }

  take(entry: Entry, op: AddOp | SettleOp): void {
    if (!this.#isOwn(entry.adder) || this.#bytes > mostBytes) return;
    entry.cached = { ...op, content: Buffer.from(op.content) }; // the record as a whole is not kept
    this.#bytes += op.content.length + bytesBesideContent;
  }

  drop(entry: Entry): void {
    if (entry.cached === undefined) return;
    this.#bytes -= entry.cached.content.length + bytesBesideContent;
    entry.cached = undefined;
  }
}
