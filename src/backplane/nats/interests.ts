import type { Clock } from '../../clock.js';
import type { Turn } from '../../hub/ports.js';
import type { Barriers } from './barriers.js';

export interface InterestParts {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly barriers: Pick<Barriers, 'pass'>;
  /** No other node is known. */
  readonly isAlone: () => boolean;
  /** On the connection of now; undefined: there is none. @returns what ends the subscription */
  readonly subscribe: (subject: string) => (() => void) | undefined;
}

interface Interest {
  calls: number;
  unsubscribe: (() => void) | undefined;
  /** Until it is in force; undefined when it is, or when that has failed. */
  wave: Wave | undefined;
  isInForce: boolean;
  /** The server has refused the subscription. */
  isRefused: boolean;
}

/** Those that were listened to in one turn: one barrier makes all of them in force. */
interface Wave {
  readonly interests: Set<Interest>;
  readonly ready: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
  cancelLimit(): void;
}

/** How long a connection may be away until who wants to listen is told. */
const awayMs = 2_000;

/** What this node listens to, counted. Interest is in force once a barrier is through that began after it. [cluster 4] */
export class Interests {
  readonly #parts: InterestParts;
  readonly #interests = new Map<string, Interest>();
  /** Not needed any more, unless they are again within the turn. [CL-036] */
  readonly #ending = new Map<string, Interest>();
  /** The one of this turn. */
  #wave: Wave | undefined;
  /** Those whose barrier could not be: there is no connection. */
  readonly #stranded = new Set<Wave>();

  constructor(parts: InterestParts) {
    this.#parts = parts;
  }

  /** Subjects that have a subscription. */
  get size(): number {
    return this.#interests.size;
  }

  /** As of the backplane. */
  listen(subject: string): Promise<void> | undefined {
    const interest = this.#interests.get(subject) ?? this.#add(subject);
    interest.calls += 1;
    if (interest.isInForce) return undefined;
    if (interest.wave === undefined) {
      if (interest.isRefused) this.subscribeAgain(subject);
      this.#announce(interest);
    }
    return interest.wave?.ready;
  }

  unlisten(subject: string): void {
    const interest = this.#interests.get(subject);
    if (interest === undefined || interest.calls === 0) throw new Error(`nobody listens to ${subject}`);
    interest.calls -= 1;
    if (interest.calls > 0) return;
    if (this.#ending.size === 0) this.#parts.turn.atEnd(this.#end);
    this.#ending.set(subject, interest);
  }

  /** The server has refused the subscription. Those that wait for it are told. @returns false: somebody relies on it already */
  refuse(subject: string): boolean {
    const interest = this.#interests.get(subject);
    if (interest === undefined) return true;
    interest.unsubscribe = undefined;
    interest.isRefused = true;
    if (interest.calls === 0) return true; // it is about to end
    const { wave } = interest;
    if (wave === undefined) return false;
    interest.wave = undefined;
    wave.interests.delete(interest);
    wave.reject(new Error(`NATS does not let this node subscribe to ${subject}`)); // the others of the wave try again
    return true;
  }

  /** Once more on the same connection. */
  subscribeAgain(subject: string): void {
    const interest = this.#interests.get(subject);
    if (interest !== undefined) this.#subscribe(subject, interest);
  }

  /** Subjects that are listened to, and how often. */
  *listened(): Iterable<readonly [subject: string, calls: number]> {
    for (const [subject, { calls }] of this.#interests) if (calls > 0) yield [subject, calls];
  }

  /** A new connection: nothing is subscribed on it yet. All leave in one write. */
  subscribeAll(): void {
    for (const [subject, interest] of this.#interests) this.#subscribe(subject, interest);
  }

  #subscribe(subject: string, interest: Interest): void {
    interest.isRefused = false;
    interest.unsubscribe = this.#parts.subscribe(subject);
  }

  /** Barriers can be again. */
  open(): void {
    for (const wave of [...this.#stranded]) {
      this.#stranded.delete(wave);
      wave.cancelLimit();
      this.#pass(wave);
    }
  }

  #add(subject: string): Interest {
    const unsubscribe = this.#parts.subscribe(subject);
    const interest: Interest = { calls: 0, unsubscribe, wave: undefined, isInForce: false, isRefused: false };
    this.#interests.set(subject, interest);
    return interest;
  }

  #announce(interest: Interest): void {
    if (this.#parts.isAlone()) {
      interest.isInForce = true;
      return;
    }
    interest.wave = this.#wave ?? this.#newWave();
    interest.wave.interests.add(interest);
  }

  #newWave(): Wave {
    let resolve = () => {};
    let reject = (_error: Error) => {};
    const ready = new Promise<void>((done, fail) => {
      resolve = done;
      reject = fail;
    });
    ready.catch(() => {}); // whoever listens is told; perhaps nobody waits
    const wave: Wave = { interests: new Set(), ready, resolve, reject, cancelLimit: () => {} };
    this.#wave = wave;
    this.#parts.turn.atEnd(() => {
      if (this.#wave === wave) this.#wave = undefined;
    });
    this.#pass(wave);
    return wave;
  }

  #pass(wave: Wave): void {
    this.#parts.barriers.pass().then(
      () => this.#settle(wave, true),
      () => this.#strand(wave),
    );
  }

  #strand(wave: Wave): void {
    this.#stranded.add(wave);
    wave.cancelLimit = this.#parts.clock.after(awayMs, () => {
      this.#stranded.delete(wave);
      this.#settle(wave, false);
      wave.reject(new Error('NATS cannot be reached'));
    });
  }

  #settle(wave: Wave, isInForce: boolean): void {
    for (const interest of wave.interests) {
      interest.isInForce = isInForce;
      interest.wave = undefined;
    }
    if (isInForce) wave.resolve();
  }

  readonly #end = (): void => {
    for (const [subject, interest] of this.#ending) {
      if (interest.calls > 0) continue;
      interest.unsubscribe?.();
      this.#interests.delete(subject);
    }
    this.#ending.clear();
  };
}
