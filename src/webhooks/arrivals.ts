import type { Clock } from '../clock.js';
import { takes } from './endpoints.js';
import type { EventType } from './event-types.js';
import type { WebhookEvent } from './events.js';
import type { Occupancies } from './occupancies.js';
import type { Departure, Place } from './shared/place-state.js';
import type { Source } from './sources.js';

/** What a reader of facts works with. */
export interface ReaderParts {
  readonly clock: Clock;
  readonly occupancies: Occupancies;
  /** Looked up at each use, as a configuration may replace it; undefined: nothing is told. */
  readonly source: () => Source | undefined;
  readonly emit: (source: Source, event: WebhookEvent) => void;
}

/** What is told when somebody comes to an empty place, and when the last one has gone; their times are those of the telling. */
export interface Pair {
  readonly appeared: WebhookEvent;
  readonly gone: WebhookEvent;
  /** In place of `gone` when the service ended before the last one left. By default the same. */
  readonly lost?: WebhookEvent;
  /** Told of the place while somebody is there: once for all nodes, so that these have to know the place. */
  readonly between?: WebhookEvent | undefined;
}

/** A place within its source. */
export interface LocalPlace {
  /** What makes it the only one of its source. */
  readonly key: readonly string[];
  /** What is told of one track is told in order. */
  readonly track: string;
  /** It becomes empty with other places of its track, and is told after them. */
  readonly isLast?: boolean;
}

/**
 * Added to the wait of a place that is told after others. Several nodes wait by timers of their own, each from when the store
 * has taken its change.
 */
const laterMs = { alone: 1, shared: 250 };

/** Tells of the first that come to a place and the last that leave it, for one source. */
export class Arrivals {
  readonly #source: string;
  readonly #parts: ReaderParts;

  /** @param source its key */
  constructor(source: string, parts: ReaderParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /** @returns whether any endpoint is told one or the other: without that, nobody needs to know what lingers */
  isFollowed(pair: Pair): boolean {
    return this.#isFollowedIn(this.#parts.source(), pair);
  }

  #isFollowedIn(source: Source | undefined, { appeared, gone, between }: Pair): boolean {
    const events =
      between !== undefined && this.#parts.occupancies.areShared ? [appeared, gone, between] : [appeared, gone];
    return source?.endpoints.some(endpoint => events.some(event => takes(endpoint, event))) === true;
  }

  /** Somebody is there already, of whom nobody is told: other nodes need to know. @param before the source as it was, which did not follow it */
  wasThere(place: LocalPlace, pair: Pair, before: Source | undefined): void {
    const source = this.#parts.source();
    if (source === undefined || !this.isFollowed(pair) || this.#isFollowedIn(before, pair)) return;
    const departure = this.#departureOf(source, place, pair.lost ?? pair.gone);
    this.#parts.occupancies.wasThere(this.#placeOf(place), departure);
  }

  came(place: LocalPlace, pair: Pair): void {
    const source = this.#parts.source();
    if (source === undefined || !this.isFollowed(pair)) return;
    const departure = this.#departureOf(source, place, pair.lost ?? pair.gone);
    this.#parts.occupancies.came(this.#placeOf(place), departure, pair.appeared);
  }

  left(place: LocalPlace, pair: Pair): void {
    const source = this.#parts.source();
    if (source === undefined || !this.isFollowed(pair)) return;
    const departure = this.#departureOf(source, place, pair.gone);
    this.#parts.occupancies.left(this.#placeOf(place), departure);
  }

  /** There is no last message of the place, which is told once within `forMs`. */
  missed(place: LocalPlace, event: WebhookEvent, forMs: number): void {
    if (this.#parts.source()?.wanted.has(event.name) !== true) return;
    this.#parts.occupancies.missed(this.#placeOf(place), forMs, this.#source, event);
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

  #departureOf({ lingerMs }: Source, { isLast = false }: LocalPlace, gone: WebhookEvent): Departure {
    const moreMs = this.#parts.occupancies.areShared ? laterMs.shared : laterMs.alone;
    return { lingerMs: isLast && lingerMs > 0 ? lingerMs + moreMs : lingerMs, gone, source: this.#source };
  }

  #placeOf({ key, track }: LocalPlace): Place {
    return { key: JSON.stringify([this.#source, ...key]), track: this.#trackOf(track) };
  }

  #trackOf(track: string): string {
    return `${this.#source} ${track}`;
  }
}
