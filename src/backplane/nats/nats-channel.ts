import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Channel } from './outgoing.js';

export interface ChannelEvents {
  receive(subject: string, data: Uint8Array): void;
  /** Nobody listens to what was sent with this subject for replies. */
  nobodyListens(reply: string): void;
  fault(error: unknown): void;
}

const noResponders = 503;

/** One connection to NATS as the bus uses it. */
export class NatsChannel implements Channel {
  readonly #connection: NatsConnection;
  readonly #events: ChannelEvents;
  #isEnded = false;

  constructor(connection: NatsConnection, events: ChannelEvents) {
    this.#connection = connection;
    this.#events = events;
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    if (this.#isUsable) this.#connection.publish(subject, bytes, reply === undefined ? undefined : { reply });
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  /** @returns what ends it */
  subscribe(subject: string): () => void {
    if (!this.#isUsable) return () => {};
    const subscription = this.#connection.subscribe(subject, { callback: this.#receive });
    return () => {
      if (this.#isUsable) subscription.unsubscribe();
    };
  }

  /** Nothing is received or sent any more. */
  end(): void {
    this.#isEnded = true;
  }

  get #isUsable(): boolean {
    return !this.#isEnded && !this.#connection.isClosed();
  }

  /** One function for all subscriptions. */
  readonly #receive = (error: Error | null, message: Msg): void => {
    if (this.#isEnded) return;
    try {
      if (error !== null) throw error;
      if (message.headers?.code === noResponders) this.#events.nobodyListens(message.subject);
      else this.#events.receive(message.subject, message.data);
    } catch (fault) {
      this.#events.fault(fault);
    }
  };
}
