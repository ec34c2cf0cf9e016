import { PubSubError } from '../errors.js';
import type { Metadata } from './messages.js';
import { isHttpToken } from './names.js';

/** Limits of per-message metadata; lengths are bytes, which for ASCII are characters. [client-protocols 4.6] */
const maxKeyBytes = 256;
const maxValueBytes = 1024;
const maxTotalBytes = 8192;

/** ASCII without control characters except tab: a value travels on in an HTTP header, where a line break would end it. */
const headerText = /^[\t\x20-\x7e]*$/;

/** Header of the app server's side, lower case; what follows is the key. [rest-api 2.8, upstream-events 3.3] */
export const metadataHeaderPrefix = 'x-webpubsub-metadata-';

/**
 * Metadata in the HTTP headers of a REST send or an upstream's reply: the key is lower-cased, of several lines the last
 * counts, and of a comma list its last part. `rawHeaders` is the flat name, value, … list that Node gives.
 * @throws PubSubError `invalid` beyond the limits [client-protocols 4.6, upstream-events D42]
 */
export function metadataFromHeaders(rawHeaders: readonly string[]): Metadata | undefined {
  let entries: Map<string, string> | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const key = metadataKey(rawHeaders[index]!);
    if (!key) continue;
    entries ??= new Map();
    entries.set(key, lastPart(rawHeaders[index + 1]!));
  }
  return entries && checkMetadata(entries);
}

/**
 * Entries as metadata, or undefined when there are none. Reads no further than to the first that is wrong.
 * @throws PubSubError `malformed` when a key comes twice, `invalid` beyond the limits [client-protocols 4.6]
 */
export function checkMetadata(entries: Iterable<readonly [key: string, value: string]>): Metadata | undefined {
  const metadata = new Map<string, string>();
  let totalBytes = 0;
  for (const [key, value] of entries) {
    checkKey(key);
    checkValue(key, value);
    if (metadata.has(key)) throw new PubSubError('malformed', `metadata key ${key} is given twice`);
    totalBytes += key.length + value.length;
    if (totalBytes > maxTotalBytes)
      throw new PubSubError('invalid', `metadata exceeds ${maxTotalBytes} bytes in total`);
    metadata.set(key, value);
  }
  return metadata.size === 0 ? undefined : metadata;
}

function metadataKey(header: string): string | undefined {
  if (header.length <= metadataHeaderPrefix.length) return undefined; // most are shorter
  const name = header.toLowerCase();
  return name.startsWith(metadataHeaderPrefix) ? name.slice(metadataHeaderPrefix.length) : undefined;
}

function lastPart(value: string): string {
  return value.slice(value.lastIndexOf(',') + 1).trim();
}

function checkKey(key: string): void {
  if (key.length > maxKeyBytes) throw new PubSubError('invalid', `a metadata key exceeds ${maxKeyBytes} bytes`);
  if (!isHttpToken(key))
    throw new PubSubError('invalid', 'a metadata key contains characters that are not allowed in an HTTP token');
}

function checkValue(key: string, value: string): void {
  if (value.length > maxValueBytes) {
    throw new PubSubError('invalid', `metadata value of ${key} exceeds ${maxValueBytes} bytes`);
  }
  if (!headerText.test(value)) {
    throw new PubSubError('invalid', `metadata value of ${key} contains characters other than printable ASCII`);
  }
}
