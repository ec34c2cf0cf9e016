import type { Load, Work } from './slice.js';
import type { BenchUpstream } from './upstream.js';

/** A node with clients whose `connected` events were told. */
export interface Victim {
  readonly connections: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Kills a node, and waits until another one has told the `disconnected` event of each of its clients. What is counted is clients. */
export class TakeoverLoad implements Load {
  readonly #upstream: BenchUpstream;
  readonly #limitMs: number;
  readonly #open: () => Promise<Victim>;
  #victim: Victim | undefined;

  /** @param limitMs after which the events count as lost */
  constructor(upstream: BenchUpstream, limitMs: number, open: () => Promise<Victim>) {
    this.#upstream = upstream;
    this.#limitMs = limitMs;
    this.#open = open;
  }

  async prepare(): Promise<void> {
    this.#victim ??= await this.#open();
  }

  /** The only latency is that of the last event. */
  async run(): Promise<Work> {
    await this.prepare();
    const { connections, kill } = this.#victim!;
    this.#victim = undefined;
    const before = this.#upstream.events();
    const startedMs = performance.now();
    await kill();
    await this.#told(before + connections);
    return { done: connections, latenciesMs: [performance.now() - startedMs] };
  }

  async #told(events: number): Promise<void> {
    const signal = AbortSignal.timeout(this.#limitMs);
    const late = new Promise<never>((_resolve, reject) => {
      signal.onabort = () => {
        const missing = events - this.#upstream.events();
        reject(new Error(`${missing} disconnected events are missing after ${this.#limitMs} ms`));
      };
    });
    await Promise.race([this.#upstream.reached(events), late]);
  }
}
