import type { EventKind } from '../hub/ports.js';
import { canonicalHubName } from '../protocols/names.js';
import { parseEventPattern } from './event-pattern.js';
import type { EventHandlerOptions, HubHandlers, SystemEvent } from './options.js';
import { parseUrlTemplate, type UrlTemplate } from './url-template.js';
import type { Validation } from './validation.js';

/** One configured event handler, ready for use. */
export interface EventHandler {
  /** As spelled in the configuration. [upstream-events D38] */
  readonly hub: string;
  readonly template: UrlTemplate;
  readonly options: EventHandlerOptions;
  readonly validation: Validation;
  /** System events by `systemEvents` alone, user events by `userEventPattern` alone. [upstream-events 5.3] */
  takes(kind: EventKind, name: string): boolean;
}

/** Which event handler gets an event. Immutable: a reload makes another one. */
export class Routes {
  readonly #byHub: ReadonlyMap<string, readonly EventHandler[]>;

  /** @throws PubSubError `invalid` for a template or pattern that does not parse; nothing is asked to be validated then */
  constructor(hubs: readonly HubHandlers[], validationOf: (hub: string, template: UrlTemplate) => Validation) {
    const parsed = hubs.map(({ hub, eventHandlers }) => eventHandlers.map(options => parse(hub, options)));
    this.#byHub = new Map(
      hubs.map(({ hub }, index) => [
        canonicalHubName(hub),
        parsed[index]!.map(handler => ({ ...handler, validation: validationOf(hub, handler.template) })),
      ]),
    );
  }

  get handlers(): readonly EventHandler[] {
    return [...this.#byHub.values()].flat();
  }

  /** The first handler that takes the event; `hub` is canonical. [upstream-events 5.3] */
  find(hub: string, kind: EventKind, name: string): EventHandler | undefined {
    return this.#byHub.get(hub)?.find(handler => handler.takes(kind, name));
  }
}

/** What a handler takes, for people. */
export function eventsText(options: EventHandlerOptions): string {
  const user = options.userEventPattern ? [`user events ${options.userEventPattern}`] : [];
  return [...options.systemEvents, ...user].join(', ') || 'nothing';
}

function parse(hub: string, options: EventHandlerOptions): Omit<EventHandler, 'validation'> {
  const takesUser = options.userEventPattern ? parseEventPattern(options.userEventPattern) : () => false;
  const system: ReadonlySet<string> = new Set<SystemEvent>(options.systemEvents);
  return {
    hub,
    template: parseUrlTemplate(options.urlTemplate),
    options,
    takes: (kind, name) => (kind === 'user' ? takesUser(name) : system.has(kind)),
  };
}
