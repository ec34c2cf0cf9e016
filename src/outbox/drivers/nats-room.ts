import type { JetStreamAccountStats, StreamInfo } from '@nats-io/jetstream';
import { NotKept } from '../outbox-error.js';
import type { NatsQueue } from './nats-queue.js';

/** The stream may have this much, and twice what its envelopes need. */
const mostFreeBytes = 8 * 1024 * 1024;
/** Of a stream that may have less than some of these. */
const freeShare = 0.25;
const bytesBesideContent = 400;
/** Of a message, beside its data. */
const messageBytes = 100;
/** Between two looks while there is no room. */
const againMs = 500;
/** Of what an account may store: left to leases, ledgers and facts of the nodes. */
const othersShare = 0.125;

/** The queue, as far as it matters here. */
export type RoomQueue = Pick<NatsQueue, 'replica' | 'access' | 'options' | 'listen'>;

/**
 * How much the queue may have in NATS. What is delivered is a record too, so a stream or an account that is full stays full, and with
 * the account the leases of the nodes cannot be renewed. So no more envelopes are taken while there is room for what the ones that
 * are there still need.
 */
export class NatsRoom {
  readonly #queue: RoomQueue;
  #mostBytes = Number.POSITIVE_INFINITY;
  /** As of the last look, and what was read since. */
  #streamBytes = 0;
  #reads = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(queue: RoomQueue) {
    this.#queue = queue;
    queue.listen({ read: bytes => this.#count(bytes), tick: () => void this.look() });
  }

  /** What the stream may have beside twice what its envelopes need. */
  get freeBytes(): number {
    return Math.min(mostFreeBytes, freeShare * this.#mostBytes);
  }

  /** What the envelopes need that are there. */
  get neededBytes(): number {
    const { size, entries } = this.#queue.replica;
    return size + entries.size * bytesBesideContent;
  }

  /** The stream has almost all that it may have. */
  get isTight(): boolean {
    return this.#streamBytes > this.#mostBytes - this.freeBytes;
  }

  /** What is settled has to go before anything is delivered, since each attempt is a record too. Looks again meanwhile. */
  get isCrowded(): boolean {
    const most = this.#mostBytes - this.freeBytes / 2;
    if (this.#streamBytes <= Math.max(most, 2 * this.neededBytes + this.freeBytes)) return false;
    this.#lookAgain();
    return true;
  }

  /** @param bytes of envelopes that are to be added @throws NotKept */
  check(bytes: number): void {
    const needed = this.neededBytes + bytes;
    const mostNeeded = this.#mostBytes / 2 - this.freeBytes;
    const isFull = needed > mostNeeded || this.#streamBytes + bytes > this.#mostBytes - this.freeBytes / 2;
    if (!isFull) return;
    this.#lookAgain();
    const text = `the queue may have ${Math.floor(this.#mostBytes)} bytes in NATS, and keeps room to deliver what waits (${needed} bytes): raise the storage of the account, or max_bytes of stream ${this.#queue.options.stream}`;
    throw new NotKept('full', text);
  }

  /** Reads what the account and the stream may have. While NATS does not answer, what was read last holds. Never rejects. */
  async look(): Promise<void> {
    const { access, options } = this.#queue;
    if (access === undefined) return;
    const readsBefore = this.#reads;
    this.#lookedMs = options.clock.monotonicMs();
    try {
      const { manager } = access;
      const [account, stream] = await Promise.all([manager.getAccountInfo(), manager.streams.info(options.stream)]);
      this.#mostBytes = mostBytesOf(account, stream);
      this.#streamBytes = stream.state.bytes + this.#reads - readsBefore;
    } catch {
      // whoever reads and writes the queue tells why
    }
  }

  #lookAgain(): void {
    if (this.#queue.options.clock.monotonicMs() - this.#lookedMs >= againMs) void this.look();
  }

  #count(bytes: number): void {
    this.#reads += bytes + messageBytes;
    this.#streamBytes += bytes + messageBytes;
  }
}

/** What a stream may have, as its account and its own settings permit: infinite where neither says. */
export function mostBytesOf(account: JetStreamAccountStats, { config, state }: StreamInfo): number {
  const ofStream = limitOf(config.max_bytes);
  return Math.min(ofStream, state.bytes + leftOf(account, config.num_replicas));
}

/** An account counts each replica; one with tiers has a limit for each number of replicas, which does not count them. */
function leftOf({ limits, storage, tiers }: JetStreamAccountStats, replicas: number): number {
  const tier = (tiers as Readonly<Record<string, Pick<JetStreamAccountStats, 'limits' | 'storage'>>> | undefined)?.[
    `R${replicas}`
  ];
  const limit = tier === undefined ? limitOf(limits.max_storage) / replicas : limitOf(tier.limits.max_storage);
  const used = (tier ?? { storage }).storage / replicas;
  return limit * (1 - othersShare) - used;
}

/** Of 0 or less there is none. */
function limitOf(value: number): number {
  return value > 0 ? value : Number.POSITIVE_INFINITY;
}
