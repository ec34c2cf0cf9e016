import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.js';
import type { Claimed } from '../store.js';
import { envelopeOfJson, type JsonEnvelope } from './json-envelope.js';
import { groupOf } from './sqs-messages.js';
import type { SqsQueue } from './sqs-queue.js';

/** Bytes of attempts and contents that are remembered of a FIFO queue's retries. */
const rememberedBytes = 64 * 1024 * 1024;
const bytesBesideContent = 2_048;

/** Where a claimed message is. */
export interface SqsPlace {
  readonly receipt: string;
  readonly handle: string;
}

interface InDelivery {
  readonly receipt: string;
  readonly endpoint: string;
  readonly group: string;
}

type Tried = Pick<Claimed, 'attempts' | 'history' | 'envelope' | 'acceptedAtMs'> & { readonly dueAtMs: number };

/** The messages that this node has in delivery: SQS hides them from others as long as this node says so. */
export class SqsClaims {
  readonly #queue: SqsQueue;
  readonly #clock: Clock;
  readonly #visibilitySeconds: number;
  readonly #inDelivery = new Map<string, InDelivery>();
  /** Claims that something else was written for; a copy of the message, which has its handle, is another claim. */
  readonly #replaced = new WeakSet<SqsPlace>();
  /** Of FIFO queues, whose messages cannot be changed, by handle. After a restart their attempts count anew. */
  readonly #tried = new LRUCache<string, Tried>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ envelope }) => envelope.content.length + bytesBesideContent,
  });
  #cancelTimer: () => void = () => {};

  constructor(queue: SqsQueue, clock: Clock, visibilitySeconds: number) {
    this.#queue = queue;
    this.#clock = clock;
    this.#visibilitySeconds = visibilitySeconds;
    this.#extendLater();
  }

  claim(json: JsonEnvelope, receipt: string): Claimed {
    const { handle, endpoint } = json;
    this.#inDelivery.set(handle, { receipt, endpoint, group: groupOf(json) });
    return this.claimedOf(json, receipt);
  }

  /** As it would be claimed. */
  claimedOf(json: JsonEnvelope, receipt: string): Claimed {
    const { handle, acceptedAtMs, attempts = 0, isReplay = false, history = [] } = json;
    const place: SqsPlace = { receipt, handle };
    const tried = this.#tried.get(handle);
    if (tried !== undefined) return { ...tried, isReplay: false, place };
    return { envelope: envelopeOfJson(json), acceptedAtMs, attempts, history, isReplay, place };
  }

  dueAtMs({ handle, dueAtMs = 0 }: JsonEnvelope): number {
    return this.#tried.get(handle)?.dueAtMs ?? dueAtMs;
  }

  /** Is one of the same group in delivery? */
  isTaken(json: JsonEnvelope): boolean {
    const group = groupOf(json);
    return [...this.#inDelivery.values()].some(claimed => claimed.group === group);
  }

  /** How many of each endpoint. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { endpoint } of this.#inDelivery.values()) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    return counts;
  }

  /** The message itself will come again, without knowing of this attempt. */
  remember(handle: string, { attempts, history, envelope, acceptedAtMs }: Claimed, dueAtMs: number): void {
    this.#tried.set(handle, { attempts, history, envelope, acceptedAtMs, dueAtMs });
  }

  /** Only its deletion is left. */
  replaced(place: SqsPlace): void {
    this.#replaced.add(place);
  }

  isReplaced(place: SqsPlace): boolean {
    return this.#replaced.has(place);
  }

  end(handle: string): void {
    this.#inDelivery.delete(handle);
  }

  /** It is deleted; a copy of it may be in delivery by now. */
  forget({ handle, receipt }: SqsPlace): void {
    if (this.#inDelivery.get(handle)?.receipt === receipt) this.#inDelivery.delete(handle);
    this.#tried.delete(handle);
  }

  close(): void {
    this.#cancelTimer();
  }

  #extendLater(): void {
    this.#cancelTimer = this.#clock.after((this.#visibilitySeconds * 1_000) / 2, () => {
      this.#extendLater();
      for (const { receipt } of this.#inDelivery.values()) {
        this.#queue.hide(receipt, this.#visibilitySeconds).catch(() => {
          // Settled meanwhile; or SQS is away, and then the message is delivered once more.
        });
      }
    });
  }
}
