import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Envelope } from '../outbox/envelope.js';

/** What one webhook request tells: its body, and what is needed to sign and send it. Without secrets, as it is stored. */
export interface WebhookContent {
  /** The app or hub that it is about: `app:42`, or a hub's canonical name. */
  readonly source: string;
  /** How many events the body contains. */
  readonly events: number;
  /** Creation time of the envelope that this one repeats at a later time. */
  readonly originalTimeMs: number | undefined;
  /** The bytes of the body. */
  readonly body: Buffer;
}

export interface NewEnvelope {
  readonly endpoint: string;
  readonly source: string;
  /** Of a Web PubSub hub, as spelled in the configuration: a member of the body. */
  readonly hub: string | undefined;
  /** What order is kept by; undefined: none. */
  readonly key: string | undefined;
  /** Wall clock; `time_ms`. */
  readonly createdAtMs: number;
  /** JSON texts of events, at least one. */
  readonly events: readonly string[];
}

/** Version of the stored form. */
const version = 1;
const newline = 0x0a;

/** An envelope with an id of its own. `time_ms` is frozen with it: each attempt sends the same bytes. [pusher-webhooks 2.5] */
export function newEnvelope({ endpoint, source, hub, key, createdAtMs, events }: NewEnvelope): Envelope {
  const body = bodyText(createdAtMs, hub, events);
  const content = encode({ source, events: events.length, originalTimeMs: undefined }, Buffer.from(body, 'utf8'));
  return { id: `whm_${randomUUID().replaceAll('-', '')}`, endpoint, key, createdAtMs, content };
}

/** The same events, created at another time: for a later send, which receivers would refuse as too old. [pusher-webhooks 2.5] */
export function restamped(envelope: Envelope, createdAtMs: number): Envelope {
  const { source, events, originalTimeMs, body } = readContent(envelope.content);
  const renewed = Buffer.from(body.toString('utf8').replace(/^\{"time_ms":\d+/, `{"time_ms":${createdAtMs}`), 'utf8');
  const content = encode({ source, events, originalTimeMs: originalTimeMs ?? envelope.createdAtMs }, renewed);
  return { ...envelope, createdAtMs, content };
}

/** @throws Error when it is not of this version: written by a later program */
export function readContent(content: Buffer): WebhookContent {
  const end = content.indexOf(newline);
  const head = headOf(content.toString('utf8', 0, end));
  if (head.v !== version) throw new Error(`the stored webhook has version ${head.v}, this program reads ${version}`);
  return { source: head.source, events: head.events, originalTimeMs: head.original, body: content.subarray(end + 1) };
}

/** Heads that were read, by their text: most envelopes of an endpoint have the same one. Hot path. */
const heads = new LRUCache<string, StoredHead>({ max: 256 });

/** Longer ones, which names can make as long as they like, are not kept. */
const mostKeptHead = 512;

function headOf(text: string): StoredHead {
  const known = heads.get(text);
  if (known !== undefined) return known;
  const head = JSON.parse(text) as StoredHead;
  if (text.length <= mostKeptHead && head.original === undefined) heads.set(text, head);
  return head;
}

interface StoredHead {
  readonly v: number;
  readonly source: string;
  readonly events: number;
  readonly original?: number | undefined;
}

/** A line of JSON, then the body as it is. */
function encode({ source, events, originalTimeMs }: Omit<WebhookContent, 'body'>, body: Buffer): Buffer {
  const head: StoredHead = { v: version, source, events, original: originalTimeMs };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`, 'utf8'), body]);
}

/** Exactly `time_ms` and `events` for Pusher's receivers; those of a hub get its name, too. [pusher-webhooks 2.1, 2.5] */
function bodyText(timeMs: number, hub: string | undefined, events: readonly string[]): string {
  const named = hub === undefined ? '' : `"hub":${JSON.stringify(hub)},`;
  return `{"time_ms":${timeMs},${named}"events":[${events.join(',')}]}`;
}
