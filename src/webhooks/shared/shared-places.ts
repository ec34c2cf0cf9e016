import { NotKept } from '../../outbox/outbox-error.js';
import type { WebhookEvent } from '../events.js';
import { Lingers } from './lingers.js';
import { type Made, PlaceChanges, type PlaceChangesParts } from './place-changes.js';
import { decodePlace } from './place-codec.js';
import type { Known } from './place-line.js';
import type { Departure, Place, PlaceState } from './place-state.js';

export interface SharedPlacesParts extends PlaceChangesParts {
  /** Of this node. */
  readonly tag: string;
  /** Changes that wait, beyond which nobody who comes is noted. */
  readonly most?: number | undefined;
}

/** What this node has to tell of a place. `told` has to be called once it is kept. */
export interface Telling {
  readonly place: Place;
  readonly id: number;
  readonly source: string;
  readonly event: WebhookEvent;
}

/** What a node has to do without having caused it. */
export interface PlaceDuties {
  /** The wait `id` of a place is over: `SharedPlaces.due` has to be called in the turn of its track. */
  due(place: Place, id: number): void;
  /** A node that is gone did not tell it. */
  tell(telling: Telling): void;
}

const defaultMost = 100_000;

/**
 * Which places are occupied on any node: one value for each in a store that all nodes share, changed by revision. The node
 * whose change makes a place occupied or vacated tells it. While the store cannot be reached, changes wait. [cluster 6.4]
 */
export class SharedPlaces {
  readonly #parts: SharedPlacesParts;
  readonly #changes: PlaceChanges;
  readonly #lingers: Lingers;
  /** Ids of what is being told, and is not kept yet. */
  readonly #telling = new Set<number>();
  #duties: PlaceDuties = { due: () => {}, tell: () => {} };

  constructor(parts: SharedPlacesParts) {
    this.#parts = parts;
    this.#lingers = new Lingers(parts.clock, (place, id) => this.#duties.due(place, id));
    this.#changes = new PlaceChanges(parts.tag, parts, (place, state) => {
      this.#lingers.follow(place, state?.linger?.by === this.#changes.tag ? state : undefined);
    });
  }

  /** To be called before anything else. */
  attach(duties: PlaceDuties): void {
    this.#duties = duties;
  }

  /** Places whose wait ends on this node. */
  get lingering(): number {
    return this.#lingers.size;
  }

  /**
   * Somebody is there on this node, where nobody was.
   * @param appeared undefined: nothing is told of it, as it was there before anybody was told of places like it
   * @returns what is to be told
   * @throws as a rejection: NotKept `full` when too many changes wait: the place is not noted, and nothing is told of it
   */
  async came(place: Place, departure: Departure, appeared: WebhookEvent | undefined): Promise<Telling | undefined> {
    if (this.#changes.waiting >= (this.#parts.most ?? defaultMost)) {
      throw new NotKept('full', 'the store of what nodes share cannot be reached, and too many changes wait for it');
    }
    return this.#tellingOf(place, await this.#changes.make(place, { kind: 'came', departure, appeared }));
  }

  /** Nobody is there on this node any more; resolves when it is noted. That it is gone is told after the wait. */
  async left(place: Place, departure: Departure): Promise<void> {
    await this.#changes.make(place, { kind: 'left', departure, nowMs: this.#parts.clock.now() });
  }

  /** @returns what is to be told: nothing when somebody has come */
  async due(place: Place, linger: number): Promise<Telling | undefined> {
    return this.#tellingOf(place, await this.#changes.make(place, { kind: 'due', linger }));
  }

  /** It is kept, or never will be. */
  told({ place, id }: Telling): void {
    this.#telling.delete(id);
    void this.#changes.make(place, { kind: 'told', untold: id });
  }

  /** @returns whether this node tells that there is no last message: once within `forMs`, and until it is gone */
  async missed(place: Place, forMs: number): Promise<boolean> {
    const nowMs = this.#parts.clock.now();
    const made = await this.#changes.make(place, { kind: 'missed', nowMs, untilMs: nowMs + forMs });
    const { state } = made;
    return made.isKept && (state === undefined || (state.miss?.by === this.#changes.tag && state.miss.id === made.id));
  }

  /**
   * Resolves once nothing of the node is in the store, and this one does what was left to it. [cluster 6.3]
   * @throws as a rejection: Error when this node has got another tag meanwhile; another node has to go on then
   */
  removeNode(tag: string): Promise<void> {
    return this.removeNodes(one => one === tag);
  }

  /** As `removeNode`, of all nodes that are gone. Resolves late while the store cannot be reached. */
  async removeNodes(isGone: (tag: string) => boolean): Promise<void> {
    while ((await this.#tryToRemove(isGone)) !== 0); // again: what a node sent last may have come after the first look
  }

  /**
   * This node has another tag from now on: nothing is changed any more in the name of the one before. Resolves as
   * `removeNode` of that.
   */
  async restart(tag: string): Promise<void> {
    const before = this.#changes.tag;
    this.#changes.tag = tag;
    this.#lingers.clear();
    this.#telling.clear();
    await this.settled();
    await this.removeNode(before);
  }

  /**
   * As `removeNodes`, of all nodes that the store names and that nobody speaks for.
   * @param isForgotten called once the places are read: a node has its lease before it has places
   */
  async removeForgotten(isForgotten: (tag: string) => Promise<boolean>): Promise<void> {
    const forgotten = new Set<string>();
    for (const tag of await this.#tags()) if (await isForgotten(tag)) forgotten.add(tag);
    if (forgotten.size > 0) await this.removeNodes(tag => forgotten.has(tag));
  }

  /** Changes wait until `resume`. */
  pause(): void {
    this.#changes.gate.close();
  }

  resume(): void {
    this.#changes.gate.open();
  }

  /** Does a change wait? */
  get isBusy(): boolean {
    return this.#changes.waiting > 0;
  }

  /** When this node ends now, is nothing left that another one would have to tell in its place? */
  get isAllTold(): boolean {
    return !this.isBusy && this.lingering === 0 && this.#telling.size === 0;
  }

  /** Resolves once no change waits. */
  settled(): Promise<void> {
    return this.#changes.settled();
  }

  #tellingOf(place: Place, { state, id }: Made): Telling | undefined {
    const untold = state?.untold;
    if (untold?.by !== this.#changes.tag || untold.id !== id) return undefined;
    this.#telling.add(id);
    return { place, id, source: state!.departure.source, event: untold.event };
  }

  /** Of nodes, as places name them. @throws as a rejection: when the store cannot be reached */
  async #tags(): Promise<ReadonlySet<string>> {
    const tags = new Set<string>();
    for await (const { value } of this.#parts.store.all()) {
      const kept = value && decodePlace(value);
      if (kept !== undefined) for (const tag of tagsOf(kept.state)) tags.add(tag);
    }
    return tags;
  }

  /** @returns from how many places; undefined when the store could not be read to the end */
  async #tryToRemove(isGone: (tag: string) => boolean): Promise<number | undefined> {
    const { store, observer } = this.#parts;
    const { gate } = this.#changes;
    await gate.opened();
    const removed: Promise<boolean>[] = [];
    try {
      for await (const { value, revision } of store.all()) {
        const kept = value && decodePlace(value);
        if (kept === undefined || !tagsOf(kept.state).some(isGone)) continue;
        removed.push(this.#remove(kept, { state: kept.state, revision }, isGone));
      }
    } catch (error) {
      if (gate.failed()) observer.unreached('webhooks: read what nodes share', error);
      return undefined;
    }
    if ((await Promise.all(removed)).includes(false)) throw new Error('this node has another tag now');
    return removed.length;
  }

  /** @returns false when this node has another tag now, and it was not done */
  async #remove({ key, track }: Place, known: Known, isGone: (tag: string) => boolean): Promise<boolean> {
    const place = { key, track };
    const change = { kind: 'removed', isGone, nowMs: this.#parts.clock.now() } as const;
    const made = await this.#changes.make(place, change, known);
    const telling = this.#tellingOf(place, made);
    if (telling !== undefined) this.#duties.tell(telling);
    return made.isKept;
  }
}

function tagsOf({ holders, linger, untold }: PlaceState): readonly string[] {
  return [...holders, ...[linger, untold].flatMap(duty => (duty === undefined ? [] : [duty.by]))];
}
