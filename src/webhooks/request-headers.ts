import type { AppKey } from '../auth/pusher-signatures.js';
import type { WebhookContent } from './envelopes.js';
import { pusherSignature, type SignatureFormat, type SigningSecret, standardSignature } from './signatures.js';

export interface SignedRequest {
  /** Of the envelope. */
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  readonly content: WebhookContent;
  /** Wall clock. */
  readonly now: () => number;
  /** `Product/version`. */
  readonly userAgent: string;
  /** Undefined for hubs, which have no Pusher keys. */
  readonly key: AppKey | undefined;
  readonly endpoint: {
    readonly headers: readonly string[];
    readonly signatureFormat: SignatureFormat;
    readonly signingSecrets: readonly SigningSecret[];
  };
}

const contentType = 'application/json';

/**
 * The headers of one attempt, names and values in turn, with the spelling that some of Pusher's libraries look for.
 * `webhook-id` is always there, so that receivers can drop repetitions. [pusher-webhooks 2.1]
 */
export function requestHeaders(request: SignedRequest): string[] {
  const { id, attempt, content, key, userAgent, endpoint } = request;
  const { originalTimeMs, body } = content;
  const own = endpoint.headers;
  const headers = own.length === 0 ? ['Content-Type', contentType] : [...own, 'Content-Type', contentType];
  if (!hasHeader(own, 'user-agent')) headers.push('User-Agent', userAgent);
  if (key !== undefined) {
    headers.push('X-Pusher-Key', key.key);
    headers.push('X-Pusher-Signature', pusherSignature(body, key.secret, endpoint.signatureFormat));
  }
  headers.push('webhook-id', id);
  pushStandard(headers, request);
  headers.push('X-Webhook-Attempt', String(attempt));
  if (originalTimeMs !== undefined) headers.push('X-Webhook-Original-Time-Ms', String(originalTimeMs));
  return headers;
}

/** The time is that of the attempt. [Standard Webhooks, Webhook headers] */
function pushStandard(headers: string[], { id, content, now, endpoint }: SignedRequest): void {
  if (endpoint.signingSecrets.length === 0) return;
  const nowMs = now();
  const timestampSeconds = Math.floor(nowMs / 1000);
  const signature = standardSignature(endpoint.signingSecrets, { id, timestampSeconds, body: content.body, nowMs });
  if (signature === '') return;
  headers.push('webhook-timestamp', String(timestampSeconds), 'webhook-signature', signature);
}

function hasHeader(flat: readonly string[], name: string): boolean {
  return flat.some((text, index) => index % 2 === 0 && text.toLowerCase() === name);
}
