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
const formerOptions: EndpointOptions = { ...options, isFormer: true };

interface QueueNames {
  readonly own: string;
  /** Of earlier versions: made from the whole URL. */
  readonly former: string;
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
  readonly #names = new WeakMap<ParsedHandler, QueueNames>();

  /** @param handlers those that are durable now */
  constructor(handlers: () => readonly EventHandler[]) {
    this.#handlers = handlers;
  }

  ids(): Iterable<string> {
    const names = this.#handlers().map(handler => this.#namesOf(handler));
    return new Set([...names.map(({ own }) => own), ...names.map(({ former }) => former)]);
  }

  options(id: string): EndpointOptions | undefined {
    const names = this.#handlers().map(handler => this.#namesOf(handler));
    if (names.some(({ own }) => own === id)) return options;
    return names.some(({ former }) => former === id) ? formerOptions : undefined;
  }

  /** Where an event of this handler waits. */
  placeOf(handler: ParsedHandler): { readonly queue: string; readonly variant: string } {
    const { own: queue, variant } = this.#namesOf(handler);
    return { queue, variant };
  }

  /**
   * Who gets an event that waits in the queue: the handler that it was raised for; when no URL is as it was, one that takes
   * such events. Undefined: the queue is nobody's.
   */
  handlerOf(queue: string, { variant, kind }: Pick<EventRecord, 'variant' | 'kind'>): EventHandler | undefined {
    const sharing = this.#handlers().filter(handler => {
      const { own, former } = this.#namesOf(handler);
      return own === queue || former === queue;
    });
    const same = sharing.find(handler => this.#namesOf(handler).variant === variant);
    return same ?? sharing.find(handler => takesSome(handler, kind)) ?? sharing[0];
  }

  #namesOf(handler: ParsedHandler): QueueNames {
    const known = this.#names.get(handler);
    if (known !== undefined) return known;
    const names = namesOf(handler);
    this.#names.set(handler, names);
    return names;
  }
}

function namesOf({ hub, options: { urlTemplate, insertions } }: ParsedHandler): QueueNames {
  const [place = ''] = maskInsertions(urlTemplate, insertions ?? []).split('?');
  const variant = digestOf(urlTemplate);
  return {
    own: `${eventQueuePrefix}${canonicalHubName(hub)}:${digestOf(place)}`,
    former: `${eventQueuePrefix}${hub}:${variant}`,
    variant,
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function takesSome({ options: { systemEvents, groupPresenceEvents } }: EventHandler, kind: EventKind): boolean {
  const kinds: readonly EventKind[] = [...systemEvents, ...(groupPresenceEvents?.eventNames ?? [])];
  return kinds.includes(kind);
}
