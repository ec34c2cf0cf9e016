import { AckPolicy, DeliverPolicy, type JetStreamManager, ReplayPolicy, type StreamInfo } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../clock.js';

const heartbeatMs = 5_000;
/** Without a message or a sign of life for this long, reading begins anew. */
const silentMs = 2.5 * heartbeatMs;
/** What this node has written has to be read within this time. */
const ownMs = 3_000;
const retryMs = 250;
const inactiveMs = 30_000;

/** A connection and its JetStream. */
export interface NatsAccess {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

export interface ReaderOptions {
  readonly stream: string;
  readonly inboxPrefix: string;
  readonly clock: Clock;
  /** Finds the stream, or creates it. */
  readonly ensure: (connection: NatsConnection) => Promise<StreamInfo>;
  readonly onMessage: (seq: number, subject: string, data: Uint8Array) => void;
  /** Does the stream begin with this message, if what came before it is not there? */
  readonly isBeginning: (seq: number, subject: string, data: Uint8Array) => boolean;
  /** What was read is of no use: the stream begins later now, or it is another one. Reading begins anew. */
  readonly onReset: (reset: Reset) => void;
  readonly onFault: (error: unknown) => void;
}

export interface Reset {
  readonly reason: string;
  /** What was written before this message and not read is not there; undefined: whatever was, in a stream that is gone. */
  readonly firstSeq: number | undefined;
}

/**
 * Reads a stream from its beginning, in order and without gaps, over connections that come and go. What the server delivers
 * is not trusted to be all: it is counted, and what this node has written must come back.
 */
export class NatsReader {
  readonly #options: ReaderOptions;
  #access: NatsAccess | undefined;
  #subscription: Subscription | undefined;
  /** Of this reading; what belongs to an earlier one is passed over. */
  #reading = 0;
  #seq = 0;
  /** When the stream was created that it reads, Unix milliseconds; undefined: it has not met one. */
  #createdMs: number | undefined;
  #delivered = 0;
  /** There may be a gap before this one. */
  #afterGapSeq = 0;
  #lastMs = 0;
  #isClosed = false;
  #expectedSeq = 0;
  #isExpecting = false;
  #isChecking = false;
  #told: string | undefined;
  #cancelTimers = new Set<() => void>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** The last message that was read. */
  get seq(): number {
    return this.#seq;
  }

  connected(access: NatsAccess): void {
    this.#access = access;
    this.#begin();
  }

  lost(): void {
    this.#access = undefined;
    this.#end();
  }

  close(): void {
    this.#isClosed = true;
    this.lost();
    for (const cancel of this.#cancelTimers) cancel();
    this.#cancelTimers.clear();
  }

  /** The stream has this message, which was not read: it has to come. */
  expect(seq: number): void {
    if (seq <= this.#seq) void this.#check(); // what was read under this number is another message
    this.#expectedSeq = Math.max(this.#expectedSeq, seq);
    this.#expectLast();
  }

  /** What this node writes was not taken: the stream may be gone. */
  doubt(): void {
    if (this.#access !== undefined && !this.#isChecking) void this.#check();
  }

  #expectLast(): void {
    if (!this.#isExpecting && this.#seq < this.#expectedSeq) this.#expectSoon(this.#expectedSeq);
  }

  #expectSoon(seq: number): void {
    this.#isExpecting = true;
    const reading = this.#reading;
    this.#after(ownMs, () => {
      this.#isExpecting = false;
      if (this.#seq < seq && this.#reading === reading && this.#access !== undefined) void this.#check();
      this.#expectLast();
    });
  }

  #end(): void {
    this.#reading += 1;
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  #begin(): void {
    this.#end();
    const access = this.#access;
    if (access === undefined || this.#isClosed) return;
    const reading = this.#reading;
    this.#delivered = 0;
    this.#lastMs = this.#options.clock.monotonicMs();
    this.#follow(access, reading).catch(error => this.#again(reading, error));
    this.#watch(reading);
  }

  async #follow({ connection, manager }: NatsAccess, reading: number): Promise<void> {
    const info = await this.#options.ensure(connection);
    if (reading !== this.#reading) return;
    if (this.#isAnother(info)) this.#reset(another);
    const inbox = createInbox(this.#options.inboxPrefix);
    this.#subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (reading !== this.#reading) return;
        if (error === null) this.#take(message, reading);
        else this.#again(reading, error);
      },
    });
    const from = this.#seq + 1;
    await manager.consumers.add(this.#options.stream, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: nanos(heartbeatMs),
      inactive_threshold: nanos(inactiveMs),
      mem_storage: true,
      num_replicas: 1,
    });
  }

  #take(message: Msg, reading: number): void {
    this.#lastMs = this.#options.clock.monotonicMs();
    const place = placeOf(message.reply);
    if (message.headers?.code === 100) this.#answer(message, reading);
    else if (place !== undefined && place.delivered !== this.#delivered + 1) this.#begin();
    else if (place !== undefined) this.#pass(place, message);
  }

  #pass({ seq, delivered }: Place, message: Msg): void {
    this.#delivered = delivered;
    if (seq <= this.#seq) return;
    if (this.#seq > 0 && seq > this.#seq + 1 && seq !== this.#afterGapSeq) {
      this.#end();
      void this.#check(seq, this.#options.isBeginning(seq, message.subject, message.data));
      return;
    }
    this.#seq = seq;
    this.#told = undefined;
    this.#options.onMessage(seq, message.subject, message.data);
  }

  /** A sign of life, or a question whether all that was sent has come. */
  #answer(message: Msg, reading: number): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    if (message.reply) message.respond();
    else if (stalled) this.#access?.connection.publish(stalled);
    const last = message.headers?.get('Nats-Last-Consumer');
    if (last && Number(last) !== this.#delivered) this.#again(reading);
  }

  #again(reading: number, error?: unknown): void {
    if (reading !== this.#reading) return;
    this.#end();
    if (error !== undefined) this.#tell(error);
    const next = this.#reading;
    this.#after(retryMs, () => {
      if (next === this.#reading) this.#begin();
    });
  }

  /** Once, until something is read again. */
  #tell(error: unknown): void {
    const text = String(error);
    if (text === this.#told || this.#access?.connection.isClosed() !== false) return;
    this.#told = text;
    this.#options.onFault(error);
  }

  /**
   * Is what was read still what the stream says?
   * @param afterGapSeq the message that came after a gap @param isBeginning the stream begins with that one
   */
  async #check(afterGapSeq = 0, isBeginning = false): Promise<void> {
    const reading = this.#reading;
    this.#isChecking = true;
    try {
      const info = await (this.#access && this.#options.ensure(this.#access.connection));
      if (info === undefined || reading !== this.#reading) return;
      const { first_seq: first, last_seq: last } = info.state;
      if (this.#isAnother(info) || last < this.#seq) this.#reset(another);
      else if (first > this.#seq + 1) this.#reset({ reason: 'others were much faster', firstSeq: first });
      else if (afterGapSeq > 0) this.#passGap(afterGapSeq, isBeginning);
      this.#begin();
    } catch (error) {
      this.#again(reading, error);
    } finally {
      this.#isChecking = false;
    }
  }

  /** The server may have lost its store, or somebody may have deleted the stream: then another one has its name. */
  #isAnother({ created }: StreamInfo): boolean {
    const before = this.#createdMs;
    this.#createdMs = Date.parse(created);
    return before !== undefined && before !== this.#createdMs;
  }

  #reset(reset: Reset): void {
    this.#seq = 0;
    this.#afterGapSeq = 0;
    this.#expectedSeq = 0;
    this.#options.onReset(reset);
  }

  #passGap(afterGapSeq: number, isBeginning: boolean): void {
    const from = this.#seq + 1;
    this.#afterGapSeq = afterGapSeq;
    if (isBeginning) {
      this.#seq = afterGapSeq - 1;
      this.#options.onReset({ reason: `message ${afterGapSeq} is its beginning now`, firstSeq: afterGapSeq });
    } else this.#options.onFault(new Error(`messages ${from} to ${afterGapSeq - 1} are missing in the stream`));
  }

  #watch(reading: number): void {
    this.#after(silentMs, () => {
      if (reading !== this.#reading) return;
      if (this.#options.clock.monotonicMs() - this.#lastMs < silentMs) this.#watch(reading);
      else this.#begin();
    });
  }

  #after(ms: number, task: () => void): void {
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancelTimers.delete(cancel);
      task();
    });
    this.#cancelTimers.add(cancel);
  }
}

const another: Reset = { reason: 'the stream is another one', firstSeq: undefined };

interface Place {
  readonly seq: number;
  /** Of the messages of this reading. */
  readonly delivered: number;
}

/** `$JS.ACK.<stream>.<consumer>.<times>.<seq>.<delivered>.<time>.<pending>`, and later forms with a domain and an account. */
function placeOf(reply: string | undefined): Place | undefined {
  const tokens = reply?.split('.') ?? [];
  if (tokens[1] !== 'ACK') return undefined;
  const from = tokens.length > 9 ? 7 : 5;
  const [seq, delivered] = [Number(tokens[from]), Number(tokens[from + 1])];
  return Number.isSafeInteger(seq) && Number.isSafeInteger(delivered) ? { seq, delivered } : undefined;
}
