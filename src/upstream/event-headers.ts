import { CloudEvent, HTTP } from 'cloudevents';
import { PubSubError } from '../errors.js';
import type { EventKind } from '../hub/facts.js';
import { mediaTypes } from '../protocols/media-types.js';
import type { DataType, Metadata } from '../protocols/messages.js';
import { isSendable } from './header-text.js';

/** What stays the same from one event of a connection to the next. */
export interface ConnectionFacts {
  /** As spelled in the configuration. [upstream-events D38] */
  readonly hub: string;
  readonly connectionId: string;
  /** `""` or undefined: anonymous. */
  readonly userId: string | undefined;
  /** The negotiated one; undefined until there is one. */
  readonly subprotocol: string | undefined;
  readonly signature: string;
  /** Host names of the service, joined by a comma. */
  readonly origin: string;
}

/** What one event adds. */
export interface EventFacts {
  readonly kind: EventKind;
  readonly name: string;
  readonly id: number;
  readonly time: string;
  readonly requestId: string;
  readonly contentType: string;
  /** Printable ASCII, as the cookies are: others were refused when they came. */
  readonly state: string | undefined;
  readonly cookies: string | undefined;
  readonly metadata: Metadata | undefined;
}

/** `Content-Type` of system events. [upstream-events D10] */
export const systemContentType = `${mediaTypes.json}; charset=utf-8`;

/** `Content-Type` of user events. [upstream-events 2.4, D10, D11] */
export const userContentTypes: Readonly<Record<DataType, string>> = {
  ...mediaTypes,
  text: `${mediaTypes.text}; charset=utf-8`,
};

/** The SDK writes names in lower case; this is the wire's spelling and order. [upstream-events 2.2] */
const spellings = [
  'ce-specversion',
  'ce-awpsversion',
  'ce-type',
  'ce-source',
  'ce-id',
  'ce-time',
  'ce-signature',
  'ce-userId',
  'ce-connectionId',
  'ce-hub',
  'ce-eventName',
  'ce-subprotocol',
  'Content-Type',
  'WebHook-Request-Origin',
  'x-ms-client-request-id',
] as const;

type HeaderName = (typeof spellings)[number];

/** The headers that are no attributes of the event. */
const ownNames: ReadonlySet<HeaderName> = new Set(['WebHook-Request-Origin', 'x-ms-client-request-id']);

/** Index of each header's value in the flat list; 0 for an absent header. */
type Places = Readonly<Record<HeaderName, number>>;

const placeholder = 'placeholder';

const printableAsciiOrTab = /^[\t\x20-\x7e]*$/;
const controlCharacter = /[\x00-\x1f\x7f]/;

/** A connection's headers, names and values in turn, with the places that each event fills in. */
export class ConnectionHeaders {
  readonly #flat: string[];
  readonly #places: Places;

  /** @throws PubSubError `eventFailed` for a value that is not allowed in a header */
  constructor(facts: ConnectionFacts) {
    const { hub, connectionId, userId, subprotocol, signature, origin } = facts;
    const { flat, places } = templateFor(userId, subprotocol);
    this.#flat = flat.slice();
    this.#places = places;
    this.#fill('ce-source', `/hubs/${hub}/client/${connectionId}`);
    this.#fill('ce-signature', signature);
    this.#fill('ce-connectionId', connectionId);
    this.#fill('ce-hub', hub);
    this.#fill('WebHook-Request-Origin', origin);
    if (userId) this.#flat[places['ce-userId']] = userIdBytes(userId);
    if (subprotocol) this.#fill('ce-subprotocol', subprotocol);
  }

  /** @throws PubSubError `eventFailed` for a value that is not allowed in a header [upstream-events 2.2] */
  forEvent(event: EventFacts): string[] {
    const flat = this.#flat.slice();
    const places = this.#places;
    flat[places['ce-type']] = eventType(event.kind, event.name);
    flat[places['ce-id']] = String(event.id);
    flat[places['ce-time']] = event.time;
    flat[places['ce-eventName']] = requireSendable('ce-eventName', event.name);
    flat[places['Content-Type']] = event.contentType;
    // `randomUUID` joins pieces, which need more memory than one text; the check's pattern joins them.
    flat[places['x-ms-client-request-id']] = requireSendable('x-ms-client-request-id', event.requestId);
    if (event.state !== undefined) insert(flat, 'ce-connectionState', event.state);
    if (event.cookies) insert(flat, 'Cookie', event.cookies);
    if (event.metadata) pushMetadata(flat, event.metadata);
    return flat;
  }

  #fill(name: HeaderName, value: string): void {
    this.#flat[this.#places[name]] = requireSendable(name, value);
  }
}

/** `ce-type`: the prefix is lower case, a client's event name keeps its spelling. [upstream-events 1.1] */
function eventType(kind: EventKind, name: string): string {
  return typePrefixes[kind] + name;
}

const typePrefixes = {
  connect: 'azure.webpubsub.sys.',
  connected: 'azure.webpubsub.sys.',
  disconnected: 'azure.webpubsub.sys.',
  user: 'azure.webpubsub.user.',
  joined: 'azure.webpubsub.gp.',
  left: 'azure.webpubsub.gp.',
} as const satisfies Record<EventKind, string>;

/** Before the request id. That one is part of the template, as an array that grows doubles its size, also while the event waits in a queue. */
function insert(flat: string[], name: string, value: string): void {
  flat.splice(-2, 0, name, requireSendable(name, value));
}

/** A value may contain tabs, as that of a header may. */
function pushMetadata(flat: string[], metadata: Metadata): void {
  for (const [key, value] of metadata) {
    const name = `X-WebPubSub-Metadata-${key.toLowerCase()}`;
    if (!printableAsciiOrTab.test(value)) throw unsendable(name);
    flat.push(name, value);
  }
}

/** As the SDK maps them, with values that are filled in for each connection or event. */
interface Template {
  readonly flat: readonly string[];
  readonly places: Places;
}

/**
 * Headers as the CloudEvents SDK maps them, computed once: this is a hot path, for each event and for each connection.
 * [design 4]
 */
const templates = {
  anonymousSimple: makeTemplate(false, false),
  anonymous: makeTemplate(false, true),
  simple: makeTemplate(true, false),
  whole: makeTemplate(true, true),
};

function templateFor(userId: string | undefined, subprotocol: string | undefined): Template {
  if (subprotocol) return userId ? templates.whole : templates.anonymous;
  return userId ? templates.simple : templates.anonymousSimple;
}

function makeTemplate(hasUser: boolean, hasSubprotocol: boolean): Template {
  const { headers } = HTTP.binary(templateEvent(hasUser, hasSubprotocol));
  const flat = spellings.flatMap(name => {
    const value = ownNames.has(name) ? placeholder : headers[name.toLowerCase()];
    return typeof value === 'string' ? [name, value] : [];
  });
  return { flat, places: Object.fromEntries(spellings.map(name => [name, flat.indexOf(name) + 1])) as Places };
}

function templateEvent(hasUser: boolean, hasSubprotocol: boolean): CloudEvent<undefined> {
  return new CloudEvent({
    specversion: '1.0',
    type: placeholder,
    source: placeholder,
    id: placeholder,
    datacontenttype: placeholder,
    awpsversion: '1.0',
    signature: placeholder,
    connectionid: placeholder,
    hub: placeholder,
    eventname: placeholder,
    ...(hasUser ? { userid: placeholder } : {}),
    ...(hasSubprotocol ? { subprotocol: placeholder } : {}),
  });
}

/**
 * `ce-userId` is raw UTF-8, not percent-encoded; Node writes a header's characters as bytes. [upstream-events D20]
 * @throws PubSubError `eventFailed` for control characters, which would end the header
 */
function userIdBytes(userId: string): string {
  if (controlCharacter.test(userId)) throw unsendable('ce-userId');
  return Buffer.from(userId, 'utf8').toString('latin1');
}

function requireSendable(name: string, value: string): string {
  if (!isSendable(value)) throw unsendable(name);
  return value;
}

function unsendable(header: string): PubSubError {
  return new PubSubError(
    'eventFailed',
    `the value of header ${header} contains characters that are not allowed in a header`,
  );
}
