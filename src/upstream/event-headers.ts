import { CloudEvent, HTTP } from 'cloudevents';
import { PubSubError } from '../errors.js';
import type { EventKind } from '../hub/ports.js';
import type { DataType, Metadata } from '../protocols/messages.js';

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
  readonly state: string | undefined;
  readonly cookies: string | undefined;
  readonly metadata: Metadata | undefined;
}

/** `Content-Type` of system events. [upstream-events D10] */
export const systemContentType = 'application/json; charset=utf-8';

/** `Content-Type` of user events. [upstream-events 2.4, D10, D11] */
export const userContentTypes = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  binary: 'application/octet-stream',
  protobuf: 'application/x-protobuf',
} as const satisfies Record<DataType, string>;

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
] as const;

const printableAscii = /^[\x20-\x7e]*$/;
const controlCharacter = /[\x00-\x1f\x7f]/;

/** A connection's headers, names and values in turn, with the places that each event fills in. */
export class ConnectionHeaders {
  readonly #flat: readonly string[];
  readonly #places: Readonly<Record<'type' | 'id' | 'time' | 'eventName' | 'contentType', number>>;

  /**
   * The CloudEvents SDK maps the attributes to headers once per connection: doing so for each event costs more than
   * the rest of its delivery. [design 4]
   * @throws PubSubError `eventFailed` when a value cannot stand in a header
   */
  constructor(facts: ConnectionFacts) {
    this.#flat = [...binaryModeHeaders(facts), 'WebHook-Request-Origin', facts.origin];
    for (let index = 0; index < this.#flat.length; index += 2) {
      if (this.#flat[index] !== 'ce-userId') requireSendable(this.#flat[index]!, this.#flat[index + 1]!);
    }
    this.#places = {
      type: this.#placeOf('ce-type'),
      id: this.#placeOf('ce-id'),
      time: this.#placeOf('ce-time'),
      eventName: this.#placeOf('ce-eventName'),
      contentType: this.#placeOf('Content-Type'),
    };
  }

  /** @throws PubSubError `eventFailed` when a value cannot stand in a header [upstream-events 2.2] */
  forEvent(event: EventFacts): string[] {
    const flat = this.#flat.slice();
    flat[this.#places.type] = eventType(event.kind, event.name);
    flat[this.#places.id] = String(event.id);
    flat[this.#places.time] = event.time;
    flat[this.#places.eventName] = requireSendable('ce-eventName', event.name);
    flat[this.#places.contentType] = event.contentType;
    if (event.state !== undefined) {
      flat.push('ce-connectionState', requireSendable('ce-connectionState', event.state));
    }
    if (event.cookies) flat.push('Cookie', requireSendable('Cookie', event.cookies));
    flat.push('x-ms-client-request-id', event.requestId);
    if (event.metadata) pushMetadata(flat, event.metadata);
    return flat;
  }

  #placeOf(name: string): number {
    return this.#flat.indexOf(name) + 1;
  }
}

/** `ce-type`: the prefix is lower case, a client's event name keeps its spelling. [upstream-events 1.1] */
function eventType(kind: EventKind, name: string): string {
  return `azure.webpubsub.${families[kind]}.${name}`;
}

const families = {
  connect: 'sys',
  connected: 'sys',
  disconnected: 'sys',
  user: 'user',
  joined: 'gp',
  left: 'gp',
} as const satisfies Record<EventKind, string>;

function pushMetadata(flat: string[], metadata: Metadata): void {
  for (const [key, value] of metadata) {
    const name = `X-WebPubSub-Metadata-${key.toLowerCase()}`;
    flat.push(name, requireSendable(name, value));
  }
}

function binaryModeHeaders(facts: ConnectionFacts): string[] {
  const { headers } = HTTP.binary(templateEvent(facts));
  return spellings.flatMap(name => {
    const value = headers[name.toLowerCase()];
    return typeof value === 'string' ? [name, value] : [];
  });
}

function templateEvent(facts: ConnectionFacts): CloudEvent<undefined> {
  const attributes = {
    specversion: '1.0',
    type: eventType('connect', 'connect'),
    source: `/hubs/${facts.hub}/client/${facts.connectionId}`,
    id: '0',
    datacontenttype: systemContentType,
    awpsversion: '1.0',
    signature: facts.signature,
    connectionid: facts.connectionId,
    hub: facts.hub,
    eventname: 'connect',
    ...(facts.userId ? { userid: userIdBytes(facts.userId) } : {}),
    ...(facts.subprotocol ? { subprotocol: facts.subprotocol } : {}),
  };
  // Not strict: hub names may hold characters that a URI reference may not, and the wire has them as they are.
  return new CloudEvent(attributes, false);
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
  if (!printableAscii.test(value)) throw unsendable(name);
  return value;
}

function unsendable(header: string): PubSubError {
  return new PubSubError('eventFailed', `the value of header ${header} holds characters that a header cannot carry`);
}
