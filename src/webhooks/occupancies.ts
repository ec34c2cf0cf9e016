import { type Clock, wait } from '../clock.js';
import { NotKept } from '../outbox/outbox-error.js';
import type { WebhookEvent } from './events.js';
import { absent, occupancyStep, present } from './linger.js';
import type { WebhookObserver } from './observer.js';
import type { WebhookQueue } from './outgoing.js';
import type { Departure, Place } from './shared/place-state.js';
import type { SharedPlaces, Telling } from './shared/shared-places.js';

export interface OccupanciesParts {
  readonly clock: Clock;
  readonly queue: () => WebhookQueue;
  readonly observer: WebhookObserver;
  /** Tells an event, whose time is that of the telling. @param source its key */
  readonly tell: (source: string, event: WebhookEvent) => void;
  /** Resolves once all that was told is kept, or could not be. */
  readonly kept: () => Promise<void>;
  /** With other nodes; by itself when left out. */
  readonly shared?: SharedPlaces | undefined;
}

/** How often it is seen whether something lingers still, when the service ends. */
const busyPollMs = 20;

/** What a deadline keeps. */
export interface StoredDeparture {
  readonly source: string;
  readonly event: WebhookEvent;
}

/**
 * Runs the state machine of `linger.ts` for all places. Which of them linger is known to the outbox's store only, so that a
 * restart changes nothing: a place is absent or lingering until it is seen whether its deadline could be cancelled. With
 * other nodes, all of it is in the store that they share.
 */
export class Occupancies {
  readonly #clock: Clock;
  readonly #queue: () => WebhookQueue;
  readonly #observer: WebhookObserver;
  readonly #tell: OccupanciesParts['tell'];
  readonly #kept: OccupanciesParts['kept'];
  readonly #shared: SharedPlaces | undefined;
  /** Of each track, what is still to be done. */
  readonly #tracks = new Map<string, Promise<void>>();
  /** Under way, of what counts if the process ends. */
  readonly #writes = new Set<Promise<void>>();
  /** Deadlines that this process has set and that are neither cancelled nor due. */
  readonly #lingering = new Set<string>();
  /** Of places whose deadline is due, until it is known what has come of it. */
  readonly #turning = new Map<string, Promise<void>>();

  constructor({ clock, queue, observer, tell, kept, shared }: OccupanciesParts) {
    this.#clock = clock;
    this.#queue = queue;
    this.#observer = observer;
    this.#tell = tell;
    this.#kept = kept;
    this.#shared = shared;
    shared?.attach({
      due: (place, id) => this.#append(place.track, async () => this.#tellShared(await shared.due(place, id))),
      tell: telling => void this.#tellShared(telling), // at once: what is next on its track may wait for it
    });
  }

  /** How many linger, of those that this process has seen leave. */
  get lingering(): number {
    return this.#lingering.size + (this.#shared?.lingering ?? 0);
  }

  /** Is it known of each place, and not only of those for which there are deadlines, whether somebody is there? */
  get areShared(): boolean {
    return this.#shared !== undefined;
  }

  /**
   * Somebody came to a place that was empty on this node. The store is called at once, here and in `left`, as it does what is
   * called for one key in order; only what is told waits for its turn.
   * @param departure what is told if the process ends before the last one has left
   */
  came(place: Place, departure: Departure, appeared: WebhookEvent): void {
    if (this.#shared !== undefined) {
      const noted = this.#noted(this.#shared.came(place, departure, appeared));
      this.#append(place.track, async () => this.#tellShared(await noted));
      return;
    }
    const { key, track } = place;
    const cancelled = this.#cancel(key);
    const content = contentOf(departure);
    this.#write(this.#queue().scheduleAtEnd(key, departure.lingerMs, content)); // nothing waits for it
    const turning = this.#turning.get(key);
    this.#append(track, async () => {
      await turning; // it is told before that it was gone
      // The store's own time of the deadline does not matter here.
      const occupancy = (await cancelled) ? ({ state: 'lingering', untilMs: 0 } as const) : absent;
      if (occupancyStep(occupancy, { kind: 'firstCame' }).effect === 'appeared') this.#tell(departure.source, appeared);
    });
  }

  /** Somebody is there on this node, of whom nobody is told. By itself a node tells who leaves all the same. */
  wasThere(place: Place, departure: Departure): void {
    if (this.#shared === undefined) return;
    const noted = this.#noted(this.#shared.came(place, departure, undefined));
    this.#append(place.track, async () => void (await noted));
  }

  /** The last one of this node left. */
  left(place: Place, departure: Departure): void {
    if (this.#shared !== undefined) {
      const noted = this.#noted(this.#shared.left(place, departure));
      this.#append(place.track, () => noted);
      return;
    }
    const { key, track } = place;
    const nowMs = this.#clock.now();
    const { lingerMs, source, gone } = departure;
    const { next, effect } = occupancyStep(present, { kind: 'lastLeft', nowMs, lingerMs });
    if (effect === 'gone') this.inTurn(track, () => this.#tell(source, gone));
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

  /** There is no last message of a place. @param forMs for which that is told once */
  missed(place: Place, forMs: number, source: string, event: WebhookEvent): void {
    if (this.#shared === undefined) {
      this.inTurn(place.track, () => this.#tell(source, event));
      return;
    }
    const isFirst = this.#shared.missed(place, forMs);
    this.#append(place.track, async () => {
      if (await isFirst) this.#tell(source, event);
    });
  }

  /** What a deadline that is due tells; `departure` is undefined when nothing. `settled` is to be called once it is told, or is not. */
  due(key: string, content: Buffer): { readonly departure: StoredDeparture | undefined; readonly settled: () => void } {
    this.#lingering.delete(key);
    const { source, event } = JSON.parse(content.toString('utf8')) as StoredDeparture;
    const { effect } = occupancyStep({ state: 'lingering', untilMs: 0 }, { kind: 'due' });
    const departure = effect === 'gone' ? { source, event: { ...event, atMs: this.#clock.now() } } : undefined;
    return { departure, settled: this.#turn(key) };
  }

  /**
   * Resolves once nothing is under way; with other nodes, also nothing that lingers on this one.
   * @param withinMs after which what is left is left to the other nodes
   */
  async settled(withinMs: number): Promise<void> {
    if (this.#shared !== undefined) await this.#settledWithOthers(this.#shared, withinMs);
    else while (this.#tracks.size + this.#turning.size > 0) await this.#settledAlone();
    await Promise.all(this.#writes);
  }

  async #settledAlone(): Promise<void> {
    await Promise.all([...this.#tracks.values(), ...this.#turning.values()]);
  }

  async #settledWithOthers(shared: SharedPlaces, withinMs: number): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + withinMs;
    const isBusy = () => this.#tracks.size > 0 || shared.lingering > 0 || shared.isBusy;
    while (isBusy() && this.#clock.monotonicMs() < untilMs) await wait(busyPollMs, this.#clock);
  }

  async #noted<Result>(noting: Promise<Result>): Promise<Result | undefined> {
    try {
      return await noting;
    } catch (error) {
      this.#observer.notKept(undefined, NotKept.from(error).reason);
      return undefined;
    }
  }

  async #tellShared(telling: Telling | undefined): Promise<void> {
    if (telling === undefined) return;
    this.#tell(telling.source, telling.event);
    void this.#kept().then(() => this.#shared!.told(telling));
  }

  /** @returns ends it */
  #turn(key: string): () => void {
    let end = () => {};
    const turning = new Promise<void>(resolve => {
      end = resolve;
    });
    this.#turning.set(key, turning);
    return () => {
      if (this.#turning.get(key) === turning) this.#turning.delete(key);
      end();
    };
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
