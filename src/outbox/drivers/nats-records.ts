import type { AttemptRecord, Envelope } from '../envelope.js';
import type { EndpointFacts } from '../store.js';

const version = 1;
const lineFeed = 0x0a;
const slots = 4_096;
/** Contents in a record, and numbers in an operation, at most. */
export const mostInRecord = 1_000;

/** What is new in the queue. Its number, by which others refer to it, is made of the record's place and its slot there. */
export interface AddOp extends Envelope {
  readonly do: 'add';
  readonly acceptedAtMs: number;
  /** Void where the same has been added before. */
  readonly isOnce?: true | undefined;
  /** `draft`: another one will take its place; `part`: of more than one record, until a `commit`. */
  readonly as?: 'draft' | 'part' | undefined;
}

/** An envelope as a whole, with what has become of it, so that what was written before can go. */
interface WholeOp extends Envelope {
  readonly ref: number;
  /** Of acceptance. */
  readonly order: number;
  readonly acceptedAtMs: number;
  readonly attempts?: number | undefined;
  readonly history?: readonly AttemptRecord[] | undefined;
  /** When it is due, or when it died. */
  readonly atMs: number;
  /** Of a dead letter. */
  readonly reason?: string | undefined;
  /** As it was added. */
  readonly isOnce?: true | undefined;
}

/** A claimed envelope whose attempt failed: it is tried again, or dead. */
export interface SettleOp extends WholeOp {
  readonly do: 'retry' | 'dead';
}

/** The same envelope in a later place, so that the beginning of the stream can go. Void if it has changed since `asOf`. */
export interface KeepOp extends WholeOp {
  readonly do: 'keep';
  readonly asOf: number;
  readonly state: 'part' | 'draft' | 'ready' | 'delayed' | 'claimed' | 'dead';
  readonly holder?: string | undefined;
  readonly adder: string;
  readonly isReplay?: boolean | undefined;
}

export interface ScheduleOp {
  readonly do: 'schedule';
  readonly key: string;
  readonly dueAtMs: number;
  readonly content: Buffer;
  /** Of one that is written once more, as with `keep`. */
  readonly kept?: { readonly ref: number; readonly asOf: number; readonly adder: string } | undefined;
}

export interface FactsOp {
  readonly do: 'facts';
  readonly endpoint: string;
  readonly facts?: EndpointFacts | undefined;
  /** As with `keep`. */
  readonly asOf?: number | undefined;
}

/** What a node does. `ref` and `refs` are numbers of envelopes. */
export type Op =
  | AddOp
  | SettleOp
  | KeepOp
  | ScheduleOp
  | FactsOp
  /** Of parts: all of them are there. Of drafts of this node: they are not needed. */
  | { readonly do: 'commit' | 'replace'; readonly refs: readonly number[] }
  /** Void for those that are claimed, delivered or dead. */
  | { readonly do: 'claim' | 'drop'; readonly refs: readonly number[] }
  | { readonly do: 'done' | 'release'; readonly ref: number }
  /** Dead letters are queued again. */
  | {
      readonly do: 'revive';
      readonly refs: readonly number[];
      readonly endpoint?: string;
      readonly acceptedAtMs: number;
    }
  | { readonly do: 'cancel'; readonly key: string }
  /** A deadline turns into envelopes and drafts. Void if it is not there any more. */
  | { readonly do: 'complete'; readonly key: string; readonly ref: number; readonly adds: readonly AddOp[] }
  /** Another node has not written for too long: nothing that it claims or settles from here on counts. */
  | { readonly do: 'gone'; readonly node: string }
  /** The stream may begin here. Void if a node has come or gone since `asOf`. */
  | { readonly do: 'begin'; readonly asOf: number; readonly nodes: readonly NodeEntry[] }
  | { readonly do: 'leave' | 'alive' };

export interface NodeEntry {
  readonly node: string;
  /** Of its last record. */
  readonly number: number;
  readonly isGone?: true | undefined;
}

/** A message of the stream: what a node has written at a time, all or nothing. */
export interface OutboxRecord {
  /** Place in the stream. */
  readonly seq: number;
  readonly node: string;
  /** Of the node's records, from 1: one that arrives twice counts once. */
  readonly number: number;
  readonly ops: readonly Op[];
}

/** Of a later version of Hubwire. */
export class NewerRecord extends Error {
  override readonly name = 'NewerRecord';
}

type ContentOp = Op & { readonly content: Buffer };

function* contentsOf(ops: readonly Op[]): Iterable<ContentOp> {
  for (const op of ops) {
    if ('content' in op) yield op;
    if (op.do === 'complete') yield* contentsOf(op.adds);
  }
}

/** The number of what is in a slot of a record. */
export function refOf(seq: number, slot: number): number {
  return seq * slots + slot;
}

export function placeOf(ref: number): { readonly seq: number; readonly slot: number } {
  return { seq: Math.floor(ref / slots), slot: ref % slots };
}

/** Behind all that came before the record. */
export function orderIn(seq: number, index: number): number {
  return seq * slots + slots / 2 + index;
}

/** Bytes of an operation in a record, about. */
export function sizeOf(op: Op): number {
  if (op.do === 'complete') return op.adds.reduce((sum, add) => sum + sizeOf(add), 100 + op.key.length);
  if ('refs' in op) return 100 + op.refs.length * 16;
  const history = 'history' in op ? (op.history?.length ?? 0) * 1_400 : 0;
  const key = 'key' in op ? (op.key ?? '').length * 3 : 0;
  return 300 + history + key + ('content' in op ? op.content.length : 0);
}

/** One line of JSON, which people can read, and the contents behind it. */
export function encodeRecord(number: number, ops: readonly Op[]): Buffer {
  const contents = Array.from(contentsOf(ops), ({ content }) => content);
  const head = JSON.stringify({ v: version, n: number, ops: ops.map(withLength) });
  return Buffer.concat([Buffer.from(`${head}\n`), ...contents]);
}

/** In place of a content its length. */
function withLength(op: Op): object {
  if (op.do === 'complete') return { ...op, adds: op.adds.map(withLength) };
  return 'content' in op ? { ...op, content: op.content.length } : op;
}

interface Head {
  readonly v: number;
  readonly n: number;
  readonly ops: Op[];
}

/**
 * @param subject its last token is the node
 * @throws NewerRecord, or another error for what is no record
 */
export function decodeRecord(seq: number, subject: string, data: Uint8Array): OutboxRecord {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = bytes.indexOf(lineFeed);
  const head = JSON.parse(bytes.toString('utf8', 0, end < 0 ? bytes.length : end)) as Head;
  if (head.v > version) throw new NewerRecord(`a record has format ${head.v}, and this version reads ${version}`);
  if (!Array.isArray(head.ops) || !Number.isSafeInteger(head.n)) throw new TypeError('it is no record of the outbox');
  let from = end + 1;
  for (const op of contentsOf(head.ops)) {
    const length = Number(op.content);
    (op as { content: Buffer }).content = bytes.subarray(from, from + length);
    from += length;
  }
  if (from > bytes.length) throw new RangeError('the contents of a record are cut off');
  return { seq, node: subject.slice(subject.lastIndexOf('.') + 1), number: head.n, ops: head.ops };
}

/** May the stream begin with it? After a gap it does: what came before it is being removed, the last of it first. */
export function mayBegin({ ops }: OutboxRecord): boolean {
  return ops.some(op => op.do === 'begin');
}

/** An envelope in a record: its number, and where its content is there. */
export interface PlacedEnvelope {
  readonly ref: number;
  readonly slot: number;
  readonly op: AddOp | SettleOp | KeepOp;
}

export function* envelopesIn({ seq, ops }: OutboxRecord): Iterable<PlacedEnvelope> {
  let slot = 0;
  for (const op of contentsOf(ops) as Iterable<AddOp | SettleOp | KeepOp | ScheduleOp>) {
    if (op.do !== 'schedule') yield { ref: 'ref' in op ? op.ref : refOf(seq, slot), slot, op };
    slot += 1;
  }
}

/** The one in a slot, with its attempts. */
export function envelopeAt(record: OutboxRecord, slot: number): PlacedEnvelope['op'] | undefined {
  for (const placed of envelopesIn(record)) if (placed.slot === slot) return placed.op;
  return undefined;
}
