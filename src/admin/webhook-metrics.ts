import type { Registry } from 'prom-client';
import type { AttemptRecord } from '../outbox/envelope.js';
import type { AttemptFate, EndpointStatus, OutboxObserver } from '../outbox/ports.js';
import type { WebhookObserver } from '../webhooks/observer.js';
import { Distribution } from './distribution.js';
import { counter, gauge, histogram } from './registered.js';
import { Tallies } from './tallies.js';

/** Upper ends in seconds, up to the time that an attempt has. */
const attemptEnds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const sizeEnds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** What is read when metrics are. */
export interface WebhookState {
  status(): Promise<readonly EndpointStatus[]>;
  /** Of the envelope that has waited longest for a first attempt. */
  oldestReadyAgeMs(): Promise<number | undefined>;
  /** Deadlines that are pending. */
  readonly lingering: number;
}

type Told = Pick<WebhookObserver, 'raised' | 'enveloped' | 'notKept'> & Pick<OutboxObserver, 'attempted' | 'dead'>;

/** Counts webhooks. Hot path: prom-client gets the sums when metrics are read. [pusher-webhooks 2.8] */
export class WebhookMetrics implements Told {
  /** By app and event. */
  readonly #events = new Tallies();
  /** By endpoint and outcome. */
  readonly #deliveries = new Tallies();
  /** By endpoint, in seconds. */
  readonly #times = new Map<string, Distribution>();
  readonly #sizes = new Distribution(sizeEnds);
  #state: WebhookState | undefined;

  constructor(registry: Registry) {
    counter(registry, 'hubwire_webhook_events_total', total => {
      for (const [app, name, count] of this.#events.each()) total.inc({ app, name }, count);
    });
    counter(registry, 'hubwire_webhook_deliveries_total', total => {
      for (const [endpoint, outcome, count] of this.#deliveries.each()) total.inc({ endpoint, outcome }, count);
    });
    histogram(registry, 'hubwire_webhook_attempt_duration_seconds', () =>
      [...this.#times].map(([endpoint, times]) => [{ endpoint }, times] as const),
    );
    gauge(registry, 'hubwire_webhook_queue_depth', async depth => {
      const total = { ready: 0, delayed: 0, inflight: 0, dead: 0 };
      for (const { depth: one } of await this.#status()) {
        total.ready += one.ready;
        total.delayed += one.delayed;
        total.inflight += one.inFlight;
        total.dead += one.dead;
      }
      for (const [state, count] of Object.entries(total)) depth.set({ state }, count);
    });
    gauge(registry, 'hubwire_webhook_oldest_ready_age_seconds', async age => {
      const ms = await this.#state?.oldestReadyAgeMs().catch(() => undefined);
      age.set((ms ?? 0) / 1_000);
    });
    gauge(registry, 'hubwire_webhook_linger_pending', pending => pending.set(this.#state?.lingering ?? 0));
    gauge(registry, 'hubwire_webhook_endpoint_disabled', async disabled => {
      disabled.reset();
      for (const { endpoint, state } of await this.#status()) disabled.set({ endpoint }, state === 'disabled' ? 1 : 0);
    });
    histogram(registry, 'hubwire_webhook_batch_size', () => [[{}, this.#sizes]]);
  }

  /** Where depths are read from now on. */
  follow(state: WebhookState): void {
    this.#state = state;
  }

  raised(app: string, name: string): void {
    this.#events.add(app, name);
  }

  enveloped(_endpoint: string, events: number): void {
    this.#sizes.add(events);
  }

  notKept(endpoint = 'linger'): void {
    this.#deliveries.add(endpoint, 'dropped');
  }

  attempted(endpoint: string, { durationMs }: AttemptRecord, fate: AttemptFate): void {
    const times = this.#times.get(endpoint) ?? new Distribution(attemptEnds);
    if (times.count === 0) this.#times.set(endpoint, times);
    times.add(durationMs / 1_000);
    if (fate !== 'dead') this.#deliveries.add(endpoint, fate === 'delivered' ? 'success' : 'retry');
  }

  dead(endpoint: string, _reason: string, count: number): void {
    this.#deliveries.add(endpoint, 'dead', count);
  }

  /** A store that does not answer must not hide the other metrics. */
  async #status(): Promise<readonly EndpointStatus[]> {
    return (await this.#state?.status().catch(() => [])) ?? [];
  }
}
