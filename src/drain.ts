import { atMost, type Clock, wait } from './clock.js';
import type { Connection } from './hub/connection.js';
import type { Hubs } from './hub/hubs.js';

/** How many waves clients are closed in, and of how many connections at least: those that come back must not come at once. [cluster 9] */
const waves = { most: 20, leastConnections: 100 };

/** As `waves`, and the time between two. */
export interface Waves {
  readonly most: number;
  readonly leastConnections: number;
  readonly gapMs: number;
}

/** Of a restart, after which the clients come back to this node. */
export const restartWaves: Waves = { ...waves, gapMs: 50 };

export interface DrainParts {
  readonly hubs: Hubs;
  readonly clock: Clock;
  /** Over how long the waves are spread, and how long requests under way may take. */
  readonly drainMs: number;
  /** Settles when no event is under way. */
  whenIdle(): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

/**
 * Closes the clients of a service that stops, in waves, the oldest first. Each is served until its wave; one that has a request
 * under way then begins no other, and is closed when that is answered, or when the time is up. [cluster 9]
 */
export class Drain {
  readonly #parts: DrainParts;
  readonly #wave: number;
  readonly #untilMs: number;
  /** With a request under way when their wave came. */
  readonly #busy = new Set<Connection>();

  constructor(parts: DrainParts) {
    this.#parts = parts;
    this.#wave = waveOf(parts.hubs, waves);
    this.#untilMs = parts.clock.monotonicMs() + parts.drainMs;
  }

  /** Settles once every client is closed. */
  async run(): Promise<void> {
    const { hubs, whenIdle, clock } = this.#parts;
    while (hubs.size > this.#wave && this.#restMs > 0) {
      await this.#closeWave();
      await wait(this.#gapMs(), clock);
    }
    for (const hub of hubs.all()) hub.lifecycle.quiesce(); // otherwise clients that keep sending would delay the stop
    await atMost(this.#restMs, whenIdle(), clock);
    await turnOfEventLoop(); // the last responses are passed on first: acks are sent before the close message
    for (const hub of [...hubs.all()]) while ((await hub.lifecycle.evict(hub.size)) > 0) await turnOfEventLoop();
  }

  async #closeWave(): Promise<void> {
    const busy = this.#busy;
    let left = this.#wave;
    for (const hub of [...this.#parts.hubs.all()]) {
      if (left <= 0) return;
      const [size, before] = [hub.size, busy.size];
      await hub.lifecycle.evict(left + before, this.#isKept); // those of earlier waves are passed over
      left -= size - hub.size + (busy.size - before);
    }
  }

  readonly #isKept = (connection: Connection): boolean => {
    if (!connection.isBusy) {
      this.#busy.delete(connection);
      return false;
    }
    connection.quiesce();
    this.#busy.add(connection);
    return true;
  };

  get #restMs(): number {
    return Math.max(0, this.#untilMs - this.#parts.clock.monotonicMs());
  }

  /** Half of the mean to one and a half. */
  #gapMs(): number {
    const { hubs, drainMs, random } = this.#parts;
    const meanMs = Math.min(drainMs / waves.most, this.#restMs / Math.ceil(hubs.size / this.#wave));
    return Math.min(this.#restMs, meanMs * (0.5 + random()));
  }
}

/**
 * Closes as many clients as there are now in waves, the oldest first. The service goes on, and they may come back.
 * @param isOver no more are to be closed
 */
export async function closeInWaves(hubs: Hubs, clock: Clock, given: Waves, isOver = () => false): Promise<void> {
  const wave = waveOf(hubs, given);
  for (const hub of [...hubs.all()]) {
    for (let left = hub.size; left > 0 && !isOver(); left -= wave) {
      await hub.lifecycle.evict(Math.min(wave, left), isOver);
      if (left > wave) await wait(given.gapMs, clock);
    }
  }
}

export function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function waveOf({ size }: Hubs, { leastConnections, most }: Omit<Waves, 'gapMs'>): number {
  return Math.max(leastConnections, Math.ceil(size / most));
}
