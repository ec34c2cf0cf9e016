import type { AccessKeys } from '../auth/keys.js';
import { signer } from '../auth/signature.js';
import type { AttemptAnswer, Attempted } from '../hub/facts.js';
import { observers } from '../hub/observers.js';
import { Watches } from '../hub/watches.js';
import { canonicalHubName } from '../protocols/names.js';
import type { HandledEvents } from '../upstream/connection-events.js';
import { EventHandlers } from '../upstream/event-handlers.js';
import type { Handler, Subject } from './subject.js';

/** Of the connections and the user that are made for an examination. */
export const doctorName = 'hubwire-doctor';

/** One event that was sent to an event handler, and what came of it. */
export interface EventSeen {
  readonly kind: Attempted['type'];
  readonly name: string;
  /** Does its body have a media type that body parsers read? */
  readonly isJson: boolean;
  readonly answer: AttemptAnswer;
  readonly durationMs: number;
  /** `x-ms-client-request-id`, which the app's log may have. */
  readonly requestId: string | undefined;
  /** Unix milliseconds. */
  readonly atMs: number;
}

export interface EventsSeen {
  readonly handler: Handler;
  readonly events: readonly EventSeen[];
  /** Why an event failed, as the service would log it; by the event's name. */
  readonly reasons: ReadonlyMap<string, string>;
  /** With two keys, when an event was refused: is it accepted with the primary key's signature alone? */
  readonly isAcceptedWithOneKey: boolean | undefined;
}

/**
 * Sends one event of each kind that the handler takes, as the service would for a client, to this handler alone: connect,
 * connected, a user event as text and as JSON, joined and left, disconnected.
 */
export async function observeEvents(subject: Subject, keys: AccessKeys, handler: Handler): Promise<EventsSeen> {
  const seen = await sendEvents(subject, handler, keys);
  const isRefused = seen.events.some(({ answer }) => isUnauthorized(answer));
  if (!isRefused || keys.secondary === undefined) return { ...seen, handler, isAcceptedWithOneKey: undefined };
  const again = await sendEvents(subject, handler, { primary: keys.primary, secondary: undefined });
  return { ...seen, handler, isAcceptedWithOneKey: !again.events.some(({ answer }) => isUnauthorized(answer)) };
}

export function isUnauthorized(answer: AttemptAnswer): boolean {
  return answer.kind === 'response' && (answer.status === 401 || answer.status === 403);
}

async function sendEvents(
  subject: Subject,
  handler: Handler,
  keys: AccessKeys,
): Promise<Pick<EventsSeen, 'events' | 'reasons'>> {
  const { clock, endpoints, proxies, tokens, limits, config, focus } = subject;
  const events: EventSeen[] = [];
  const watches = new Watches(() => {});
  watches.watch({}, { attempted: fact => events.push(eventOf(fact, clock.now())) });
  const handlers = new EventHandlers({
    origins: endpoints.hostnames,
    originsWithPort: endpoints.hosts,
    ports: endpoints.ports,
    sign: signer(keys),
    tokens,
    clock,
    observer: observers(),
    watches,
    proxies,
  });
  const { hub, options } = handler;
  await handlers.configure([{ hub, eventHandlers: [{ ...options, isDurable: false }] }], {
    ...config!.delivery,
    timeoutMs: limits.giveUpMs,
    retryDelaysMs: [],
  });
  const id = `${doctorName}-${clock.now().toString(36)}`;
  const reasons = await new Script(handlers.open(canonicalHubName(hub), id), handler, focus.event).run();
  await handlers.close();
  return { events, reasons };
}

/** A short life of one connection. */
class Script {
  readonly #events: HandledEvents;
  readonly #handler: Handler;
  readonly #event: string;
  readonly #reasons = new Map<string, string>();

  constructor(events: HandledEvents, handler: Handler, event: string | undefined) {
    this.#events = events;
    this.#handler = handler;
    this.#event = eventNameFor(handler, event);
  }

  async run(): Promise<ReadonlyMap<string, string>> {
    const { systemEvents, userEventPattern, groupPresenceEvents } = this.#handler.options;
    this.#events.identify(doctorName, undefined);
    if (systemEvents.includes('connect')) await this.#note('connect', () => this.#events.connect(request));
    this.#events.connected();
    await this.#events.whenNotified();
    // Both at once: each may wait for as long as the other.
    if (userEventPattern) await Promise.all([this.#send('text'), this.#send('json')]);
    if (groupPresenceEvents?.eventNames.includes('joined')) this.#events.joined(doctorName);
    if (groupPresenceEvents?.eventNames.includes('left')) this.#events.left(doctorName);
    this.#events.disconnected('the examination is over');
    await this.#events.whenNotified();
    return this.#reasons;
  }

  #send(dataType: 'text' | 'json'): Promise<void> {
    const bytes = Buffer.from(dataType === 'text' ? doctorName : JSON.stringify({ from: doctorName }));
    return this.#note(this.#event, () => this.#events.event(this.#event, { dataType, bytes, metadata: undefined }));
  }

  async #note(name: string, send: () => Promise<unknown> | undefined): Promise<void> {
    try {
      await send();
    } catch (failure) {
      this.#reasons.set(name, (failure as Error).message);
    }
  }
}

/** The wanted one if the handler takes it, else one that it takes. */
function eventNameFor({ parsed, options }: Handler, wanted: string | undefined): string {
  if (wanted !== undefined && parsed.takes('user', wanted)) return wanted;
  if (parsed.takes('user', 'message')) return 'message';
  return options.userEventPattern?.split(',')[0]?.trim() ?? 'message';
}

const request = {
  userId: doctorName,
  claims: { sub: [doctorName] },
  query: {},
  headers: {},
  subprotocols: [],
  clientCertificates: [],
};

function eventOf({ type, name, request: { headers }, answer, durationMs }: Attempted, atMs: number): EventSeen {
  return {
    kind: type,
    name,
    isJson: headerOf(headers, 'content-type')?.startsWith('application/json') === true,
    answer,
    durationMs,
    requestId: headerOf(headers, 'x-ms-client-request-id'),
    atMs,
  };
}

/** @param headers names and values in turn */
function headerOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
}
