import { PubSubError } from '../errors.js';
import type { Act } from '../protocols/acts.js';

/**
 * Acts held for one connection while an earlier one waits for its upstream, and bytes of these, of the one that is under way,
 * and of invocations; past either, its socket is not read.
 */
const maxWaiting = 128;
const maxHeldBytes = 2 * 1024 * 1024;

/** Begins in its turn: an act, or the failure of a frame that is not of the protocol. */
export type QueuedStep = Act | PubSubError;

/** The connection that a queue belongs to. */
export interface QueueOwner {
  readonly isAlive: boolean;
  /** Of invocations that are under way. */
  readonly invocationBytes: number;
  /** A promise holds back the later ones. Never throws or rejects. */
  begin(step: QueuedStep): Promise<void> | undefined;
  /** Stops reading from the socket, if there is one. */
  pauseReading(): void;
  resumeReading(): void;
  /** No act is under way or waits. Called after one that was waited for. */
  onIdle(): void;
}

interface Waiting {
  readonly step: QueuedStep;
  readonly bytes: number;
}

/** Carries out the acts of one connection strictly one after another. [client-protocols 4.1] */
export class ActQueue {
  readonly #owner: QueueOwner;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  /** Of the act that is under way. */
  #busyBytes = 0;
  #isPaused = false;
  #isQuiet = false;

  constructor(owner: QueueOwner) {
    this.#owner = owner;
  }

  /** @param bytes of its frame */
  add(step: QueuedStep, bytes: number): void {
    if (this.#isBusy || this.#isQuiet) this.#hold({ step, bytes });
    else this.#begin(step, bytes);
  }

  /** Begins no more acts; the one under way finishes. */
  quiesce(): void {
    this.#isQuiet = true;
  }

  /** Carries out what waits, also when it is quiet. */
  finish(): void {
    this.#isQuiet = false;
    if (!this.#isBusy) this.#next();
  }

  /** An act is under way, which holds back later ones. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** An invocation that waits is not begun at all. */
  cancel(invocationId: string): void {
    const isCancelled = ({ step }: Waiting) =>
      !(step instanceof PubSubError) && step.kind === 'invoke' && step.invocationId === invocationId;
    if (!this.#waiting.some(isCancelled)) return;
    this.#waiting = this.#waiting.filter(waiting => !isCancelled(waiting));
    this.#waitingBytes = this.#waiting.reduce((total, { bytes }) => total + bytes, 0);
    this.#resumeIfRoom();
  }

  /** A new socket is read only if there is room. */
  onNewSocket(): void {
    this.#isPaused = this.#isFull();
    if (this.#isPaused) this.#owner.pauseReading();
  }

  clear(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #begin(step: QueuedStep, bytes: number): void {
    const pending = this.#owner.begin(step);
    if (pending === undefined) return;
    this.#isBusy = true;
    // An invocation that makes later acts wait is counted with the others.
    this.#busyBytes = step.kind === 'invoke' ? 0 : bytes;
    this.#pauseIfFull();
    void pending.then(this.#next);
  }

  #hold(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
    this.#pauseIfFull();
  }

  readonly #next = (): void => {
    this.#isBusy = false;
    this.#busyBytes = 0;
    while (!this.#isBusy && !this.#isQuiet && this.#owner.isAlive) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      this.#waitingBytes -= waiting.bytes;
      this.#begin(waiting.step, waiting.bytes);
    }
    this.#resumeIfRoom();
    if (!this.#isBusy) this.#owner.onIdle();
  };

  #pauseIfFull(): void {
    if (this.#isPaused || !this.#isFull()) return;
    this.#isPaused = true;
    this.#owner.pauseReading();
  }

  #resumeIfRoom(): void {
    if (!this.#isPaused || this.#isFull()) return;
    this.#isPaused = false;
    this.#owner.resumeReading();
  }

  #isFull(): boolean {
    if (this.#waiting.length >= maxWaiting) return true;
    return this.#waitingBytes + this.#busyBytes + this.#owner.invocationBytes >= maxHeldBytes;
  }
}
