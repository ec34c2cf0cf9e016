import type { Clock } from '../clock.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import { NotKept } from '../outbox/outbox-error.js';
import type { DeadlineTurn } from '../outbox/ports.js';
import { type Batch, Batches, type BatchLimits } from './batches.js';
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

/** What a deadline tells one endpoint: an envelope, or a draft of one where events leave in batches. */
interface Due {
  readonly receiver: Receiver;
  readonly lane: string;
  readonly text: string;
  readonly envelope: Envelope;
  readonly limits: BatchLimits | undefined;
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
    const drafting = {
      get isDurable() {
        return queue().isDurable;
      },
      draft: (drafts: readonly Envelope[], waitMs: number) => {
        this.#hand(); // what left before: after a crash, all is delivered in the order of the outbox
        return queue().draft(drafts, waitMs);
      },
    };
    this.#drafts = new Drafts(clock, this.#batches, draftOf, drafting);
  }

  /** Tells the endpoints that take the event. Never waits. */
  emit(source: Source, event: WebhookEvent): void {
    const takers = takersOf(source, event);
    const texts = textsOf(event);
    if (takers.length > 0) this.#observer.raised(source.name.name, event.name);
    for (const endpoint of takers) {
      const text = texts(endpoint.payloadProfile);
      this.#batches.add(this.#receiver(source, endpoint), laneOf(endpoint, event), text, endpoint.batching);
    }
    if (this.#batches.hasFresh) this.#drafts.keep();
  }

  /**
   * As `emit`, of an event that is kept in the write that deletes its deadline. It is told once it is known that it was kept.
   * What was emitted before is given to the outbox before the caller gives it this.
   */
  turn(source: Source, event: WebhookEvent): DeadlineTurn {
    this.#hand();
    this.#drafts.keepNow();
    const texts = textsOf(event);
    const due = takersOf(source, event).map(endpoint => this.#dueOf(source, endpoint, event, texts));
    const batched = due.filter(({ limits }) => limits !== undefined);
    return {
      envelopes: due.filter(({ limits }) => limits === undefined).map(({ envelope }) => envelope),
      drafts: batched.map(({ envelope }) => envelope),
      draftMs: Math.max(0, ...batched.map(({ limits }) => limits?.durationMs ?? 0)),
      settled: isKept => {
        if (!isKept || due.length === 0) return;
        this.#observer.raised(source.name.name, event.name);
        for (const each of due) this.#turned(each);
      },
    };
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

  #dueOf(
    source: Source,
    endpoint: WebhookEndpoint,
    event: WebhookEvent,
    texts: (profile: PayloadProfile) => string,
  ): Due {
    const receiver = this.#receiver(source, endpoint);
    const lane = laneOf(endpoint, event);
    const text = texts(endpoint.payloadProfile);
    const envelope = this.#envelopeOf({ endpoint: receiver, lane }, [text]);
    return { receiver, lane, text, envelope, limits: endpoint.batching };
  }

  /** It is kept: as its envelope, or as a draft, and waits for its batch. */
  #turned({ receiver, lane, text, envelope, limits }: Due): void {
    if (limits === undefined) this.#observer.enveloped(envelope.endpoint, 1);
    else this.#batches.add(receiver, lane, text, limits, this.#queue().isDurable ? envelope.id : undefined);
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

function takersOf(source: Source, event: WebhookEvent): readonly WebhookEndpoint[] {
  return source.wanted.has(event.name) ? source.endpoints.filter(endpoint => takes(endpoint, event)) : [];
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
