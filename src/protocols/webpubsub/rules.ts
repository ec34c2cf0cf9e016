import { PubSubError } from '../../errors.js';
import type { Metadata } from '../messages.js';
import { checkMetadata } from '../metadata.js';
import { groupNameRule, isEventName, isGroupName } from '../names.js';
import { isAny } from './protobuf-any.js';

/** Rules for requests in all protocols. Each function returns its argument, or throws `malformed`. [client-protocols 4.1, 6] */

/** Maximum time to live of a message, in seconds. [client-protocols 4.2] */
export const maxTtlSeconds = 300n;

export function malformed(message: string, cause?: unknown): PubSubError {
  return new PubSubError('malformed', message, cause === undefined ? undefined : { cause });
}

/** @throws PubSubError `malformed` */
export function checkGroup(group: string): string {
  if (!isGroupName(group)) throw malformed(`group must be ${groupNameRule}`);
  return group;
}

/** @throws PubSubError `malformed` */
export function checkEvent(event: string): string {
  if (!isEventName(event)) throw malformed('event must be a letter, then up to 127 letters, digits, "_", "." or "-"');
  return event;
}

/** @throws PubSubError `malformed` beyond 300 s */
export function checkTtlSeconds(ttl: bigint): number {
  if (ttl > maxTtlSeconds) throw malformed(`ttlSeconds must be an integer from 0 to ${maxTtlSeconds}`);
  return Number(ttl);
}

/** @throws PubSubError `malformed` */
export function checkNonEmpty(name: string, text: string): string {
  if (text === '') throw malformed(`${name} must not be empty`);
  return text;
}

/** Entries as metadata, or undefined when there are none. @throws PubSubError `malformed` for a repeated key or beyond the limits [client-protocols 4.6] */
export function metadataOf(entries: Iterable<readonly [key: string, value: string]>): Metadata | undefined {
  try {
    return checkMetadata(entries);
  } catch (cause) {
    throw malformed(PubSubError.from(cause).message, cause);
  }
}

/** @throws PubSubError `malformed` for a repeated key */
export function distinct(
  name: string,
  entries: readonly (readonly [key: string, value: string])[],
): ReadonlyMap<string, string> {
  const strings = new Map(entries);
  if (strings.size < entries.length) throw malformed(`${name} has a key twice`);
  return strings;
}

/** Only `sendToGroup` opens a stream. @throws PubSubError `malformed` [client-protocols D23] */
export function refuseStream(hasStream: boolean): void {
  if (hasStream) throw malformed('stream is for sendToGroup only');
}

/** A serialised `google.protobuf.Any`; what is in it is not looked at. @throws PubSubError `malformed` [client-protocols 6.3, D13] */
export function checkAny(bytes: Buffer): Buffer {
  if (!isAny(bytes)) throw malformed('data is not a serialised google.protobuf.Any');
  return bytes;
}
