import { type AttemptRecord, type Envelope, remember } from '../envelope.js';
import type { Claimed } from '../store.js';
import type { Whole } from './nats-bodies.js';
import type { Entry } from './nats-entries.js';
import { type AddOp, mostInRecord, type Op, type SettleOp, sizeOf } from './nats-records.js';
import type { Outcome } from './nats-replica.js';

/** Of a message: what an envelope may take, so that its attempts fit beside it. */
const shareOfMessage = 0.75;
/** What it may take with its attempts. */
const shareOfSettled = 0.9;
const bytesBeside = 2_048;

/** Where a claimed envelope is. */
export interface NatsPlace {
  readonly ref: number;
  readonly order: number;
  /** The node that has claimed it. */
  readonly node: string;
  readonly isOnce: true | undefined;
}

export function addOf(
  { id, endpoint, key, createdAtMs, content, isOnce }: Envelope,
  acceptedAtMs: number,
  as?: AddOp['as'],
): AddOp {
  return { do: 'add', id, endpoint, key, createdAtMs, acceptedAtMs, isOnce: isOnce || undefined, as, content };
}

export function failOf(
  what: 'retry' | 'dead',
  { envelope, acceptedAtMs, attempts, history }: Claimed,
  { ref, order, isOnce }: NatsPlace,
  atMs: number,
  attempt: AttemptRecord | undefined,
  maxPayload: number,
): SettleOp {
  const { id, endpoint, key, createdAtMs, content } = envelope;
  const tried =
    attempt === undefined ? { attempts, history } : { attempts: attempts + 1, history: remember(history, attempt) };
  const most = maxPayload * shareOfSettled - content.length - bytesBeside;
  const isTooLong = Buffer.byteLength(JSON.stringify(tried.history)) > most; // answers are the receiver's
  const kept = isTooLong ? { ...tried, history: [] } : tried;
  return { do: what, ref, order, id, endpoint, key, createdAtMs, acceptedAtMs, ...kept, atMs, isOnce, content };
}

export function claimedOf(entry: Entry, whole: Whole, node: string): Claimed {
  const { ref, order, key, lane, acceptedAtMs, isReplay } = entry;
  const { id, createdAtMs, content } = whole;
  const tried = whole.do === 'add' || isReplay ? {} : whole;
  const { attempts = 0, history = [] } = tried as { attempts?: number; history?: readonly AttemptRecord[] };
  const envelope = { id, endpoint: lane.endpoint, createdAtMs, content, ...(key === undefined ? {} : { key }) };
  const place: NatsPlace = { ref, order, node, isOnce: whole.isOnce };
  return { envelope, acceptedAtMs, attempts, history, isReplay, place };
}

/** Of a claim: those that were won. Of what was added: its numbers. */
export function numbersOf(outcome: Outcome | undefined): readonly number[] {
  return typeof outcome === 'object' ? outcome : [];
}

/** In one message. */
export function fits(ops: readonly Op[], maxPayload: number): boolean {
  return ops.length <= mostInRecord && ops.reduce((sum, op) => sum + sizeOf(op), 0) <= maxPayload * shareOfMessage;
}

export function partsOf(adds: readonly AddOp[], maxPayload: number): readonly AddOp[][] {
  const parts: AddOp[][] = [];
  let part: AddOp[] = [];
  for (const add of adds) {
    if (part.length > 0 && !fits([...part, add], maxPayload)) {
      parts.push(part);
      part = [];
    }
    part.push(add);
  }
  return [...parts, part];
}

/** Bytes that one may have. */
export function mostBytesOf(maxPayload: number): number {
  return Math.floor(maxPayload * shareOfMessage);
}
