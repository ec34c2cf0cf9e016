import { type Msg, type NatsConnection, PermissionViolationError, type Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../clock.js';
import type { Turn } from '../../hub/ports.js';
import type { Channel } from './outgoing.js';

export interface ChannelEvents {
  receive(subject: string, data: Uint8Array): void;
  /** Nobody listens to what was sent with this subject for replies. */
  nobodyListens(reply: string): void;
  /** The server does not let this user subscribe to it: nothing comes from there, or not any more. */
  refused(subject: string): void;
  fault(error: unknown): void;
}

const noResponders = 503;

/** For so long subscriptions and their ends wait for something to leave with. */
const companyMs = 5;

export interface ChannelTimes {
  readonly clock: Clock;
  readonly turn: Turn;
}

/**
 * One connection to NATS as the bus uses it. What is published in a turn of the event loop waits for its end, and leaves in one
 * write: the client alone would write once for each input that the turn has handled. Subscriptions leave in front of what is
 * published next: nobody relies on one before the barrier whose request is published behind it. [cluster 1.2, 3.4, 4]
 */
export class NatsChannel implements Channel {
  readonly #connection: NatsConnection;
  readonly #events: ChannelEvents;
  readonly #times: ChannelTimes;
  /** What is to be written, in order. */
  #due: (() => void)[] = [];
  #isDueAtEnd = false;
  #cancelTimer: (() => void) | undefined;
  /** Nothing waits: while it is left for another one, which must not overtake it. [CL-016] */
  isAtOnce = false;
  #isEnded = false;

  constructor(connection: NatsConnection, events: ChannelEvents, times: ChannelTimes) {
    this.#connection = connection;
    this.#events = events;
    this.#times = times;
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    this.#add(() => this.#connection.publish(subject, bytes, reply === undefined ? undefined : { reply }));
    if (this.#due.length === 0 || this.#isDueAtEnd) return;
    this.#isDueAtEnd = true;
    this.#times.turn.atEnd(this.#write);
  }

  flush(): Promise<void> {
    this.#write();
    return this.#connection.flush();
  }

  /** @returns what ends it */
  subscribe(subject: string): () => void {
    let subscription: Subscription | undefined;
    this.#addUnhurried(() => {
      subscription = this.#connection.subscribe(subject, { callback: this.#receive });
    });
    return () => this.#addUnhurried(() => subscription?.unsubscribe());
  }

  /** Nothing is received or sent any more, once what was sent before is written. */
  end(): void {
    this.#write();
    this.#isEnded = true;
  }

  #add(write: () => void): void {
    if (!this.#isUsable) return;
    this.#due.push(write);
    if (this.isAtOnce) this.#write();
  }

  #addUnhurried(write: () => void): void {
    this.#add(write);
    if (this.#due.length === 0 || this.#isDueAtEnd) return;
    this.#cancelTimer ??= this.#times.clock.after(companyMs, this.#write);
  }

  readonly #write = (): void => {
    this.#isDueAtEnd = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const due = this.#due;
    this.#due = [];
    for (const write of due) {
      if (!this.#isUsable) return;
      try {
        write();
      } catch (error) {
        this.#events.fault(error); // the rest is written all the same
      }
    }
  };

  get #isUsable(): boolean {
    return !this.#isEnded && !this.#connection.isClosed();
  }

  /** One function for all subscriptions. */
  readonly #receive = (error: Error | null, message: Msg): void => {
    if (this.#isEnded) return;
    try {
      if (error instanceof PermissionViolationError) this.#events.refused(error.subject);
      else if (error !== null) throw error;
      else if (message.headers?.code === noResponders) this.#events.nobodyListens(message.subject);
      else this.#events.receive(message.subject, message.data);
    } catch (fault) {
      this.#events.fault(fault);
    }
  };
}
