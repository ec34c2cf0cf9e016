import type { Clock } from '../clock.js';
import type { DeadlineTurn, OutboxObserver } from './ports.js';
import type { SteadyTime } from './steady-time.js';
import type { Deadline, OutboxStore } from './store.js';

const slice = 100;
const retryMs = 1_000;

export interface DeadlineTimerOptions {
  readonly store: OutboxStore;
  readonly clock: Clock;
  readonly time: SteadyTime;
  readonly observer: OutboxObserver;
  /** What a deadline turns into. */
  readonly onDeadline: (key: string, content: Buffer) => DeadlineTurn;
  /** Envelopes were added; drafts do not count. */
  readonly onAdded: (count: number) => void;
}

/** Turns deadlines into envelopes and drafts when they are due: one timer for all. */
export class DeadlineTimer {
  readonly #options: DeadlineTimerOptions;
  #isRunning = false;
  #isWoken = false;
  #isStopped = true;
  #cancel: () => void = () => {};

  constructor(options: DeadlineTimerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** The next deadline may be another one now. */
  wake(): void {
    this.#isWoken = true;
    if (!this.#isRunning && !this.#isStopped) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false;
      const nextAtMs = await this.#fire();
      if (!this.#isWoken) this.#setTimer(nextAtMs);
    }
    this.#isRunning = false;
  }

  /** @returns when to look again */
  async #fire(): Promise<number | undefined> {
    const { store, time, observer } = this.#options;
    try {
      const { due, nextDueAtMs } = await store.dueDeadlines(time.nowMs(), slice);
      await this.#completeAll(due);
      if (due.length === slice) this.#isWoken = true;
      const pollAtMs = store.deadlinePollMs === undefined ? Infinity : time.nowMs() + store.deadlinePollMs;
      const nextAtMs = Math.min(nextDueAtMs ?? Infinity, pollAtMs);
      return nextAtMs === Infinity ? undefined : nextAtMs;
    } catch (error) {
      if (!this.#isStopped) observer.storeFailed?.(error);
      return time.nowMs() + retryMs;
    }
  }

  /** In one commit of the store, in this order, in which it is also told. @throws what was wrong with the first that failed */
  async #completeAll(due: readonly Deadline[]): Promise<void> {
    const results = await Promise.allSettled(due.map(deadline => this.#complete(deadline)));
    for (const result of results) if (result.status === 'fulfilled') result.value();
    const failure = results.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** @returns what tells of it */
  async #complete(deadline: Deadline): Promise<() => void> {
    const { store, time, onDeadline, onAdded } = this.#options;
    const turn = onDeadline(deadline.key, deadline.content);
    const { envelopes, drafts, draftMs } = turn;
    const nowMs = time.nowMs();
    try {
      const isOurs = await store.complete(deadline, { envelopes, drafts, untilMs: nowMs + draftMs }, nowMs);
      return () => {
        turn.settled(isOurs);
        if (isOurs && envelopes.length > 0) onAdded(envelopes.length);
      };
    } catch (error) {
      turn.settled(false);
      throw error;
    }
  }

  #setTimer(atMs: number | undefined): void {
    this.#cancel();
    if (atMs === undefined || this.#isStopped) return;
    const waitMs = Math.max(0, atMs - this.#options.time.nowMs());
    this.#cancel = this.#options.clock.after(waitMs, () => this.wake());
  }
}
