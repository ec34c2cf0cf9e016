import { type Clock, wait } from '../clock.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import type { Batch, Batches, FreshEvents } from './batches.js';

/** Between two writes: each is a commit of its own, and what comes meanwhile shares the next one. */
const gapMs = 5;

/**
 * Keeps events that wait for their batch: as drafts in the outbox, whose place the envelope of the batch takes. There is one
 * write at a time, of all that came since the one before, unless something is to be written after them.
 */
export class Drafts<Endpoint extends object> {
  readonly #clock: Clock;
  readonly #batches: Batches<Endpoint>;
  readonly #draftOf: (batch: Batch<Endpoint>, events: readonly string[]) => Envelope;
  readonly #queue: Pick<Outbox, 'draft' | 'isDurable'>;
  #isWriting = false;
  /** Of `keepNow`. */
  #early: Promise<void> = Promise.resolve();
  /** Those who wait for the write that contains what is fresh now. */
  #whenKept: (() => void)[] = [];

  constructor(
    clock: Clock,
    batches: Batches<Endpoint>,
    draftOf: (batch: Batch<Endpoint>, events: readonly string[]) => Envelope,
    queue: Pick<Outbox, 'draft' | 'isDurable'>,
  ) {
    this.#clock = clock;
    this.#batches = batches;
    this.#draftOf = draftOf;
    this.#queue = queue;
  }

  /** Keeps what waits, soon. */
  keep(): void {
    if (this.#isWriting || !this.#queue.isDurable) return;
    this.#isWriting = true;
    queueMicrotask(() => void this.#write()); // with what else this turn brings
  }

  /** Gives what waits to the outbox before what the caller gives it next: after a crash, all is delivered in that order. */
  keepNow(): void {
    if (!this.#batches.hasFresh || !this.#queue.isDurable) return;
    const kept = this.#draft(this.#batches.takeFresh());
    this.#early = Promise.all([this.#early, kept]).then(() => {});
  }

  /** Resolves once what waits now is kept, or could not be. At once where nothing is kept. */
  async kept(): Promise<void> {
    if (this.#isWriting) await new Promise<void>(resolve => void this.#whenKept.push(resolve));
    await this.#early;
  }

  async #write(): Promise<void> {
    while (this.#batches.hasFresh) {
      const waiting = this.#whenKept;
      this.#whenKept = [];
      await this.#draft(this.#batches.takeFresh());
      for (const resolve of waiting) resolve();
      await wait(gapMs, this.#clock);
    }
    this.#isWriting = false;
    for (const resolve of this.#whenKept.splice(0)) resolve();
  }

  /** What is not kept is still in its batch, and counts as not kept if the batch is not. */
  async #draft(fresh: readonly FreshEvents<Endpoint>[]): Promise<void> {
    const drafts = fresh.map(({ batch, events }) => {
      const draft = this.#draftOf(batch, events);
      batch.drafts.add(draft.id); // the batch may leave during the write
      return draft;
    });
    try {
      await this.#queue.draft(drafts, Math.max(...fresh.map(({ durationMs }) => durationMs)));
    } catch {
      for (const [index, { batch }] of fresh.entries()) batch.drafts.delete(drafts[index]!.id);
    }
  }
}
