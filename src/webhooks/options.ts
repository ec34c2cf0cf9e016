import type { PayloadProfile } from './events.js';
import type { FilterEntry } from './filters.js';
import type { SignatureFormat } from './signatures.js';

/** One entry of `webhooks`, as hubs.yaml has it: names and values of Sockudo, with soketi's as aliases. [pusher-webhooks 1, 2.6] */
export interface WebhookEntry {
  /** Names the endpoint in the admin routes, metrics and its queue. Made from the target when left out. */
  readonly id?: string | undefined;
  /** Absolute http or https URL. Either this or a function. */
  readonly url?: string | undefined;
  /** The URL as people may see it, without the values of variables; no setting. By default `url`. */
  readonly shownUrl?: string | undefined;
  readonly lambda?: LambdaEntry | undefined;
  /** `lambda.function_name`. */
  readonly lambda_function?: string | undefined;
  readonly event_types: readonly string[];
  readonly filter?: FilterEntry | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** true by default. false: nothing new is queued, and what is queued waits. */
  readonly enabled?: boolean | undefined;
  readonly batching?: BatchingEntry | undefined;
  readonly payload_profile?: PayloadProfile | undefined;
  readonly signature_format?: SignatureFormat | undefined;
  readonly signing_secret?: string | undefined;
  readonly signing_secrets?: readonly SigningSecretEntry[] | undefined;
  /** When failed requests are repeated; `pusher` by default, `durable` for hubs. */
  readonly profile?: RetryProfile | undefined;
  /** In place of a profile. */
  readonly retry?: RetryEntry | undefined;
  readonly request_timeout_ms?: number | undefined;
  /** `channel`: later events of a channel wait while an earlier one is repeated. */
  readonly ordering?: 'none' | 'channel' | undefined;
  readonly max_concurrency?: number | undefined;
  readonly rate_limit_per_s?: number | undefined;
  /** 120 by default; 0: never. */
  readonly disable_after_hours?: number | undefined;
  /** An answer of 410 disables the endpoint. */
  readonly gone_disables?: boolean | undefined;
  /** Occupied and vacated are told of `#server-to-user-` channels, too. */
  readonly emit_user_channels?: boolean | undefined;
}

export interface LambdaEntry {
  /** A name, a partial ARN or an ARN. */
  readonly function_name?: string | undefined;
  /** us-east-1 by default. */
  readonly region?: string | undefined;
  /** `Event` by default. */
  readonly invocation_type?: InvocationType | undefined;
  /** soketi's: true is `Event`, false `RequestResponse`. */
  readonly async?: boolean | undefined;
  /** A version or an alias. */
  readonly qualifier?: string | undefined;
  /** In place of the region's own. */
  readonly endpoint?: string | undefined;
  readonly client_options?: { readonly endpoint?: string | undefined } | undefined;
  /** What the function is given; `gateway` by default. */
  readonly payload_format?: PayloadFormat | undefined;
}

export const invocationTypes = ['Event', 'RequestResponse', 'DryRun'] as const;
export type InvocationType = (typeof invocationTypes)[number];
export const payloadFormats = ['gateway', 'soketi', 'raw'] as const;
export type PayloadFormat = (typeof payloadFormats)[number];
export const retryProfileNames = ['pusher', 'sockudo', 'durable'] as const;
export type RetryProfile = (typeof retryProfileNames)[number];

export interface BatchingEntry {
  /** false by default. */
  readonly enabled?: boolean | undefined;
  /** Milliseconds; 50 by default. */
  readonly duration?: number | undefined;
  /** Events; 100 by default. */
  readonly size?: number | undefined;
  /** 262,144 by default, and at most. */
  readonly max_bytes?: number | undefined;
}

export interface SigningSecretEntry {
  readonly secret: string;
  /** A date and time of RFC 3339. */
  readonly expires_at?: string | undefined;
}

/** Sockudo's names and defaults. */
export interface RetryEntry {
  /** true by default. false: one attempt. */
  readonly enabled?: boolean | undefined;
  /** The first one included; by default as many as there is time for. */
  readonly max_attempts?: number | undefined;
  /** 300,000 by default. */
  readonly max_elapsed_time_ms?: number | undefined;
  /** 1,000 by default; doubles from one wait to the next. */
  readonly initial_backoff_ms?: number | undefined;
  /** 60,000 by default. */
  readonly max_backoff_ms?: number | undefined;
}

/** `webhooks`, beside `hubs` and `apps`: what applies to all endpoints. */
export interface WebhooksEntry {
  readonly batching?: BatchingEntry | undefined;
  /** Endpoints with an http URL are refused. false by default. */
  readonly https_only?: boolean | undefined;
  /** 3,000 by default; 0: none. [pusher-webhooks 5.3] */
  readonly linger_ms?: number | undefined;
  /** Address of this machine that requests come from; by default the one that the system chooses. [pusher-webhooks 1.5, row 42] */
  readonly local_address?: string | undefined;
  /** Addresses and networks that requests may go to although they are not public. */
  readonly egress?: { readonly allow?: readonly string[] | undefined } | undefined;
}

/** An app or a hub with webhooks. */
export interface SourceEntry {
  readonly webhooks?: readonly WebhookEntry[] | undefined;
  /** In place of that of all endpoints. */
  readonly batching?: BatchingEntry | undefined;
  readonly linger_ms?: number | undefined;
}

export const webhookDefaults = {
  lingerMs: 3_000,
  requestTimeoutMs: 10_000,
  batchDurationMs: 50,
  batchSize: 100,
  maxEnvelopeBytes: 262_144,
  lambdaRegion: 'us-east-1',
} as const;
