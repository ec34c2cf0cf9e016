import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/hub/ports.js';

interface Task {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock that stands still until a test advances it. */
export class ManualClock implements Clock {
  #nowMs: number;
  /** In the order of due times; tasks due together run in the order in which they were set. */
  readonly #tasks: Task[] = [];
  #watchers: (() => void)[] = [];

  constructor(startMs: number = Date.UTC(2030, 0, 2, 3, 4, 5)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const task: Task = { dueMs: this.#nowMs + Math.max(0, delayMs), run };
    const later = this.#tasks.findIndex(other => other.dueMs > task.dueMs);
    this.#tasks.splice(later === -1 ? this.#tasks.length : later, 0, task);
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
    return next && next.dueMs - this.#nowMs;
  }

  /** Resolves once some task is due in exactly `ms`: what comes before it may take real time, such as a request. */
  async whenDueIn(ms: number): Promise<void> {
    while (!this.#tasks.some(task => task.dueMs - this.#nowMs === ms)) {
      await new Promise<void>(resolve => {
        this.#watchers.push(resolve);
      });
    }
  }

  /** Lets `ms` pass, running each task at its own time; promises that these settle run on only afterwards. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let task = this.#take(untilMs); task; task = this.#take(untilMs)) task.run();
    this.#nowMs = untilMs;
  }

  /** The same, letting promises settle before, between and after the tasks. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await setImmediate();
    for (let task = this.#take(untilMs); task; task = this.#take(untilMs)) {
      task.run();
      await setImmediate();
    }
    this.#nowMs = untilMs;
    await setImmediate();
  }

  #take(untilMs: number): Task | undefined {
    const task = this.#tasks[0];
    if (!task || task.dueMs > untilMs) return undefined;
    this.#tasks.shift();
    this.#nowMs = Math.max(this.#nowMs, task.dueMs);
    return task;
  }

  #cancel(task: Task): void {
    const index = this.#tasks.indexOf(task);
    if (index !== -1) this.#tasks.splice(index, 1);
  }
}
