import type { Clock } from '../clock.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import { NotKept } from '../outbox/outbox-error.js';
import { type Batch, Batches } from './batches.js';
import { channelKind } from './channels.js';
import { Drafts } from './drafts.js';
import { takes, type WebhookEndpoint } from './endpoints.js';
import { newEnvelope } from './envelopes.js';
import { channelOf, eventText, orderKeyOf, type PayloadProfile, type WebhookEvent } from './events.js';
import type { WebhookObserver } from './observer.js';
import type { Source } from './sources.js';

/** What the room needs of the outbox. */
export type WebhookQueue = Pick<
  Outbox,
  'accept' | 'draft' | 'replace' | 'isDurable' | 'schedule' | 'scheduleAtEnd' | 'cancel' | 'cancelAtEnd' | 'refresh'
>;

/** After which a batch that did not get into the outbox is tried again: its drafts are there. */
const replaceRetryMs = 1_000;

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
  readonly #drafts: Drafts<Receiver>;
  readonly #receivers = new WeakMap<WebhookEndpoint, Receiver>();
  /** Envelopes of this turn: the outbox is given all together. */
  #made: Envelope[] = [];
  #accepted: Promise<void> = Promise.resolve();

  constructor(clock: Clock, queue: () => WebhookQueue, observer: WebhookObserver) {
    this.#clock = clock;
    this.#queue = queue;
    this.#observer = observer;
    this.#batches = new Batches(clock, batch => this.#leave(batch));
    const draftOf = (batch: Batch<Receiver>, events: readonly string[]) => this.#envelopeOf(batch, events);
    this.#drafts = new Drafts(clock, this.#batches, draftOf, queue);
  }

  /** Tells the endpoints that take the event. Never waits. */
  emit(source: Source, event: WebhookEvent): void {
    const takers = this.#takers(source, event);
    const texts = textsOf(event);
    for (const endpoint of takers) {
      const text = texts(endpoint.payloadProfile);
      this.#batches.add(this.#receiver(source, endpoint), laneOf(endpoint, event), text, endpoint.batching);
    }
    if (this.#batches.hasFresh) this.#drafts.keep();
  }

  /** As `emit`, as envelopes that are not given to the outbox. What waits for the same endpoints leaves before them. */
  envelopesOf(source: Source, event: WebhookEvent): readonly Envelope[] {
    const texts = textsOf(event);
    return this.#takers(source, event).map(endpoint => {
      const receiver = this.#receiver(source, endpoint);
      this.#batches.flush(receiver);
      this.#hand();
      const events = [texts(endpoint.payloadProfile)];
      this.#observer.enveloped(endpoint.id, events.length);
      return this.#envelopeOf({ endpoint: receiver, lane: laneOf(endpoint, event) }, events);
    });
  }

  /** What waits in batches leaves now. */
  flush(): void {
    this.#batches.flush();
  }

  /** Resolves once all that was emitted so far is kept, as it waits or as it left, or could not be. */
  async kept(): Promise<void> {
    await this.#drafts.kept();
    await this.settled();
  }

  /** Resolves once all that has left is kept, or could not be. */
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

  #leave(batch: Batch<Receiver>): void {
    const { drafts, events } = batch;
    const envelope = this.#envelopeOf(batch, events);
    this.#observer.enveloped(envelope.endpoint, events.length);
    if (drafts.size > 0) {
      this.#hand(); // what left before
      this.#replace([...drafts], envelope);
      return;
    }
    this.#made.push(envelope);
    if (this.#made.length === 1) queueMicrotask(() => this.#hand());
  }

  #envelopeOf(
    { endpoint: { source, endpoint }, lane }: Pick<Batch<Receiver>, 'endpoint' | 'lane'>,
    events: readonly string[],
  ): Envelope {
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
    this.#wait(accepted);
  }

  /** Until it succeeds, or the outbox is closed: then the drafts are what the next process finds. */
  #replace(drafts: readonly string[], envelope: Envelope): void {
    const replaced = this.#queue()
      .replace(drafts, envelope)
      .catch((error: unknown) => {
        if (NotKept.from(error).reason === 'closed') return;
        this.#clock.after(replaceRetryMs, () => this.#replace(drafts, envelope));
      });
    this.#wait(replaced);
  }

  #wait(kept: Promise<void>): void {
    this.#accepted = Promise.all([this.#accepted, kept]).then(() => {});
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
