import { channelKindOf, hasAtMost, isPublishableEvent } from '../protocols/pusher/names.js';
import type { ApiLimits } from './apps.js';
import { type Attributes, attributesOf, counts } from './attributes.js';
import { ApiFailure, invalid } from './failures.js';
import { JsonBody } from './json-body.js';
import type { SignedParameters } from './request-signature.js';

/** One event as an app server publishes it. */
export interface Trigger {
  readonly name: string;
  /** Distinct. */
  readonly channels: readonly string[];
  /** UTF-8 text. */
  readonly data: Buffer;
  readonly exceptSocketId: string | undefined;
  /** What the answer tells of each channel. */
  readonly attributes: Attributes;
}

/** Where the fields of an event stand. */
interface Fields {
  get(name: string): unknown;
  text(name: string): Buffer | undefined;
}

/**
 * The event of `POST /events`: in the body, in the query, or partly in each. [pusher-webhooks 4.2]
 * @throws ApiFailure `invalid`, `tooLarge`
 */
export function parseEvent(body: Buffer, query: SignedParameters, limits: ApiLimits): Trigger {
  const inQuery = fieldsOfQuery(query);
  const fields = body.length === 0 ? inQuery : firstOf(JsonBody.parse(body), inQuery);
  return triggerOf(fields, channelsOf(fields, limits), limits);
}

/**
 * The events of `POST /batch_events`, each to one channel.
 * @throws ApiFailure `invalid`, `tooLarge`, when any of them is: none may be published then
 */
export function parseBatch(body: Buffer, limits: ApiLimits): readonly Trigger[] {
  const events = JsonBody.parse(body).objects('batch');
  const { maxEventsPerBatch: most } = limits;
  if (events.length > most) throw invalid(`batch has ${events.length} events; at most ${most} are allowed.`);
  return events.map((event, index) =>
    located(`batch[${index}]`, () => triggerOf(event, [channelOfItem(event, limits)], limits)),
  );
}

function located<T>(place: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    throw new ApiFailure(error.kind, `${place}: ${error.message}`);
  }
}

function triggerOf(fields: Fields, channels: readonly string[], limits: ApiLimits): Trigger {
  return {
    name: eventNameOf(fields.get('name'), limits),
    channels,
    data: dataOf(fields, limits),
    exceptSocketId: socketIdOf(fields.get('socket_id')),
    attributes: attributesOf(fields.get('info'), counts),
  };
}

function eventNameOf(name: unknown, { maxEventNameLength }: ApiLimits): string {
  if (typeof name !== 'string') throw invalid('name is missing: the name of the event, a string.');
  if (isPublishableEvent(name) && hasAtMost(maxEventNameLength, name)) return name;
  throw invalid(
    `name must have 1 to ${maxEventNameLength} characters, without control characters, and must not begin with pusher: or pusher_internal:.`,
  );
}

function channelsOf(fields: Fields, limits: ApiLimits): readonly string[] {
  const given = fields.get('channels') ?? fields.get('channel');
  const names = Array.isArray(given) ? given : [given];
  const { maxChannelsPerEvent: most } = limits;
  if (names.length === 0) throw invalid('channels is empty; name at least one channel.');
  if (names.length > most) throw invalid(`channels has ${names.length} names; at most ${most} are allowed.`);
  return [...new Set(names.map(name => channelOf(name, limits)))];
}

function channelOfItem(event: Fields, limits: ApiLimits): string {
  const channel = event.get('channel');
  if (typeof channel === 'string') return channelOf(channel, limits);
  if (event.get('channels') === undefined) throw invalid('The channel is missing: channel with its name.');
  throw invalid('The channel is missing: an event of a batch has one, named by channel; channels is for POST /events.');
}

/** Of a name that is refused. */
const mostShown = 50;

/** @throws ApiFailure `invalid` for what cannot be a channel's name */
export function channelOf(name: unknown, { maxChannelNameLength }: ApiLimits): string {
  if (typeof name !== 'string') throw invalid('The channel is missing: a name, or several in channels.');
  if (channelKindOf(name) !== undefined && name.length <= maxChannelNameLength) return name;
  const rule = `A channel's name must have 1 to ${maxChannelNameLength} letters, digits and _ - = @ , . ; and must not be . or ..`;
  throw invalid(`${JSON.stringify(name.slice(0, mostShown))} is no channel. ${rule}`);
}

function dataOf(fields: Fields, { maxEventBytes }: ApiLimits): Buffer {
  const data = fields.text('data');
  if (data === undefined) throw invalid('data is missing: a string, or any JSON value.');
  if (data.length <= maxEventBytes) return data;
  throw new ApiFailure('tooLarge', `data has ${data.length} bytes; at most ${maxEventBytes} are allowed.`);
}

function socketIdOf(id: unknown): string | undefined {
  if (id === undefined || id === null || id === '') return undefined;
  if (typeof id === 'string' && /^\d+\.\d+$/.test(id)) return id;
  throw invalid('socket_id must be the id of a connection: two numbers with a dot between them.');
}

function fieldsOfQuery(query: SignedParameters): Fields {
  const get = (name: string) => {
    if (name === 'info') return query.list(name);
    if (name !== 'channels') return query.get(name);
    const values = query.values(name);
    return values.length === 0 ? undefined : values;
  };
  return {
    get,
    text(name) {
      const value = query.get(name);
      return value === undefined ? undefined : Buffer.from(value, 'utf8');
    },
  };
}

/** A field of the body hides one of the query. */
function firstOf(body: JsonBody, query: Fields): Fields {
  return {
    get: name => (body.get(name) === undefined ? query.get(name) : body.get(name)),
    text: name => body.text(name) ?? query.text(name),
  };
}
