import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/clock.js';

/** Of the event loop: what one thing causes may take several, such as a claim, an attempt and the next claim. */
const turnsAtATime = 20;

async function turns(): Promise<void> {
  for (let count = 0; count < turnsAtATime; count += 1) await setImmediate();
}

interface Task {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock that stands still until a test advances it. */
export class ManualClock implements Clock {
  /** Far from the wall clock's, so that a test fails when the two are mixed up. */
  #monotonicMs = 1_000;
  #wallOffsetMs: number;
  /** In the order of due times; tasks due together run in the order in which they were set. */
  readonly #tasks: Task[] = [];
  #watchers: (() => void)[] = [];

  constructor(startMs: number = Date.UTC(2030, 0, 2, 3, 4, 5)) {
    this.#wallOffsetMs = startMs - this.#monotonicMs;
  }

  now(): number {
    return this.#monotonicMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Sets the wall clock forward, or back when negative. No time passes. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  after(delayMs: number, run: () => void): () => void {
    const task: Task = { dueMs: this.#monotonicMs + Math.max(0, delayMs), run };
    const before = this.#tasks.findLastIndex(other => other.dueMs <= task.dueMs); // near the end: thousands may wait
    this.#tasks.splice(before + 1, 0, task);
    for (const watcher of this.#watchers.splice(0)) watcher();
    return () => this.#cancel(task);
  }

  /** Tasks that are still to run. */
  get pending(): number {
    return this.#tasks.length;
  }

  /** Milliseconds until the next task; undefined when there is none. */
  get nextInMs(): number | undefined {
    const next = this.#tasks[0];
    return next && next.dueMs - this.#monotonicMs;
  }

  /** Resolves once some task is due in exactly `ms`: what comes before it may take real time, such as a request. */
  async whenDueIn(ms: number): Promise<void> {
    while (!this.#tasks.some(task => task.dueMs - this.#monotonicMs === ms)) {
      await new Promise<void>(resolve => {
        this.#watchers.push(resolve);
      });
    }
  }

  /** Lets `ms` pass, running each task at its own time; promises that these settle run on only afterwards. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms;
    for (let task = this.#take(untilMs); task; task = this.#take(untilMs)) task.run();
    this.#monotonicMs = untilMs;
  }

  /** Time passes and nothing runs, as in a process that was paused; what became due runs at the next `advance`. */
  pause(ms: number): void {
    this.#monotonicMs += ms;
  }

  /** As `advance`, letting promises settle before, between and after the tasks. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await turns();
    for (let task = this.#take(untilMs); task; task = this.#take(untilMs)) {
      task.run();
      await turns();
    }
    this.#monotonicMs = untilMs;
    await turns();
  }

  #take(untilMs: number): Task | undefined {
    const task = this.#tasks[0];
    if (!task || task.dueMs > untilMs) return undefined;
    this.#tasks.shift();
    this.#monotonicMs = Math.max(this.#monotonicMs, task.dueMs);
    return task;
  }

  #cancel(task: Task): void {
    const index = this.#tasks.indexOf(task);
    if (index !== -1) this.#tasks.splice(index, 1);
  }
}
