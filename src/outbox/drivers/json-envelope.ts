import type { AttemptRecord, Envelope } from '../envelope.js';
import type { Claimed } from '../store.js';

/** An envelope in a queue server: readable by people where its content is text. */
export interface JsonEnvelope {
  readonly id: string;
  readonly endpoint: string;
  readonly key?: string | undefined;
  readonly createdAtMs: number;
  readonly acceptedAtMs: number;
  /** Its content, if that is UTF-8; */
  readonly content?: string | undefined;
  /** otherwise this. */
  readonly contentBase64?: string | undefined;
  readonly attempts?: number | undefined;
  readonly history?: readonly AttemptRecord[] | undefined;
  readonly isReplay?: boolean | undefined;
  /** Of a retry in a queue that cannot delay it for long enough. */
  readonly dueAtMs?: number | undefined;
  /** Of dead letters. */
  readonly diedAtMs?: number | undefined;
  readonly reason?: string | undefined;
  /** Of this entry; entries sort by it in order of acceptance. */
  readonly handle: string;
}

/** An envelope that was just accepted. */
export function jsonOf(envelope: Envelope, handle: string, acceptedAtMs: number): JsonEnvelope {
  const { id, endpoint, key, createdAtMs, content } = envelope;
  return { id, endpoint, key, createdAtMs, acceptedAtMs, handle, ...textOf(content) };
}

/** What is in delivery, with its attempts. */
export function jsonOfClaimed({ envelope, acceptedAtMs, attempts, history }: Claimed, handle: string): JsonEnvelope {
  return { ...jsonOf(envelope, handle, acceptedAtMs), attempts, history };
}

export function envelopeOfJson({ id, endpoint, key, createdAtMs, content, contentBase64 }: JsonEnvelope): Envelope {
  const bytes = contentBase64 === undefined ? Buffer.from(content ?? '') : Buffer.from(contentBase64, 'base64');
  return { id, endpoint, createdAtMs, content: bytes, ...(key === undefined ? {} : { key }) };
}

function textOf(content: Buffer): Pick<JsonEnvelope, 'content' | 'contentBase64'> {
  const text = content.toString('utf8');
  return Buffer.from(text).equals(content) ? { content: text } : { contentBase64: content.toString('base64') };
}
