import { createHash } from 'node:crypto';
import { PubSubError } from '../errors.js';
import type { EndpointOptions } from '../outbox/ports.js';
import type { RetrySchedule } from '../outbox/retry.js';
import type { BatchLimits } from './batches.js';
import { customHeaders } from './custom-headers.js';
import { appEventTypes, type EventType, eventTypesOf, hubEventTypes } from './event-types.js';
import { channelOf, type PayloadProfile, type WebhookEvent } from './events.js';
import { type ChannelFilter, compileFilter } from './filters.js';
import {
  type BatchingEntry,
  type RetryEntry,
  type SourceEntry,
  type WebhookEntry,
  type WebhooksEntry,
  webhookDefaults,
} from './options.js';
import { type SignatureFormat, type SigningSecret, signingSecret } from './signatures.js';
import { type Target, targetOf } from './targets.js';

/** Who has webhooks. */
export interface SourceName {
  readonly kind: 'app' | 'hub';
  /** Of the app, or the hub as spelled in the configuration. */
  readonly name: string;
}

/** One endpoint, ready for use. */
export interface WebhookEndpoint {
  /** `app:42:orders` or `hub:chat:orders`: unique, and the id of its queue. */
  readonly id: string;
  readonly types: ReadonlySet<EventType>;
  readonly filter: ChannelFilter | undefined;
  readonly target: Target;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly isEnabled: boolean;
  readonly payloadProfile: PayloadProfile;
  /** Undefined: one event a request. */
  readonly batching: BatchLimits | undefined;
  /** Order is kept by channel. */
  readonly isOrdered: boolean;
  readonly signatureFormat: SignatureFormat;
  readonly signingSecrets: readonly SigningSecret[];
  readonly requestTimeoutMs: number;
  readonly isDisabledWhenGone: boolean;
  readonly tellsUserChannels: boolean;
  /** For the outbox. */
  readonly queue: EndpointOptions;
}

/** What was read, and what is worth a warning at load. */
export interface ReadEndpoint {
  readonly endpoint: WebhookEndpoint;
  readonly warnings: readonly string[];
}

/**
 * Reads the endpoints of an app or a hub, in their order.
 * @param onProblem called with the position of each entry that is invalid, which is left out
 */
export function readEndpoints(
  source: SourceName,
  owner: SourceEntry,
  general: WebhooksEntry,
  onProblem: (index: number, problem: PubSubError) => void,
): readonly ReadEndpoint[] {
  const used = new UsedIds();
  return (owner.webhooks ?? []).flatMap((entry, index) => {
    try {
      return [readEndpoint(source, entry, owner, general, used)];
    } catch (error) {
      onProblem(index, PubSubError.from(error));
      return [];
    }
  });
}

/** Is the event for this endpoint? A channel filter never passes an event that is about no channel. [pusher-webhooks 1.4, row 36] */
export function takes(endpoint: WebhookEndpoint, event: WebhookEvent): boolean {
  if (!endpoint.isEnabled || !endpoint.types.has(event.name)) return false;
  const channel = channelOf(event);
  if (channel?.startsWith('#') === true && 'channel' in event && !endpoint.tellsUserChannels) return false;
  if (endpoint.filter === undefined) return true;
  return channel !== undefined && endpoint.filter(channel);
}

/** Those of an app have the signature of its key. */
const unsigned = 'is not signed, so its receiver cannot tell who sent it: give it a signing_secret';

function readEndpoint(
  source: SourceName,
  entry: WebhookEntry,
  owner: SourceEntry,
  general: WebhooksEntry,
  used: UsedIds,
): ReadEndpoint {
  const target = targetOf(entry, general.https_only === true);
  const types = eventTypesOf(entry.event_types, source.kind === 'app' ? appEventTypes : hubEventTypes);
  const { flat, dropped } = customHeaders(entry.headers);
  const filter = compileFilter(filterFor(source, entry));
  const signingSecrets = secretsOf(entry);
  const name = idOf(entry, target, used);
  const isOrdered = entry.ordering === 'channel';
  const endpoint: WebhookEndpoint = {
    id: `${source.kind}:${source.name}:${name}`,
    types,
    filter,
    target,
    headers: flat,
    isEnabled: entry.enabled !== false,
    payloadProfile: entry.payload_profile ?? 'pusher',
    batching: batchLimits({ ...general.batching, ...owner.batching, ...entry.batching }),
    isOrdered,
    signatureFormat: entry.signature_format ?? 'hex',
    signingSecrets,
    requestTimeoutMs: entry.request_timeout_ms ?? webhookDefaults.requestTimeoutMs,
    isDisabledWhenGone: entry.gone_disables === true,
    tellsUserChannels: entry.emit_user_channels === true,
    queue: queueOptions(source, entry, isOrdered),
  };
  used.add(name);
  const warnings = dropped.map(header => `header ${header.name} of webhook ${name} is not sent: ${header.why}`);
  if (source.kind === 'hub' && signingSecrets.length === 0) warnings.push(`webhook ${name} ${unsigned}`);
  return { endpoint, warnings };
}

function filterFor({ kind }: SourceName, { filter = {} }: WebhookEntry) {
  if (kind === 'hub' && filter.channel_type !== undefined) {
    throw new PubSubError(
      'invalid',
      'groups of a hub have no channel_type: use channel_prefix, channel_suffix or channel_pattern',
    );
  }
  return filter;
}

/** Several secrets, while one is replaced, and the single one first. */
function secretsOf({ signing_secret: single, signing_secrets: several = [] }: WebhookEntry): readonly SigningSecret[] {
  const first = single === undefined ? [] : [signingSecret(single)];
  return [...first, ...several.map(({ secret, expires_at }) => signingSecret(secret, expiryOf(expires_at)))];
}

function expiryOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs) || !/^\d{4}-\d\d-\d\dT/.test(text)) {
    throw new PubSubError(
      'invalid',
      `expires_at of a signing secret is a date and time such as 2027-01-31T12:00:00Z, not ${text}`,
    );
  }
  return atMs;
}

function batchLimits({ enabled = false, duration, size, max_bytes: bytes }: BatchingEntry): BatchLimits | undefined {
  if (!enabled) return undefined;
  const { batchDurationMs, batchSize, maxEnvelopeBytes } = webhookDefaults;
  return {
    durationMs: duration ?? batchDurationMs,
    size: size ?? batchSize,
    maxBytes: Math.min(bytes ?? maxEnvelopeBytes, maxEnvelopeBytes),
  };
}

function queueOptions({ kind }: SourceName, entry: WebhookEntry, isOrdered: boolean): EndpointOptions {
  const { disable_after_hours: hours } = entry;
  return {
    enabled: entry.enabled !== false,
    profile:
      entry.retry === undefined ? (entry.profile ?? (kind === 'app' ? 'pusher' : 'durable')) : scheduleOf(entry.retry),
    ordering: isOrdered ? 'key' : 'none',
    maxConcurrency: entry.max_concurrency,
    rateLimitPerSecond: entry.rate_limit_per_s,
    disableAfterHours: hours === 0 ? Number.POSITIVE_INFINITY : hours,
  };
}

/** Sockudo's `retry`: a wait that doubles, as often as attempts and time allow. */
function scheduleOf(entry: RetryEntry): RetrySchedule {
  const { enabled = true, max_attempts: attempts, max_elapsed_time_ms: budgetMs = 300_000 } = entry;
  const { initial_backoff_ms: firstMs = 1_000, max_backoff_ms: longestMs = 60_000 } = entry;
  if (!enabled || attempts === 1) return { delaysMs: [] };
  const delaysMs: number[] = [];
  let delayMs = firstMs;
  for (let totalMs = 0; totalMs + delayMs <= budgetMs && delaysMs.length + 1 < (attempts ?? 1_000); ) {
    delaysMs.push(delayMs);
    totalMs += delayMs;
    delayMs = Math.min(2 * delayMs, longestMs);
  }
  return delaysMs.length > 0 ? { delaysMs, budgetMs, maxAttempts: attempts } : { delaysMs };
}

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** By default from the target, and its place among those with the same one: other changes leave the queue with its endpoint. */
function idOf({ id }: WebhookEntry, target: Target, used: UsedIds): string {
  if (id === undefined) return used.unused(madeOf(target));
  if (!idPattern.test(id)) {
    throw new PubSubError(
      'invalid',
      `the id of a webhook is 1 to 64 letters, digits, _ and -, not ${JSON.stringify(id.slice(0, 100))}`,
    );
  }
  if (used.has(id))
    throw new PubSubError('invalid', `two webhooks have the id ${id}: ids are unique within an app or hub`);
  return id;
}

function madeOf(target: Target): string {
  const full = target.kind === 'http' ? target.origin + target.path : target.display;
  return `wh-${createHash('sha256').update(full).digest('hex').slice(0, 12)}`;
}

/** Ids within an app or a hub. */
class UsedIds {
  readonly #ids = new Set<string>();
  /** The next number for each id that was made: many endpoints may have one URL. */
  readonly #next = new Map<string, number>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
  }

  /** The id, or the first of `id-2`, `id-3`, … that is free. */
  unused(made: string): string {
    if (!this.has(made)) return made;
    let count = this.#next.get(made) ?? 2;
    while (this.has(`${made}-${count}`)) count += 1;
    this.#next.set(made, count);
    return `${made}-${count}`;
  }
}
