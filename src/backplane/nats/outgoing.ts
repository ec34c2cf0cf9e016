import type { Clock } from '../../clock.js';
import { FlushWindow, windowBytes } from '../../nats/flush-window.js';
import { CatchUp } from './catch-up.js';
import type { EnvelopeWriter } from './envelope.js';
import { partsOf } from './parts.js';
import { Ring, type Sendable } from './ring.js';

/** A connection to a server, as far as it is written to. It is used until it is lost, and never again. */
export interface Channel {
  /** Bytes of one message. */
  readonly maxPayload: number;
  /** Enqueues only. @param reply where the server reports that nobody listens */
  publish(subject: string, bytes: Uint8Array, reply?: string): void;
  /** Settles once the server has all that was published before; never, or with a rejection, when the connection is lost. */
  flush(): Promise<void>;
}

export interface OutgoingParts {
  readonly clock: Clock;
  readonly writer: Pick<EnvelopeWriter, 'part'>;
  readonly keepBytes: number;
  /** Nodes that may send to the same client as this one. */
  readonly senders: () => number;
  /** Told of each envelope that is given to the client. */
  readonly onSent: () => void;
}

const keepMs = 1_000;

/**
 * All that this node sends, in one order. Commands wait in the ring while there is no connection, or while the server does not
 * keep up; the rest is of use only on the connection for which it was made. Commands that wait when a connection is open are sent
 * at a pace, with those that come meanwhile behind them, and the rest overtakes them. [cluster 3.5]
 */
export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly #ring: Ring;
  readonly #window: FlushWindow;
  #channel: Channel | undefined;
  /** Until then only replies are sent. */
  #isOpen = false;
  #sentNumber = 0;
  /** While commands are sent at a pace. */
  #catchUp: CatchUp | undefined;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    this.#ring = new Ring({ keepBytes: parts.keepBytes, keepMs });
    this.#window = new FlushWindow(parts.clock);
    this.#window.onConfirmed = position => {
      this.#ring.confirm(position);
      this.#drain(parts.clock.monotonicMs());
    };
  }

  /** Of all that is kept, for metrics. */
  get keptBytes(): number {
    return this.#ring.bytes;
  }

  /** Of the last command envelope that was given to the client. */
  get sentNumber(): number {
    return this.#sentNumber;
  }

  get isConnected(): boolean {
    return this.#channel !== undefined;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Commands are sent at a pace. */
  get isCatchingUp(): boolean {
    return this.#catchUp !== undefined;
  }

  /** May a command of so many bytes be accepted? If so they are reserved, until `release`. */
  reserve(bytes: number): boolean {
    if (!this.#ring.hasRoom(bytes, this.isConnected ? windowBytes : 0)) return false;
    this.#ring.reservedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#ring.reservedBytes -= bytes;
  }

  /** A command envelope: it is sent in its turn, also on a later connection. @param commands how many are in it */
  keep(number: number, subject: string, bytes: Buffer, commands: number): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#ring.add({ number, subject, bytes, reply: undefined, commands }, nowMs);
    this.#drain(nowMs);
  }

  /** In its turn among the commands, unless these are sent at a pace; on this connection or not at all. */
  send(subject: string, bytes: Buffer, reply?: string): void {
    if (this.#channel === undefined) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const sendable = { number: undefined, subject, bytes, reply, commands: 0 };
    if (this.#catchUp === undefined) this.#ring.add(sendable, nowMs);
    else this.#catchUp.ahead.push(sendable);
    this.#drain(nowMs);
  }

  /** As `send`, for what others wait for: it goes at once where nothing else may be sent yet. */
  reply(subject: string, bytes: Buffer): void {
    if (this.#isOpen) this.send(subject, bytes);
    else this.sendAtOnce(subject, bytes);
  }

  /** Before all that waits. */
  sendAtOnce(subject: string, bytes: Buffer, reply?: string): void {
    if (this.#channel !== undefined) this.#give(this.#channel, { number: undefined, subject, bytes, reply });
  }

  /**
   * For what must not overtake the commands with this subject that wait now: settles once they are sent, or the connection is
   * lost; undefined when it would overtake none.
   */
  turnBehind(subject: string): Promise<void> | undefined {
    return this.#catchUp?.turnAfter(this.#ring.lastWaiting(subject));
  }

  /** Sends what waits as fast as the server takes it; settles when it is sent, or the connection is lost. */
  async hurry(): Promise<void> {
    if (!this.#isOpen || this.#catchUp === undefined) return;
    const isSent = this.#catchUp.turnAfter(this.#ring.lastWaiting());
    this.#catchUp.pace.hurry();
    this.#drain(this.#parts.clock.monotonicMs());
    await isSent;
  }

  /** From now on this is the connection. What waits is not sent before `open`. */
  attach(channel: Channel): void {
    this.lose();
    this.#catchUp = new CatchUp({ clock: this.#parts.clock, senders: this.#parts.senders, step: this.#step });
    this.#channel = channel;
    this.#window.use(channel);
  }

  /** As `attach`, in place of a connection that is left in order: what waits is sent by this one, at no other pace than before. */
  move(channel: Channel): void {
    this.#leave(false);
    this.#channel = channel;
    this.#window.use(channel);
  }

  /** Sends what waits, and from now on all the rest. */
  open(): void {
    this.#isOpen = true;
    this.#drain(this.#parts.clock.monotonicMs());
  }

  /** Until `open`, as after `attach`. */
  hold(): void {
    this.#isOpen = false;
    // Replies are sent at once from now on: those that wait go before them.
    for (const { subject, bytes, reply } of this.#ring.takeOthers()) this.sendAtOnce(subject, bytes, reply);
  }

  /** The connection is gone: what may not have come through is sent again on the next one. */
  lose(): void {
    if (this.#channel === undefined) return;
    this.#leave(true);
    this.#catchUp?.end();
    this.#catchUp = undefined;
  }

  #leave(isLost: boolean): void {
    this.#channel = undefined;
    this.#isOpen = false;
    this.#window.use(undefined);
    const first = this.#ring.rewind(isLost);
    if (first !== undefined) this.#sentNumber = Math.min(this.#sentNumber, first - 1);
  }

  #drain(nowMs: number): void {
    const channel = this.#channel;
    if (channel === undefined || !this.#isOpen) return;
    this.#catchUp?.pace.advance(nowMs, this.#ring.waitingBytes);
    for (let next = this.#ring.waiting; next !== undefined; next = this.#ring.waiting) {
      if (!this.#window.fits(next.bytes.length)) break;
      if (this.#catchUp?.pace.admits(next, this.#ring.waitingBytes) === false) break;
      if (next.number !== undefined) this.#sentNumber = next.number;
      this.#give(channel, next);
      this.#ring.sent(this.#window.given, nowMs);
    }
    if (this.#catchUp !== undefined) this.#goOn(channel, this.#catchUp);
  }

  #goOn(channel: Channel, catchUp: CatchUp): void {
    const { ahead } = catchUp;
    while (ahead[0] !== undefined && this.#window.fits(ahead[0].bytes.length)) this.#give(channel, ahead.shift()!);
    const isThrough = this.#ring.waiting === undefined && ahead.length === 0;
    if (isThrough) this.#catchUp = undefined;
    if (isThrough) catchUp.end();
    else catchUp.goOn(this.#sentNumber);
  }

  readonly #step = (): void => this.#drain(this.#parts.clock.monotonicMs());

  #give(channel: Channel, { number, subject, bytes, reply }: Omit<Sendable, 'commands'>): void {
    for (const part of partsOf(bytes, number ?? 0, channel.maxPayload, this.#parts.writer)) {
      channel.publish(subject, part, reply);
    }
    this.#window.add(bytes.length);
    this.#parts.onSent();
  }
}
