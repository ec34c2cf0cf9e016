import type { ChannelEvents } from './nats-channel.js';

/** Keeps what comes by a connection until it is wanted, in its order. */
export class HeldEvents implements ChannelEvents {
  readonly #events: ChannelEvents;
  #held: [subject: string, data: Uint8Array][] | undefined = [];

  constructor(events: ChannelEvents) {
    this.#events = events;
  }

  /** From now on what comes is passed on at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [subject, data] of held) this.#pass(subject, data);
  }

  #pass(subject: string, data: Uint8Array): void {
    try {
      this.#events.receive(subject, data);
    } catch (error) {
      this.#events.fault(error); // the rest is passed on all the same
    }
  }

  receive(subject: string, data: Uint8Array): void {
    if (this.#held === undefined) this.#events.receive(subject, data);
    else this.#held.push([subject, data]);
  }

  /** Not held back: only the connection that was written to is told it. */
  nobodyListens(reply: string): void {
    this.#events.nobodyListens(reply);
  }

  refused(subject: string): void {
    this.#events.refused(subject);
  }

  fault(error: unknown): void {
    this.#events.fault(error);
  }
}
