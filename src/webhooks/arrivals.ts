import type { Clock } from '../clock.js';
import { takes } from './endpoints.js';
import type { EventType } from './event-types.js';
import type { WebhookEvent } from './events.js';
import type { Departure, Occupancies, Place } from './occupancies.js';
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
}

/** A place within its source. */
export interface LocalPlace {
  /** What makes it the only one of its source. */
  readonly key: readonly string[];
  /** What is told of one track is told in order. */
  readonly track: string;
  /** Added to the wait: of two places that become empty at the same time, one is to be told after the other. */
  readonly laterMs?: number;
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

  /** @returns whether any endpoint is told one or the other: without that, nobody needs to know what lingers */
  isFollowed({ appeared, gone }: Pair): boolean {
    const source = this.#parts.source();
    return source?.endpoints.some(endpoint => takes(endpoint, appeared) || takes(endpoint, gone)) === true;
  }

  came(place: LocalPlace, pair: Pair): void {
    const source = this.#parts.source();
    if (source === undefined || !this.isFollowed(pair)) return;
    const departure = this.#departureOf(source, place, pair.lost ?? pair.gone);
    this.#parts.occupancies.came(this.#placeOf(place), departure, () => this.#emitNow(pair.appeared));
  }

  left(place: LocalPlace, pair: Pair): void {
    const source = this.#parts.source();
    if (source === undefined || !this.isFollowed(pair)) return;
    const departure = this.#departureOf(source, place, pair.gone);
    this.#parts.occupancies.left(this.#placeOf(place), departure, () => this.#emitNow(pair.gone));
  }

  /** After what is still to be told of the track. @param event undefined: nothing is told after all */
  tell(track: string, type: EventType, event: () => WebhookEvent | undefined): void {
    if (this.#parts.source()?.wanted.has(type) !== true) return;
    this.#parts.occupancies.inTurn(this.#trackOf(track), () => {
      const made = event();
      if (made !== undefined) this.#emit(made);
    });
  }

  #emitNow(event: WebhookEvent): void {
    this.#emit({ ...event, atMs: this.#parts.clock.now() });
  }

  #emit(event: WebhookEvent): void {
    const source = this.#parts.source();
    if (source !== undefined) this.#parts.emit(source, event);
  }

  #departureOf({ lingerMs }: Source, { laterMs = 0 }: LocalPlace, gone: WebhookEvent): Departure {
    return { lingerMs: lingerMs === 0 ? 0 : lingerMs + laterMs, gone, source: this.#source };
  }

  #placeOf({ key, track }: LocalPlace): Place {
    return { key: JSON.stringify([this.#source, ...key]), track: this.#trackOf(track) };
  }

  #trackOf(track: string): string {
    return `${this.#source} ${track}`;
  }
}
