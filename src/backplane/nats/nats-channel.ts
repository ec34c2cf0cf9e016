import { type Msg, type NatsConnection, PermissionViolationError, type Subscription } from '@nats-io/transport-node';
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

/**
 * One connection to NATS as the bus uses it. What is written in a turn of the event loop waits for its end, and leaves in one
 * write: the client alone would write once for each input that the turn has handled. [cluster 1.2, 3.4]
 */
export class NatsChannel implements Channel {
  readonly #connection: NatsConnection;
  readonly #events: ChannelEvents;
  readonly #turn: Turn;
  /** What is to be written at the turn's end, in order. */
  #due: (() => void)[] = [];
  /** Nothing waits for the turn's end: while it is left for another one, which must not overtake it. [CL-016] */
  isAtOnce = false;
  #isEnded = false;

  constructor(connection: NatsConnection, events: ChannelEvents, turn: Turn) {
    this.#connection = connection;
    this.#events = events;
    this.#turn = turn;
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    this.#add(() => this.#connection.publish(subject, bytes, reply === undefined ? undefined : { reply }));
  }

  flush(): Promise<void> {
    this.#write();
    return this.#connection.flush();
  }

  /** @returns what ends it */
  subscribe(subject: string): () => void {
    let subscription: Subscription | undefined;
    this.#add(() => {
      subscription = this.#connection.subscribe(subject, { callback: this.#receive });
    });
    return () => this.#add(() => subscription?.unsubscribe());
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
    else if (this.#due.length === 1) this.#turn.atEnd(this.#write);
  }

  readonly #write = (): void => {
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
