import type { StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock.js';
import { failureText } from './jetstream.js';
import type { Link } from './link.js';

/** Between two looks: what is missing for that long is not missed by a lease. */
const lookMs = 5_000;

export interface KeptStreamsParts {
  readonly link: Pick<Link, 'connection' | 'listen'>;
  readonly clock: Clock;
  /** Finds all of them, or creates what is missing; calls `met` for those that a node goes by. */
  readonly ensure: (connection: NatsConnection) => Promise<void>;
  /** One that a node goes by is another one now. Called once, until `forget`. */
  readonly onReplaced: () => void;
  /** A look was in vain: told once for each reason in a row. */
  readonly onProblem: (reason: string) => void;
}

type Met = Pick<StreamInfo, 'created'> & { readonly config: { readonly name: string } };

/**
 * Keeps streams there that nodes share. A server may have lost what it stored, and somebody may delete a stream: with each
 * connection and from time to time, what is missing is created again. [CL-006]
 */
export class KeptStreams {
  readonly #parts: KeptStreamsParts;
  /** When each was created, Unix milliseconds. */
  readonly #created = new Map<string, number>();
  /** Other times, as of the last look. */
  readonly #doubted = new Map<string, number>();
  #isReplaced = false;
  #isStopped = false;
  #problem: string | undefined;
  /** Ends the wait for the next look. */
  #wake = () => {};

  constructor(parts: KeptStreamsParts) {
    this.#parts = parts;
  }

  /** All are there by now. */
  start(): void {
    this.#parts.link.listen({ connected: () => this.#wake() });
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /**
   * A stream was found or created, which is another one when it was created at another time. A server that has just started
   * may give another time for a moment: the second look decides.
   */
  met({ config: { name }, created }: Met): void {
    const createdMs = Date.parse(created);
    const knownMs = this.#created.get(name) ?? createdMs;
    if (createdMs !== knownMs && this.#doubted.get(name) !== createdMs) {
      this.#doubted.set(name, createdMs);
      return;
    }
    this.#doubted.delete(name);
    this.#created.set(name, createdMs);
    if (createdMs !== knownMs) this.#isReplaced = true;
  }

  /** The node has nothing in them yet: those that are met from now on are the right ones. */
  forget(): void {
    this.#created.clear();
    this.#doubted.clear();
    this.#isReplaced = false;
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#pause();
      const { connection } = this.#parts.link;
      if (this.#isStopped) return;
      if (connection !== undefined) await this.#look(connection);
    }
  }

  async #look(connection: NatsConnection): Promise<void> {
    const { ensure, onReplaced, onProblem } = this.#parts;
    try {
      await ensure(connection);
      this.#problem = undefined;
      if (this.#isReplaced && !this.#isStopped) onReplaced();
      this.#isReplaced = false;
    } catch (error) {
      const reason = failureText(error);
      if (connection.isClosed() || this.#isStopped || reason === this.#problem) return;
      this.#problem = reason;
      onProblem(reason);
    }
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#parts.clock.after(lookMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
