import type { JsonEnvelope } from './json-envelope.js';
import { keyDigest } from './lane.js';
import { longestDelaySeconds, type Outgoing } from './sqs-queue.js';

/** The message of an envelope, to be received after the delay or as late as SQS can delay it. */
export function outgoingOf(json: JsonEnvelope, delayMs = 0): Outgoing {
  // SQS takes the characters of XML 1.0; JSON escapes the others but for these two.
  const body = JSON.stringify(json).replace(/[\ufffe\uffff]/g, each => `\\u${each.charCodeAt(0).toString(16)}`);
  const delaySeconds = delayMs <= 0 ? 0 : Math.min(secondsOf(delayMs), longestDelaySeconds);
  return { body, delaySeconds, group: groupOf(json), deduplicationId: json.handle };
}

/** SQS counts in seconds; at least one. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.round(ms / 1_000));
}

/** Envelopes of a group stay in order in a FIFO queue. One without a key is a group of its own. */
export function groupOf({ endpoint, key, handle }: JsonEnvelope): string {
  return keyDigest(JSON.stringify(key === undefined ? [endpoint, null, handle] : [endpoint, key]));
}

/** Undefined: somebody else's message. */
export function parseMessage(body: string): JsonEnvelope | undefined {
  try {
    const json = JSON.parse(body) as Partial<JsonEnvelope> | null;
    const isOurs = typeof json?.endpoint === 'string' && typeof json.handle === 'string';
    return isOurs ? (json as JsonEnvelope) : undefined;
  } catch {
    return undefined;
  }
}
