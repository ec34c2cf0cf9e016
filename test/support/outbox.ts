import { onTestFinished } from 'vitest';
import type { CancelSignal } from '../../src/cancellation.js';
import type { Envelope } from '../../src/outbox/envelope.js';
import { openStore } from '../../src/outbox/open-store.js';
import { Outbox, type OutboxOptions } from '../../src/outbox/outbox.js';
import type {
  AttemptFate,
  DeadlineTurn,
  DeliveryResult,
  EndpointOptions,
  OutboxObserver,
} from '../../src/outbox/ports.js';
import { ManualClock } from './manual-clock.js';

/** An attempt that a test's deliverer was given. */
export interface Delivery {
  readonly envelope: Envelope;
  readonly attempt: number;
  /** Since the test began. */
  readonly atMs: number;
  readonly signal: CancelSignal;
}

type Answer = (delivery: Delivery) => DeliveryResult | Promise<DeliveryResult>;

export const delivered: DeliveryResult = { outcome: 'delivered', status: 200 };
export const failed: DeliveryResult = { outcome: 'failed', reason: 'HTTP 500', status: 500 };

/** What a deadline turns into. */
export function turnOf(parts: Partial<DeadlineTurn>): DeadlineTurn {
  return { envelopes: [], drafts: [], draftMs: 0, settled: () => {}, ...parts };
}

/** An outbox in memory with a manual clock, and all that it did. */
export class OutboxRig {
  readonly clock = new ManualClock();
  readonly deliveries: Delivery[] = [];
  readonly told: string[] = [];
  readonly endpoints = new Map<string, EndpointOptions>();
  answer: Answer = () => delivered;
  outbox!: Outbox;
  readonly #startMs = this.clock.now();

  static async start(
    endpoints: Readonly<Record<string, EndpointOptions>>,
    options: Partial<OutboxOptions> = {},
  ): Promise<OutboxRig> {
    const rig = new OutboxRig();
    for (const [id, each] of Object.entries(endpoints)) rig.endpoints.set(id, each);
    rig.outbox = new Outbox({
      store: await openStore({ driver: 'memory' }, rig.clock),
      clock: rig.clock,
      deliverer: { deliver: (envelope, attempt, signal) => rig.#deliver(envelope, attempt, signal) },
      endpoints: { ids: () => rig.endpoints.keys(), options: id => rig.endpoints.get(id) },
      observer: rig.#observer(),
      random: () => 0.5, // no jitter
      ...options,
    });
    await rig.outbox.start();
    onTestFinished(async () => {
      rig.answer = () => delivered;
      const closed = rig.outbox.close(0);
      await rig.clock.advanceAsync(10_000);
      await closed;
    });
    return rig;
  }

  /** Lets time pass, and what it causes happen. */
  async pass(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  idsTo(endpoint: string): string[] {
    return this.deliveries.filter(({ envelope }) => envelope.endpoint === endpoint).map(({ envelope }) => envelope.id);
  }

  /** Times of the attempts, in seconds. */
  get atSeconds(): number[] {
    return this.deliveries.map(({ atMs }) => atMs / 1_000);
  }

  async #deliver(envelope: Envelope, attempt: number, signal: CancelSignal): Promise<DeliveryResult> {
    const delivery = { envelope, attempt, atMs: this.clock.now() - this.#startMs, signal };
    this.deliveries.push(delivery);
    return this.answer(delivery);
  }

  #observer(): OutboxObserver {
    const tell = (...words: unknown[]) => this.told.push(words.join(' '));
    return {
      accepted: count => tell('accepted', count),
      notKept: (count, reason) => tell('notKept', count, reason),
      attempted: (endpoint, { attempt }, fate: AttemptFate) => tell('attempted', endpoint, attempt, fate),
      dead: (endpoint, reason, count) => tell('dead', endpoint, reason, ...(count === 1 ? [] : [count])),
      leftWaiting: (endpoint, count) => tell('leftWaiting', endpoint, count),
      circuitChanged: (endpoint, state) => tell('circuit', endpoint, state),
      endpointDisabled: (endpoint, reason) => tell('disabled', endpoint, reason),
      endpointEnabled: endpoint => tell('enabled', endpoint),
      storeFailed: error => tell('storeFailed', error instanceof Error ? error.message : error),
    };
  }
}

/** Never answers, until it is aborted. */
export function hang({ signal }: Delivery): Promise<DeliveryResult> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it was aborted')));
  });
}
