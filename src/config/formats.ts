import { isIP } from 'node:net';
import { channelPattern, checkEvent, groupPattern } from '../bridges/rules.js';
import { publicAddresses } from '../egress/address-guard.js';
import { PubSubError } from '../errors.js';
import { parseEventPattern, parseGroupFilter } from '../upstream/event-pattern.js';
import { parseUrlTemplate } from '../upstream/url-template.js';
import { parseHttpUrl, parseRedisUrl } from '../urls.js';
import { compileFilter } from '../webhooks/filters.js';
import { signingSecret } from '../webhooks/signatures.js';
import { targetOf } from '../webhooks/targets.js';

/**
 * Readers for the `format`s of the schema. Each throws PubSubError `invalid` for a text that cannot be used.
 * `written` is the text as it is in the file: with `${NAME}` in place of values, which messages do not show.
 */
export const formats: Readonly<Record<string, (text: string, written: string) => unknown>> = {
  'url-template': parseUrlTemplate,
  'event-pattern': parseEventPattern,
  'group-filter': parseGroupFilter,
  'http-url': checkHttpUrl,
  'redis-url': checkRedisUrl,
  'webhook-url': url => targetOf({ url, event_types: [] }, false),
  'channel-pattern': unshown(pattern => compileFilter({ channel_pattern: pattern })),
  'signing-secret': text => signingSecret(text),
  network: unshown(network => publicAddresses({ allow: [network] })),
  address: unshown(checkAddress),
  instant: unshown(parseInstant),
  origin: checkOrigin,
  'bridge-group': groupPattern,
  'bridge-channel': channelPattern,
  'bridge-event': checkEvent,
};

/** Texts of these formats are URLs: a variable without a value would lead to another address. */
export const urlFormats: readonly string[] = ['url-template', 'webhook-url', 'http-url', 'redis-url'];

/** Of a reader whose messages quote the text. */
function unshown(read: (text: string) => unknown): (text: string, written: string) => unknown {
  return (text, written) => {
    try {
      return read(text);
    } catch (error) {
      if (text === written || !(error instanceof PubSubError)) throw error;
      throw new PubSubError('invalid', `the value of ${written} cannot be used here; correct the variable`, {
        cause: error,
      });
    }
  };
}

/** What is no such URL at all does not match the pattern of the field, which says what is. @throws PubSubError `invalid` */
function checkHttpUrl(text: string): void {
  if (/^https?:\/\/[^/]/i.test(text)) parseHttpUrl(text);
}

/** As for `http-url`. @throws PubSubError `invalid` */
function checkRedisUrl(text: string): void {
  if (/^rediss?:\/\/./i.test(text)) parseRedisUrl(text);
}

/** @throws PubSubError `invalid` */
function checkAddress(text: string): void {
  if (isIP(text) === 0) {
    throw new PubSubError('invalid', 'must be an IP address of this machine, such as 192.0.2.7 or 2001:db8::7');
  }
}

/** A date and time of RFC 3339, as Unix milliseconds. @throws PubSubError `invalid` */
export function parseInstant(text: string): number {
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const atMs = isWhole ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new PubSubError('invalid', 'must be a date and time with its zone, such as 2026-11-28T12:00:00Z');
}

/** Also refused is what no browser sends, so that no page could connect. @throws PubSubError `invalid` */
function checkOrigin(text: string): void {
  if (/^any$/i.test(text))
    throw new PubSubError('invalid', 'is all origins in Sockudo; write "*", or leave the list out');
  if (/^(?:https:.*:443|http:.*:80)$/i.test(text)) {
    throw new PubSubError('invalid', 'has the port that browsers leave out, as it is the default; remove it');
  }
  if (/[^\u0020-\u007e]/.test(text)) {
    throw new PubSubError('invalid', 'must have its host in ASCII, as browsers send it: xn--… for other letters');
  }
  if (/^(?:\*|(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\*\.)?[^*/\s]+)$/i.test(text)) return;
  throw new PubSubError('invalid', 'must be an origin, such as https://app.example or *.app.example, without a path');
}
