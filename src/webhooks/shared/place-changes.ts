import type { Clock } from '../../clock.js';
import type { FactStore } from './fact-store.js';
import { InFlight } from './in-flight.js';
import { decodePlace, encodePlace } from './place-codec.js';
import { type Known, type Op, PlaceLine } from './place-line.js';
import { type Place, type PlaceChange, type PlaceState, placeStep } from './place-state.js';
import { StoreGate } from './store-gate.js';

export interface PlaceChangesParts {
  readonly store: FactStore;
  readonly clock: Clock;
  /** Runs a task after all input of this turn of the event loop: changes of one turn are given to the store together. */
  readonly atTurnEnd: (task: () => void) => void;
  /** Told when the store is not reached, after it was; it is tried again. */
  readonly observer: { unreached(what: string, error: unknown): void };
  /** Between 0 and 1, for the wait before the store is tried again. */
  readonly random?: (() => number) | undefined;
  /** Changes that are made at a time. */
  readonly mostInFlight?: number | undefined;
}

/** A change that is over. */
export interface Made {
  /** false: the node has another tag now, and it was not made. */
  readonly isKept: boolean;
  readonly state: PlaceState | undefined;
  readonly id: number;
}

const defaultInFlight = 256;

/** How long another node is given to tell what comes before. */
const waitMs = { least: 20, most: 500 };

/**
 * Makes changes in the store that nodes share: those of one place in order, those of several at a time. One that the store
 * does not confirm, or that another node was faster with, is made again until it is known to be kept. [cluster 6.4]
 */
export class PlaceChanges {
  /** Holds them back. */
  readonly gate: StoreGate;
  /** By whom they are made; those that wait in the name of another are not made any more. */
  tag: string;
  readonly #parts: PlaceChangesParts;
  readonly #changed: (place: Place, state: PlaceState | undefined) => void;
  readonly #lines = new Map<string, PlaceLine>();
  readonly #room: InFlight;
  #starting: PlaceLine[] = [];
  #lastId = 0;
  #waiting = 0;
  #whenIdle: (() => void)[] = [];

  /** @param changed called with what is known of a place, right before the change is over */
  constructor(tag: string, parts: PlaceChangesParts, changed: (place: Place, state: PlaceState | undefined) => void) {
    const { clock, random = Math.random, mostInFlight = defaultInFlight } = parts;
    this.tag = tag;
    this.gate = new StoreGate(clock, random);
    this.#parts = parts;
    this.#changed = changed;
    this.#room = new InFlight(mostInFlight);
  }

  /** Changes that are not over. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves once no change waits. */
  async settled(): Promise<void> {
    if (this.#waiting > 0) await new Promise<void>(resolve => void this.#whenIdle.push(resolve));
  }

  /** @param known what the store has just said of the place */
  make(place: Place, change: PlaceChange, known?: Known): Promise<Made> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting += 1;
    return new Promise(resolve => {
      const line = this.#lineOf(place, change, known);
      line.add({ by: this.tag, id, change, done: made => resolve({ ...made, id }) });
      if (!line.isRunning) this.#start(line);
    });
  }

  #lineOf(place: Place, { kind }: PlaceChange, known: Known | undefined): PlaceLine {
    const present = this.#lines.get(place.key);
    if (present !== undefined) return present;
    const line = new PlaceLine(place);
    line.known = known ?? (kind === 'came' ? { state: undefined, revision: 0 } : undefined); // most places are empty then
    this.#lines.set(place.key, line);
    return line;
  }

  #start(line: PlaceLine): void {
    line.isRunning = true;
    this.#starting.push(line);
    if (this.#starting.length > 1) return;
    this.#parts.atTurnEnd(() => {
      const lines = this.#starting;
      this.#starting = [];
      for (const each of lines) void this.#run(each);
    });
  }

  /** Never rejects. */
  async #run(line: PlaceLine): Promise<void> {
    for (let wait = waitMs.least, op = line.ops[0]; op !== undefined; op = line.ops[0]) {
      await this.gate.opened();
      const isOver = op.by !== this.tag || (await this.#room.run(() => this.#attempt(line, op!)));
      if (isOver) {
        this.#conclude(line, op);
        wait = waitMs.least;
      } else if (this.gate.isOpen) {
        await line.whenChanged(wake => this.#parts.clock.after(wait, wake));
        wait = Math.min(wait * 2, waitMs.most);
      }
    }
    line.isRunning = false;
    if (line.known?.state?.untold?.by !== this.tag) this.#lines.delete(line.place.key); // else a change follows soon
  }

  #conclude(line: PlaceLine, op: Op): void {
    line.remove(op);
    const isKept = op.by === this.tag;
    const state = isKept ? line.known?.state : undefined;
    this.#changed(line.place, state);
    op.done({ isKept, state });
    this.#waiting -= 1;
    if (this.#waiting === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** @returns false when it has to be tried again: at once when the gate is closed, else when another node has told something */
  async #attempt(line: PlaceLine, op: Op): Promise<boolean> {
    try {
      const isOver = await this.#perform(line, op);
      this.gate.succeeded();
      return isOver;
    } catch (error) {
      line.known = undefined;
      if (this.gate.failed()) this.#parts.observer.unreached('webhooks: change what nodes share', error);
      return false;
    }
  }

  /** @returns false when another node has to tell something before @throws as a rejection: what the store throws */
  async #perform(line: PlaceLine, op: Op): Promise<boolean> {
    for (;;) {
      const isRead = line.known === undefined;
      line.known ??= await this.#read(line.place.key);
      const step = placeStep(line.known.state, op.change, op);
      if (typeof step !== 'string') {
        line.known = await this.#write(line.place, step.next, line.known.revision);
        if (line.known !== undefined) return true;
      } else {
        if (isRead) return step === 'unchanged';
        line.known = undefined; // it may have changed
      }
    }
  }

  /** What cannot be read counts as nothing, and is replaced. */
  async #read(key: string): Promise<Known> {
    const kept = await this.#parts.store.get(key);
    return { state: kept?.value && decodePlace(kept.value)?.state, revision: kept?.revision ?? 0 };
  }

  /** @returns undefined when another node has changed it */
  async #write(place: Place, state: PlaceState | undefined, revision: number): Promise<Known | undefined> {
    const { store } = this.#parts;
    const written =
      state === undefined
        ? await store.delete(place.key, revision)
        : await store.put(place.key, encodePlace({ ...place, state }), revision);
    return written === undefined ? undefined : { state, revision: written };
  }
}
