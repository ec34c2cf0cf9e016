import { type Counter, collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import type { PlainFact } from '../hub/facts.js';
import type { Observer } from '../hub/ports.js';
import { canonicalHubName } from '../protocols/names.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { ConnectionCounts } from './connection-counts.js';
import { EventTally } from './event-tally.js';
import { HubLabels } from './hub-labels.js';
import { counter, gauge } from './registered.js';
import { RestTally } from './rest-tally.js';
import type { MetricsRecord } from './summed-metrics.js';
import { Traffic } from './traffic.js';
import { WebhookMetrics } from './webhook-metrics.js';

type Told<Event extends keyof Observer> = Parameters<Observer[Event]>[0];

export interface MetricsOptions {
  /** Is the hub in hubs.yaml? Such hubs always have a label of their own. Default: none is. */
  readonly isConfigured?: (hub: string) => boolean;
  /** Bytes that wait for clients. Called when metrics are read. Default: none. */
  readonly queuedBytes?: () => Promise<number>;
  /** Memory, CPU, event loop lag and garbage collection of this process too. Default true. */
  readonly processMetrics?: boolean;
  /** Of this program. Default: unknown. */
  readonly version?: string;
}

const handlerStates = ['pending', 'active', 'failed'] as const;

/** Counts what happened, for Prometheus. `catalog.ts` lists the metrics. */
export class Metrics implements Observer {
  /** What the outbox and webhooks tell. */
  readonly webhooks: WebhookMetrics;
  readonly #registry = new Registry();
  readonly #connections: ConnectionCounts;
  readonly #refused: Counter<'status'>;
  readonly #rest: RestTally;
  readonly #traffic: Traffic;
  readonly #events: EventTally;
  readonly #handlers: Gauge<'hub' | 'url' | 'state'>;
  readonly #hubs: HubLabels;
  readonly #notPassedOn: Counter<'hub' | 'reason'>;
  readonly #validations: Counter<'result'>;
  readonly #rolesIgnored: Counter;
  readonly #warnings: Counter;
  readonly #faults: Counter;

  constructor({
    isConfigured = () => false,
    queuedBytes = async () => 0,
    processMetrics = true,
    version = 'unknown',
  }: MetricsOptions = {}) {
    const registry = this.#registry;
    const hubs = new HubLabels(isConfigured);
    this.#hubs = hubs;
    gauge(registry, 'hubwire_build_info').set({ version, node: process.versions.node }, 1);
    this.#connections = new ConnectionCounts(registry, hubs);
    this.#refused = counter(registry, 'hubwire_upgrades_refused_total');
    this.#rest = new RestTally(registry);
    this.#traffic = new Traffic(registry, hubs);
    gauge(registry, 'hubwire_outbound_queue_bytes', async queued => queued.set(await queuedBytes()));
    this.#events = new EventTally(registry, hubs);
    this.#handlers = gauge(registry, 'hubwire_event_handler_state');
    this.#validations = counter(registry, 'hubwire_event_handler_validations_total');
    this.#rolesIgnored = counter(registry, 'hubwire_roles_ignored_total');
    this.#notPassedOn = counter(registry, 'hubwire_bridge_dropped_total');
    this.#warnings = counter(registry, 'hubwire_warnings_total');
    this.webhooks = new WebhookMetrics(registry);
    this.#faults = counter(registry, 'hubwire_faults_total');
    if (processMetrics) collectDefaultMetrics({ register: registry });
  }

  /** Of a node of a cluster, which has more metrics than others. Called once. */
  ofCluster(): ClusterMetrics {
    return new ClusterMetrics(this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same for a process that sums several of them up. */
  record(): Promise<MetricsRecord> {
    return this.#registry.getMetricsAsJSON();
  }

  tell(fact: PlainFact): void {
    switch (fact.kind) {
      case 'opened':
        this.#connections.opened(fact.hub, fact.connection.protocol.name);
        break;
      case 'closed':
        this.#connections.closed(fact.hub, fact.connection.protocol.name, fact.ending.category);
        break;
      case 'takenOver':
        this.#connections.takenOver(fact.hub, fact.connection.protocol.name);
        break;
      case 'handedOver':
        this.#connections.handedOver(fact.hub, fact.connection.protocol.name);
        break;
      case 'evented':
        this.#events.finished(fact.hub, fact.type, fact.outcome, fact.durationMs, fact.attempts);
        break;
      case 'notPassedOn':
        this.#notPassedOn.inc({ hub: this.#hubs.of(fact.hub), reason: fact.reason });
        break;
      case 'roleIgnored':
        this.#rolesIgnored.inc();
        break;
      default: // not counted. Refused requests: the client gets the reason, and clients can cause any number of these
    }
  }

  received(hub: string, protocol: string, bytes: number): void {
    this.#traffic.received(hub, protocol, bytes);
  }

  sent(hub: string, protocol: string, receivers: number, bytes: number): void {
    this.#traffic.sent(hub, protocol, receivers, bytes);
  }

  delivered(_hub: string, sends: number, receivers: number): void {
    this.#traffic.delivered(sends, receivers);
  }

  connectionRefused({ status }: Told<'connectionRefused'>): void {
    this.#refused.inc({ status: String(status) });
  }

  /** Not counted: successful upgrades are counted as connections. */
  upgraded(): void {}

  restCallFinished(operation: string, status: number, durationMs: number): void {
    this.#rest.finished(operation, status, durationMs);
  }

  restCallTold(): void {}

  handlerChanged({ hub, url, state }: Told<'handlerChanged'>): void {
    for (const candidate of handlerStates) {
      const labels = { hub: canonicalHubName(hub), url, state: candidate };
      if (state === 'removed') this.#handlers.remove(labels);
      else this.#handlers.set(labels, candidate === state ? 1 : 0);
    }
  }

  handlerValidated(result: Told<'handlerValidated'>): void {
    this.#validations.inc({ result });
  }

  warned(): void {
    this.#warnings.inc();
  }

  fault(): void {
    this.#faults.inc();
  }
}
