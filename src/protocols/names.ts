/** The name rules that every edge shares. [client-protocols 4.1, 8.1; upstream-events 5.4; rest-api 2.0] */

/** As a regular expression's text, which JSON Schema needs too. */
export const hubNamePattern = '^[A-Za-z][A-Za-z0-9_`,.[\\]]{0,127}$';

const hubName = new RegExp(hubNamePattern);
const eventName = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;

/** Longest group name, in UTF-16 units. */
export const maxGroupNameLength = 1024;

/** Longest user id, in UTF-16 units: as UTF-8 at most 3 KiB, which any upstream accepts in a header. [client-protocols 8.1] */
export const maxUserIdLength = 1024;

/** C0 and DEL, which a header field cannot carry, and halves of surrogate pairs, which UTF-8 cannot. [RFC 9110 5.5] */
const unsendable = /[\u0000-\u001f\u007f\p{Surrogate}]/u;

export const eventNameRule = 'a letter followed by letters, digits, `_`, `.` and `-`, at most 128 characters';
export const groupNameRule = '1 to 1024 characters, not all white space, and neither "." nor ".."';
export const userIdRule =
  '1 to 1024 characters, no white space at either end, no control characters, and neither "." nor ".."';

/** A hub name begins with a letter, so that it is no dot segment. */
export function isHubName(name: string): boolean {
  return hubName.test(name);
}

/** Hub names are case-insensitive; this is the spelling used for routing. */
export function canonicalHubName(name: string): string {
  return name.toLowerCase();
}

/** Of the name of a Pusher app's hub, before the app's id. No hub of Web PubSub has such a name. [design 8] */
export const appHubPrefix = 'app:';

/** A user event's name. */
export function isEventName(name: string): boolean {
  return eventName.test(name);
}

/** 1 to 1024 characters, not all white space, no dot segment; any character is allowed and case counts. */
export function isGroupName(name: string): boolean {
  return name.length <= maxGroupNameLength && name.trim() !== '' && !isDotSegment(name);
}

/**
 * May this be a user's id? Case counts, and any character is allowed that can be sent to an upstream in a header and
 * comes out of it as it went in: white space at either end does not, nor does half of a surrogate pair. The empty text is
 * no id; where it means an anonymous client, the caller decides that first.
 */
export function isUserId(text: string): boolean {
  if (text === '' || text.length > maxUserIdLength || text.trim() !== text) return false;
  return !unsendable.test(text) && !isDotSegment(text);
}

const httpToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** May this be a header's name, or one item of a list such as `Sec-WebSocket-Protocol`? [RFC 9110 5.6.2] */
export function isHttpToken(text: string): boolean {
  return httpToken.test(text);
}

/** SDKs do not escape these in a path and URL parsers remove them: `users/../:send` would become a send to all. [RFC 3986 5.2.4] */
export function isDotSegment(name: string): boolean {
  return name === '.' || name === '..';
}
