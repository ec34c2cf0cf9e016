import { createHash } from 'node:crypto';
import type { EventKind } from '../hub/facts.js';
import type { EndpointOptions, Endpoints } from '../outbox/ports.js';
import { canonicalHubName } from '../protocols/names.js';
import type { EventRecord } from './event-record.js';
import type { EventHandler, ParsedHandler } from './routes.js';
import { maskInsertions } from './url-template.js';

/** What ids of the queues of event handlers begin with. */
export const eventQueuePrefix = 'event:';

/** In order per connection, for more than a day: eight attempts. */
const options: EndpointOptions = { profile: 'durable', ordering: 'key' };

interface Place {
  readonly queue: string;
  /** Which of the handlers that share a queue it is. */
  readonly variant: string;
}

/**
 * Which durable handler has which queue. What may be a secret is no part of its name, so that what waits outlives another
 * secret. Handlers that differ in nothing else share a queue.
 */
export class EventQueues implements Endpoints {
  readonly #handlers: () => readonly EventHandler[];
  /** Hot path: each claim reads all of them. */
  readonly #places = new WeakMap<ParsedHandler, Place>();

  /** @param handlers those that are durable now */
  constructor(handlers: () => readonly EventHandler[]) {
    this.#handlers = handlers;
  }

  ids(): Iterable<string> {
    return new Set(this.#handlers().map(handler => this.placeOf(handler).queue));
  }

  options(id: string): EndpointOptions | undefined {
    return this.#handlers().some(handler => this.placeOf(handler).queue === id) ? options : undefined;
  }

  /** Where an event of this handler waits. */
  placeOf(handler: ParsedHandler): Place {
    const known = this.#places.get(handler);
    if (known !== undefined) return known;
    const place = placeFor(handler);
    this.#places.set(handler, place);
    return place;
  }

  /**
   * Who gets an event that waits in the queue: the handler that it was raised for; when no URL is as it was, one that takes
   * such events. Undefined: the queue is nobody's.
   */
  handlerOf(queue: string, { variant, kind }: Pick<EventRecord, 'variant' | 'kind'>): EventHandler | undefined {
    const sharing = this.#handlers().filter(handler => this.placeOf(handler).queue === queue);
    const same = sharing.find(handler => this.placeOf(handler).variant === variant);
    return same ?? sharing.find(handler => takesSome(handler, kind)) ?? sharing[0];
  }
}

function placeFor({ hub, options: { urlTemplate, insertions } }: ParsedHandler): Place {
  const [address = ''] = maskInsertions(urlTemplate, insertions ?? []).split('?');
  return {
    queue: `${eventQueuePrefix}${canonicalHubName(hub)}:${digestOf(address)}`,
    variant: digestOf(urlTemplate),
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function takesSome({ options: { systemEvents, groupPresenceEvents } }: EventHandler, kind: EventKind): boolean {
  const kinds: readonly EventKind[] = [...systemEvents, ...(groupPresenceEvents?.eventNames ?? [])];
  return kinds.includes(kind);
}
