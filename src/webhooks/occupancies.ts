import type { Clock } from '../clock.js';
import { NotKept } from '../outbox/outbox-error.js';
import type { WebhookEvent } from './events.js';
import { absent, occupancyStep, present } from './linger.js';
import type { WebhookObserver } from './observer.js';
import type { WebhookQueue } from './outgoing.js';

/** Something that is occupied or not: a channel, a member of one, a group, a user. */
export interface Place {
  /** Of the source, with what it is the only one of its source: also the key of its deadline. */
  readonly key: string;
  /** What is done about places of one track is done in order. */
  readonly track: string;
}

export interface Departure {
  readonly lingerMs: number;
  /** What is told when nobody has come back. Its time is that of the telling. */
  readonly gone: WebhookEvent;
  /** Key of the source. */
  readonly source: string;
}

/** What a deadline keeps. */
export interface StoredDeparture {
  readonly source: string;
  readonly event: WebhookEvent;
}

/**
 * Runs the state machine of `linger.ts` for all places. Which of them linger is known to the outbox's store only, so that a
 * restart changes nothing: a place is absent or lingering until it is seen whether its deadline could be cancelled.
 */
export class Occupancies {
  readonly #clock: Clock;
  readonly #queue: () => WebhookQueue;
  readonly #observer: WebhookObserver;
  /** Of each track, what is still to be done. */
  readonly #tracks = new Map<string, Promise<void>>();
  /** Under way, of what counts if the process ends. */
  readonly #writes = new Set<Promise<void>>();
  /** Deadlines that this process has set and that are neither cancelled nor due. */
  readonly #lingering = new Set<string>();

  constructor(clock: Clock, queue: () => WebhookQueue, observer: WebhookObserver) {
    this.#clock = clock;
    this.#queue = queue;
    this.#observer = observer;
  }

  /** How many linger, of those that this process has seen leave. */
  get lingering(): number {
    return this.#lingering.size;
  }

  /**
   * Somebody came to an empty place. The store is called at once, here and in `left`, as it does what is called for one key
   * in order; only what is told waits for its turn.
   * @param departure what is told if the process ends before the last one has left
   * @param appeared called when this is to be told
   */
  came({ key, track }: Place, departure: Departure, appeared: () => void): void {
    const cancelled = this.#cancel(key);
    const content = contentOf(departure);
    this.#write(this.#queue().scheduleAtEnd(key, departure.lingerMs, content)); // nothing waits for it
    this.#append(track, async () => {
      // The store's own time of the deadline does not matter here.
      const occupancy = (await cancelled) ? ({ state: 'lingering', untilMs: 0 } as const) : absent;
      if (occupancyStep(occupancy, { kind: 'firstCame' }).effect === 'appeared') appeared();
    });
  }

  /** The last one left. @param gone called when this is to be told at once */
  left({ key, track }: Place, departure: Departure, gone: () => void): void {
    const nowMs = this.#clock.now();
    const { lingerMs } = departure;
    const { next, effect } = occupancyStep(present, { kind: 'lastLeft', nowMs, lingerMs });
    if (effect === 'gone') this.inTurn(track, gone);
    if (next.state !== 'lingering') {
      this.#write(this.#queue().cancelAtEnd(key));
      return;
    }
    const scheduled = this.#schedule(key, next.untilMs, contentOf(departure));
    this.#append(track, () => scheduled);
  }

  /** Runs `task` once all that came before on its track is done: within the call when nothing is under way. */
  inTurn(track: string, task: () => void): void {
    const before = this.#tracks.get(track);
    if (before === undefined) task();
    else this.#keep(track, before.then(task));
  }

  /** What a deadline that is due tells; undefined when nothing. */
  due(key: string, content: Buffer): StoredDeparture | undefined {
    this.#lingering.delete(key);
    const { source, event } = JSON.parse(content.toString('utf8')) as StoredDeparture;
    const { effect } = occupancyStep({ state: 'lingering', untilMs: 0 }, { kind: 'due' });
    return effect === 'gone' ? { source, event: { ...event, atMs: this.#clock.now() } } : undefined;
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    while (this.#tracks.size > 0) await Promise.all(this.#tracks.values());
    await Promise.all(this.#writes);
  }

  #append(track: string, task: () => Promise<void>): void {
    const before = this.#tracks.get(track);
    this.#keep(track, before === undefined ? task() : before.then(task));
  }

  #keep(track: string, done: Promise<void>): void {
    const kept = done
      .catch((error: unknown) => this.#observer.fault('webhooks', error))
      .then(() => {
        if (this.#tracks.get(track) === kept) this.#tracks.delete(track);
      });
    this.#tracks.set(track, kept);
  }

  /** A store that cannot be reached has kept no new deadline either; then it is told again that somebody is there. */
  async #cancel(key: string): Promise<boolean> {
    this.#lingering.delete(key);
    try {
      return await this.#queue().cancel(key);
    } catch (error) {
      this.#observer.fault('webhooks: a deadline could not be cancelled', error);
      return false;
    }
  }

  #write(written: Promise<void>): void {
    const kept = written
      .catch((error: unknown) => this.#observer.notKept(undefined, NotKept.from(error).reason))
      .then(() => void this.#writes.delete(kept));
    this.#writes.add(kept);
  }

  async #schedule(key: string, dueAtMs: number, content: Buffer): Promise<void> {
    this.#lingering.add(key);
    try {
      await this.#queue().schedule(key, dueAtMs, content);
    } catch (error) {
      this.#lingering.delete(key);
      this.#observer.notKept(undefined, NotKept.from(error).reason);
    }
  }
}

function contentOf({ source, gone: event }: Departure): Buffer {
  return Buffer.from(JSON.stringify({ source, event } satisfies StoredDeparture), 'utf8');
}
