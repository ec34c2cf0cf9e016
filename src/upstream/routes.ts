import type { EventKind } from '../hub/facts.js';
import { canonicalHubName } from '../protocols/names.js';
import { parseEventPattern, parseGroupFilter } from './event-pattern.js';
import type { EventHandlerOptions, GroupPresenceOptions, HubHandlers, SystemEvent } from './options.js';
import { parseUrlTemplate, type UrlTemplate } from './url-template.js';
import type { Validation } from './validation.js';

/** One configured event handler, ready for use. */
export interface EventHandler {
  /** As spelled in the configuration. [upstream-events D38] */
  readonly hub: string;
  readonly template: UrlTemplate;
  readonly options: EventHandlerOptions;
  readonly validation: Validation;
  /**
   * System events by `systemEvents` alone, user events by `userEventPattern` alone, and `joined` and `left`, where
   * `subject` is the group and not the event's name, by `groupPresenceEvents` alone. [upstream-events 5.3, 2.9]
   */
  takes(kind: EventKind, subject: string): boolean;
}

/** One as configured; it only says what it takes, and sends nothing. */
export type ParsedHandler = Omit<EventHandler, 'validation'>;

/** Which event handler gets an event. Immutable: a reload makes another one. */
export class Routes {
  readonly #byHub: ReadonlyMap<string, readonly EventHandler[]>;

  /** @throws PubSubError `invalid` for a template or pattern that does not parse; no validation is started then */
  constructor(hubs: readonly HubHandlers[], validationOf: (hub: string, template: UrlTemplate) => Validation) {
    const parsed = hubs.map(({ hub, eventHandlers }) => eventHandlers.map(options => parseHandler(hub, options)));
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
  find(hub: string, kind: EventKind, subject: string): EventHandler | undefined {
    return this.#byHub.get(hub)?.find(handler => handler.takes(kind, subject));
  }
}

export const nothingText = 'nothing';

/** What a handler takes, for people. */
export function eventsText(options: EventHandlerOptions): string {
  const user = options.userEventPattern ? [`user events ${options.userEventPattern}`] : [];
  const { eventNames = [] } = options.groupPresenceEvents ?? {};
  return [...options.systemEvents, ...user, ...eventNames.map(name => `group ${name}`)].join(', ') || nothingText;
}

/** @throws PubSubError `invalid` for a template or pattern that does not parse */
export function parseHandler(hub: string, options: EventHandlerOptions): ParsedHandler {
  const takesUser = options.userEventPattern ? parseEventPattern(options.userEventPattern) : () => false;
  const takesGroup = parsePresence(options.groupPresenceEvents);
  const system: ReadonlySet<string> = new Set<SystemEvent>(options.systemEvents);
  return {
    hub,
    template: parseUrlTemplate(options.urlTemplate, options.urlTemplate, options.insertions),
    options,
    takes: (kind, subject) => {
      if (kind === 'user') return takesUser(subject);
      return kind === 'joined' || kind === 'left' ? takesGroup(kind, subject) : system.has(kind);
    },
  };
}

function parsePresence(options: GroupPresenceOptions | undefined): (kind: string, group: string) => boolean {
  const { eventNames = [], groupFilters = [] } = options ?? {};
  const kinds: ReadonlySet<string> = new Set(eventNames);
  const filters = groupFilters.map(parseGroupFilter);
  return (kind, group) => kinds.has(kind) && (filters.length === 0 || filters.some(filter => filter.matches(group)));
}
