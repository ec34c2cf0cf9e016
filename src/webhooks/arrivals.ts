import type { Clock } from '../clock.js';
import type { EventType } from './event-types.js';
import type { WebhookEvent } from './events.js';
import type { Occupancies, Place } from './occupancies.js';
import type { Source } from './sources.js';

/** What a reader of facts works with. */
export interface ReaderParts {
  readonly clock: Clock;
  readonly occupancies: Occupancies;
  /** Looked up at each use, as a configuration may replace it; undefined: nothing is told. */
  readonly source: () => Source | undefined;
  readonly emit: (source: Source, event: WebhookEvent) => void;
}

/** What is told when somebody comes to an empty place, and when the last one has gone. */
export type Pair = readonly [appeared: EventType, gone: EventType];

/** A place within its source. */
export interface LocalPlace {
  /** What makes it the only one of its source. */
  readonly key: readonly string[];
  /** What is told of one track is told in order. */
  readonly track: string;
}

/** Tells of the first that come to a place and the last that leave it, for one source. */
export class Arrivals {
  readonly #source: string;
  readonly #parts: ReaderParts;

  /** @param source its key */
  constructor(source: string, parts: ReaderParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /** @returns whether any endpoint wants to know one or the other: without that, nobody needs to know what lingers */
  isFollowed([appeared, gone]: Pair): boolean {
    const wanted = this.#parts.source()?.wanted;
    return wanted !== undefined && (wanted.has(appeared) || wanted.has(gone));
  }

  /** @param event made when it is told that somebody has come */
  came(place: LocalPlace, pair: Pair, event: () => WebhookEvent): void {
    if (!this.isFollowed(pair)) return;
    this.#parts.occupancies.came(this.#placeOf(place), () => this.#emit(event()));
  }

  /** @param gone told when nobody has come back; its time is that of the telling */
  left(place: LocalPlace, pair: Pair, gone: WebhookEvent): void {
    const lingerMs = this.#parts.source()?.lingerMs;
    if (lingerMs === undefined || !this.isFollowed(pair)) return;
    this.#parts.occupancies.left(this.#placeOf(place), { lingerMs, gone, source: this.#source }, () =>
      this.#emit({ ...gone, atMs: this.#parts.clock.now() }),
    );
  }

  /** After what is still to be told of the track. @param event undefined: nothing is told after all */
  tell(track: string, type: EventType, event: () => WebhookEvent | undefined): void {
    if (this.#parts.source()?.wanted.has(type) !== true) return;
    this.#parts.occupancies.inTurn(this.#trackOf(track), () => {
      const made = event();
      if (made !== undefined) this.#emit(made);
    });
  }

  #emit(event: WebhookEvent): void {
    const source = this.#parts.source();
    if (source !== undefined) this.#parts.emit(source, event);
  }

  #placeOf({ key, track }: LocalPlace): Place {
    return { key: JSON.stringify([this.#source, ...key]), track: this.#trackOf(track) };
  }

  #trackOf(track: string): string {
    return `${this.#source} ${track}`;
  }
}
