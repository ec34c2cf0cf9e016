import type { Clock } from '../../../src/clock.js';
import { ManualClock } from '../manual-clock.js';

/** A generator of numbers from a seed (mulberry32): the same seed, the same run. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ x < 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** An integer: `from` ≤ x ≤ `to`. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  isOneIn(count: number): boolean {
    return this.between(1, count) === 1;
  }

  pick<T>(all: readonly T[]): T | undefined {
    return all[this.between(0, all.length - 1)];
  }
}

/** Promises that one event settles run on before the next event. */
const turnsOfPromises = 12;

/** The one time of all nodes, the store, the bus and the upstream. */
export class SimulatedTime {
  readonly clock = new ManualClock();

  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms;
    for (let inMs = this.clock.nextInMs; inMs !== undefined; inMs = this.clock.nextInMs) {
      if (this.clock.monotonicMs() + inMs > untilMs) break;
      this.clock.advance(inMs);
      for (let turn = 0; turn < turnsOfPromises; turn += 1) await null;
    }
    this.clock.advance(untilMs - this.clock.monotonicMs());
  }
}

/** A process: while it is stopped nothing of it runs, and what was due runs when it goes on; once dead, never. */
export class SimulatedProcess implements Clock {
  readonly #clock: ManualClock;
  #isStopped = false;
  #isDead = false;
  #wallOffsetMs = 0;
  readonly #due: (() => void)[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, task: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#clock.after(delayMs, () => this.run(() => !isCancelled && task()));
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isRunning(): boolean {
    return !this.#isStopped && !this.#isDead;
  }

  /** As an event from outside: at once, when it goes on, or never. */
  run(task: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#due.push(task);
    else task();
  }

  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** SIGSTOP. */
  stop(): void {
    this.#isStopped = true;
  }

  /** SIGCONT. */
  goOn(): void {
    this.#isStopped = false;
    for (const task of this.#due.splice(0)) this.run(task);
  }

  /** kill -9. */
  die(): void {
    this.#isDead = true;
    this.#due.length = 0;
  }
}
