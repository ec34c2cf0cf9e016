import type { Response, ResponseHeaders } from '../egress/exchange.js';
import { PubSubError } from '../errors.js';
import { contentCoding } from '../protocols/content-coding.js';
import type { RaisedEvent } from './event-sender.js';
import { isSendable } from './header-text.js';
import type { EventHandler } from './routes.js';

/** The event whose response a text is about. */
export type Answered = Pick<RaisedEvent, 'kind' | 'name'>;

/** The handler that answered. */
export type Answerer = Pick<EventHandler, 'hub' | 'template'>;

/** Largest state that is kept: a server that accepts headers of 16 KiB, as Node does, could be sent no more of any event. */
const maxStateBytes = 16 * 1024;

/** A larger state is warned about. [upstream-events 7.2] */
export const largeStateBytes = 8 * 1024;

const maxShownCharacters = 100;

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** Every line of a header; `name` in lower case. */
export function linesOf(headers: ResponseHeaders, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Text of an upstream for a log line: what is not printable ASCII is `?`, and a long text is cut. */
export function shown(text: string): string {
  const printable = text.slice(0, maxShownCharacters).replace(/[^\x20-\x7e]/g, '?');
  return text.length > maxShownCharacters ? `${printable}…` : printable;
}

/** @throws PubSubError `eventFailed` for another status than 2xx */
export function requireSuccess(response: Response, event: Answered, by: Answerer): void {
  if (!isSuccess(response.status)) throw unexpectedStatus(response, event, by);
}

export function unexpectedStatus({ status, headers }: Response, event: Answered, by: Answerer): PubSubError {
  return new PubSubError('eventFailed', reasonOf(status, headers, event, by));
}

/** Most often the middleware is there, and serves another hub. */
export function notFoundText(event: Answered, { hub, template }: Answerer): string {
  return `app at ${template.display} answered 404 to ${event.name} of hub "${hub}"; does its middleware serve hub "${hub}"?`;
}

/**
 * Requests name no coding that they accept: a body that is compressed all the same would be sent to clients as it came, or be
 * taken for malformed text. [RFC 9110 8.4, 12.5.3]
 * @throws PubSubError `eventFailed` for a body with a content coding
 */
export function requireUncoded({ headers, body }: Response): void {
  const coding = contentCoding(linesOf(headers, 'content-encoding').join());
  if (coding === undefined || body.length === 0) return;
  throw new PubSubError(
    'eventFailed',
    `the answer has the Content-Encoding "${shown(coding)}", which is not supported; leave the path of the event handler out of compression`,
  );
}

/** A warning about an answer. The name of a user event is left out, as its client chooses it. */
export function aboutAnswer({ kind, name }: Answered, { template }: Answerer, warning: string): string {
  return `answer of ${template.display} to ${kind === 'user' ? 'a user event' : name}: ${warning}`;
}

/** Where a redirect leads, without a password and the query, which may be secrets; undefined when there is none. */
export function redirectTarget(headers: ResponseHeaders): string | undefined {
  const location = linesOf(headers, 'location').at(-1);
  return location && shown(location.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//'));
}

function reasonOf(status: number, headers: ResponseHeaders, event: Answered, by: Answerer): string {
  if (status === 404) return notFoundText(event, by);
  if (!isRedirect(status)) return `the event handler answered ${status}`;
  const target = redirectTarget(headers);
  return `the event handler answered ${status}${target ? ` to ${target}` : ''}; redirects are not followed`;
}

/**
 * The state to keep, byte for byte; undefined: unchanged. Of several lines the last counts. [upstream-events 3.5]
 * @throws PubSubError `eventFailed` for one that later events could not carry: they would all fail
 */
export function replyState(headers: ResponseHeaders): string | undefined {
  const state = linesOf(headers, 'ce-connectionstate').at(-1);
  if (state === undefined) return undefined;
  if (!isSendable(state))
    throw unusableState('contains characters other than printable ASCII; encode it, for example as base64');
  if (state.length > maxStateBytes) throw unusableState(`is larger than ${maxStateBytes} bytes`);
  return state;
}

function unusableState(why: string): PubSubError {
  return new PubSubError('eventFailed', `the answer's ce-connectionState cannot be sent back: it ${why}`);
}
