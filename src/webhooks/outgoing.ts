import type { Clock } from '../clock.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import { NotKept } from '../outbox/outbox-error.js';
import { Batches } from './batches.js';
import { channelKind } from './channels.js';
import { takes, type WebhookEndpoint } from './endpoints.js';
import { newEnvelope } from './envelopes.js';
import { channelOf, eventText, orderKeyOf, type PayloadProfile, type WebhookEvent } from './events.js';
import type { WebhookObserver } from './observer.js';
import type { Source } from './sources.js';

/** What the room needs of the outbox. */
export type WebhookQueue = Pick<Outbox, 'accept' | 'schedule' | 'cancel' | 'refresh'>;

/** An endpoint with its source, as one object for as long as both are configured: what batches are collected for. */
interface Receiver {
  readonly source: Source;
  readonly endpoint: WebhookEndpoint;
}

/** Puts events into envelopes, per endpoint, and envelopes into the outbox. */
export class Outgoing {
  readonly #clock: Clock;
  readonly #queue: () => WebhookQueue;
  readonly #observer: WebhookObserver;
  readonly #batches: Batches<Receiver>;
  readonly #receivers = new WeakMap<WebhookEndpoint, Receiver>();
  /** Envelopes of this turn: the outbox is given all together. */
  #made: Envelope[] = [];
  #accepted: Promise<void> = Promise.resolve();

  constructor(clock: Clock, queue: () => WebhookQueue, observer: WebhookObserver) {
    this.#clock = clock;
    this.#queue = queue;
    this.#observer = observer;
    this.#batches = new Batches(clock, ({ endpoint, lane, events }) => this.#leave(endpoint, lane, events));
  }

  /** Tells the endpoints that take the event. Never waits. */
  emit(source: Source, event: WebhookEvent): void {
    const takers = this.#takers(source, event);
    const texts = textsOf(event);
    for (const endpoint of takers) {
      const text = texts(endpoint.payloadProfile);
      this.#batches.add(this.#receiver(source, endpoint), laneOf(endpoint, event), text, endpoint.batching);
    }
  }

  /** As `emit`, as envelopes that are not given to the outbox. What waits for the same endpoints leaves before them. */
  envelopesOf(source: Source, event: WebhookEvent): readonly Envelope[] {
    const texts = textsOf(event);
    return this.#takers(source, event).map(endpoint => {
      const receiver = this.#receiver(source, endpoint);
      this.#batches.flush(receiver);
      return this.#envelope(receiver, laneOf(endpoint, event), [texts(endpoint.payloadProfile)]);
    });
  }

  /** What waits in batches leaves now. */
  flush(): void {
    this.#batches.flush();
  }

  /** Resolves once all that was emitted is kept, or could not be. */
  async settled(): Promise<void> {
    this.#hand();
    await this.#accepted;
  }

  #takers(source: Source, event: WebhookEvent): readonly WebhookEndpoint[] {
    if (!source.wanted.has(event.name)) return [];
    const takers = source.endpoints.filter(endpoint => takes(endpoint, event));
    if (takers.length > 0) this.#observer.raised(source.name.name, event.name);
    return takers;
  }

  #receiver(source: Source, endpoint: WebhookEndpoint): Receiver {
    const receiver = this.#receivers.get(endpoint) ?? { source, endpoint };
    this.#receivers.set(endpoint, receiver);
    return receiver;
  }

  #leave(receiver: Receiver, lane: string, events: readonly string[]): void {
    this.#made.push(this.#envelope(receiver, lane, events));
    if (this.#made.length === 1) queueMicrotask(() => this.#hand());
  }

  #envelope({ source, endpoint }: Receiver, lane: string, events: readonly string[]): Envelope {
    this.#observer.enveloped(endpoint.id, events.length);
    return newEnvelope({
      endpoint: endpoint.id,
      source: source.key,
      hub: source.name.kind === 'hub' ? source.name.name : undefined,
      key: endpoint.isOrdered ? lane : undefined,
      createdAtMs: this.#clock.now(),
      events,
    });
  }

  #hand(): void {
    const made = this.#made;
    if (made.length === 0) return;
    this.#made = [];
    const accepted = this.#queue()
      .accept(made)
      .catch((error: unknown) => {
        const { reason } = NotKept.from(error);
        for (const { endpoint } of made) this.#observer.notKept(endpoint, reason);
      });
    this.#accepted = Promise.all([this.#accepted, accepted]).then(() => {});
  }
}

/** Made once for each profile that is needed. */
function textsOf(event: WebhookEvent): (profile: PayloadProfile) => string {
  const made: Partial<Record<PayloadProfile, string>> = {};
  return profile => {
    made[profile] ??= eventText(event, profile);
    return made[profile];
  };
}

/**
 * Events of one lane may share an envelope: all of an endpoint, but not those of an encrypted channel with others, since
 * receivers refuse a whole webhook with something that they cannot decrypt. [pusher-webhooks 2.3]
 */
function laneOf(endpoint: WebhookEndpoint, event: WebhookEvent): string {
  if (endpoint.isOrdered) return orderKeyOf(event);
  const channel = channelOf(event);
  return channel !== undefined && channelKind(channel) === 'encrypted' ? channel : '';
}
