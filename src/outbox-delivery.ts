import type { Logger } from 'pino';
import type { WebhookMetrics } from './admin/webhook-metrics.js';
import type { Bridges } from './bridges/bridges.js';
import type { Clock } from './clock.js';
import type { ProxySettings } from './egress/proxy.js';
import { PubSubError } from './errors.js';
import type { PlainFact } from './hub/facts.js';
import type { Hubs } from './hub/hubs.js';
import { LineBudget } from './line-budget.js';
import { type NatsQueuePlace, openStore, type QueueOptions } from './outbox/open-store.js';
import { Outbox } from './outbox/outbox.js';
import type { Deliverer, Endpoints, OutboxObserver } from './outbox/ports.js';
import { QueueFaults } from './queue-faults.js';
import type { Settings } from './settings.js';
import type { DurableEvents } from './upstream/durable-events.js';
import { eventQueuePrefix } from './upstream/event-queues.js';
import type { Here } from './webhooks/here.js';
import { blockedAddress } from './webhooks/http-sender.js';
import type { WebhookObserver } from './webhooks/observer.js';
import type { SharedPlaces } from './webhooks/shared/shared-places.js';
import { Webhooks } from './webhooks/webhooks.js';

export interface OutboxDeliveryParts {
  readonly settings: Settings;
  /** Notifications of event handlers with `delivery: durable`. */
  readonly durableEvents: DurableEvents;
  /** Where durable data is kept; made when it is needed. */
  readonly dataDirectory: string;
  readonly bridges: Bridges;
  readonly metrics: WebhookMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly proxies: ProxySettings | undefined;
  /** Webhooks may go to this machine. */
  readonly allowsLoopback: boolean;
  /** The service is one of several on this machine. */
  readonly isWorker: boolean;
  /** Where the queue of the cluster is, of which this node is one. */
  readonly clusterQueue: NatsQueuePlace | undefined;
  /** Which places are occupied on any node of the cluster. */
  readonly sharedPlaces: SharedPlaces | undefined;
  /** Of this node. */
  readonly hubs: () => Pick<Hubs, 'at'>;
}

/** How long a shutdown waits for attempts that are under way; what is not delivered by then stays in the store. */
const graceMs = 5_000;

/** Of that, what is left for attempts when channels were vacated last. */
const lastAttemptsMs = 2_000;

/** What the store needs to close. */
const storeMs = 500;

const fileOfOne =
  'queue.driver is file, which keeps webhooks and durable events for one process, and --workers runs several: set queue.driver to nats, redis or sqs, or leave --workers out';

const losesEventOrder =
  'the queue is an SQS queue without FIFO: events of handlers with delivery: durable may arrive out of order; use a FIFO queue and queue.sqs.fifo: true';

const natsOfNone =
  'queue.driver is nats, but the service does not use NATS: start it with --nats URL (HUBWIRE_NATS), or choose another driver';

/** How often, at most, envelopes that could not be kept are logged. */
const notKeptGapMs = 60_000;

/** A receiver that is down for a day makes as many dead letters as there are events. */
const deadLetterLines = { lines: 20, windowMs: 10_000 };

const allowAddress = 'the address of the receiver is not a public one; list its network in webhooks.egress.allow';

const leftWaiting =
  'envelopes wait for an endpoint that this process has not had: they are left to the other processes of the queue; if none has it, POST /admin/webhooks/endpoints/ID/dead-letter makes dead letters of them';

/**
 * What is delivered through the outbox: webhooks, and notifications of durable event handlers. The outbox is opened when a
 * configuration has the first of these, and stays open: without any, nothing is written to disk. Where it keeps them is
 * read then, once.
 */
export class OutboxDelivery {
  readonly webhooks: Webhooks;
  readonly #parts: OutboxDeliveryParts;
  readonly #faults: QueueFaults;
  #outbox: Outbox | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(parts: OutboxDeliveryParts) {
    const { clock, version, proxies, allowsLoopback, bridges: joined, sharedPlaces: shared } = parts;
    this.#parts = parts;
    this.#faults = new QueueFaults(parts.log, clock);
    const userAgent = `hubwire-webhooks/${version}`;
    this.webhooks = new Webhooks({
      clock,
      observer: webhookObserver(parts, this.#faults),
      userAgent,
      proxies,
      allowsLoopback,
      joined,
      shared,
      here: hereOf(parts.hubs),
    });
    joined.onOccupancy = (app, channel, isOccupied) => {
      if (this.#outbox !== undefined) this.webhooks.channelChanged(app, channel, isOccupied);
    };
  }

  /** Undefined until something is delivered through it. */
  get outbox(): Outbox | undefined {
    return this.#outbox;
  }

  /**
   * To be called before a configuration is in use: what happens from then on is kept.
   * @throws StoreOpenError, with a sentence that says what to do; PubSubError `invalid` for a queue that this process cannot have
   */
  async prepare(settings: Pick<Settings, 'usesOutbox' | 'ofQueue'>): Promise<void> {
    if (this.#outbox !== undefined || !settings.usesOutbox()) return;
    const queue = settings.ofQueue(this.#parts.dataDirectory, this.#parts.clusterQueue);
    if (queue === undefined) throw new PubSubError('invalid', natsOfNone);
    if (this.#parts.isWorker && queue.driver === 'file') throw new PubSubError('invalid', fileOfOne);
    await this.#open(queue);
  }

  /** To be called when it is in use. Deliveries begin with the first one that has endpoints. */
  async apply(): Promise<void> {
    const { settings, log } = this.#parts;
    if (this.#outbox === undefined) return;
    if (settings.losesEventOrder()) log.warn(losesEventOrder);
    await this.webhooks.configure(settings.ofWebhooks());
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#outbox.start(); // not before: deadlines that are due turn into what is configured
  }

  /** A reader of facts. */
  tell(fact: PlainFact): void {
    if (this.#outbox !== undefined) this.webhooks.tell(fact);
  }

  /** Keeps what was told, and waits a while for attempts that are under way. @param mostMs for all of it */
  async close(mostMs = graceMs + storeMs): Promise<void> {
    this.#isClosed = true;
    if (this.#outbox === undefined) return;
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + mostMs;
    await this.webhooks.settled(Math.max(0, mostMs - lastAttemptsMs));
    await this.#outbox.close(Math.max(0, Math.min(graceMs, untilMs - clock.monotonicMs() - storeMs)));
    await Promise.all([this.webhooks.close(), this.#parts.durableEvents.close()]);
  }

  async #open(queue: QueueOptions): Promise<void> {
    const { clock, log, durableEvents } = this.#parts;
    const faults = this.#faults;
    const store = await openStore(queue, clock, {
      onDeadDropped: count => log.warn(`${count} dead letters were dropped: the queue keeps no more of them`),
      onFault: error => faults.failed(error, 'the queue failed'),
      onWaiting: text => log.warn(text),
    });
    if (this.#isClosed) return store.close(); // the process was stopped while it waited for the store
    const outbox = new Outbox({
      store,
      clock,
      deliverer: delivererOf(this.webhooks.deliverer, durableEvents),
      endpoints: endpointsOf(this.webhooks.endpoints, durableEvents.endpoints),
      observer: outboxObserver(this.#parts, faults),
      onDeadline: (key, content) => this.webhooks.onDeadline(key, content),
      restamp: (envelope, createdAtMs) =>
        isEvent(envelope.endpoint) ? envelope : this.webhooks.restamp(envelope, createdAtMs),
    });
    this.webhooks.attach(outbox);
    durableEvents.attach(outbox);
    this.#outbox = outbox;
    this.#report(outbox);
  }

  #report(outbox: Outbox): void {
    const { webhooks } = this;
    this.#parts.metrics.follow({
      status: () => outbox.status(),
      oldestReadyAgeMs: () => outbox.oldestReadyAgeMs(),
      get lingering() {
        return webhooks.lingering;
      },
    });
  }
}

function hereOf(hubs: OutboxDeliveryParts['hubs']): Here {
  return {
    groups: hub => hubs().at(hub)?.groupsHere() ?? [],
    members: (hub, group) => hubs().at(hub)?.membersHere(group) ?? [],
    users: hub => hubs().at(hub)?.usersHere() ?? [],
  };
}

function isEvent(endpoint: string): boolean {
  return endpoint.startsWith(eventQueuePrefix);
}

function delivererOf(webhooks: Deliverer, events: Deliverer): Deliverer {
  return {
    deliver: (envelope, attempt, signal) =>
      (isEvent(envelope.endpoint) ? events : webhooks).deliver(envelope, attempt, signal),
  };
}

function endpointsOf(webhooks: Endpoints, events: Endpoints): Endpoints {
  return {
    ids: () => [...webhooks.ids(), ...events.ids()],
    options: id => (isEvent(id) ? events : webhooks).options(id),
  };
}

function webhookObserver({ metrics, log, clock }: OutboxDeliveryParts, faults: QueueFaults): WebhookObserver {
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    raised: (source, type) => metrics.raised(source, type),
    enveloped: (endpoint, events) => metrics.enveloped(endpoint, events),
    notKept(endpoint, reason) {
      metrics.notKept(endpoint);
      if (clock.monotonicMs() - toldMs < notKeptGapMs) return;
      toldMs = clock.monotonicMs();
      log.error({ endpoint, reason }, 'webhooks are not kept, and not delivered');
    },
    warned: (source, warning) => log.warn({ source }, warning),
    fault: (where, error) => faults.failed(error, `webhooks: ${where}`),
  };
}

function outboxObserver({ metrics, log, clock }: OutboxDeliveryParts, faults: QueueFaults): OutboxObserver {
  const { lines, windowMs } = deadLetterLines;
  const budget = new LineBudget(lines, windowMs, clock, ({ count }) =>
    log.warn({ count }, 'further envelopes became dead letters: GET /admin/webhooks/dead-letters lists them'),
  );
  return {
    attempted: (endpoint, attempt, fate) => metrics.attempted(endpoint, attempt, fate),
    dead(endpoint, reason, count) {
      metrics.dead(endpoint, reason, count);
      if (!budget.take(0)) return;
      const what = count === 1 ? 'an envelope became a dead letter' : `${count} envelopes became dead letters`;
      log.warn({ endpoint, reason }, reason === blockedAddress ? `${what}: ${allowAddress}` : what);
    },
    leftWaiting: (endpoint, count) => log.warn({ endpoint, count }, leftWaiting),
    circuitChanged: (endpoint, state) => log.info({ endpoint, state }, 'the circuit of an endpoint changed'),
    endpointDisabled: (endpoint, reason) => log.warn({ endpoint, reason }, 'an endpoint was disabled'),
    endpointEnabled: endpoint => log.info({ endpoint }, 'an endpoint was enabled again'),
    storeFailed: error => faults.failed(error, 'the queue failed; it is tried again'),
    storeAnswered: () => faults.answered(),
  };
}
