import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Observer } from '../hub/ports.js';
import { canonicalHubName } from '../protocols/names.js';
import { ConnectionCounts } from './connection-counts.js';
import { EventTally } from './event-tally.js';
import { HubLabels } from './hub-labels.js';
import { Traffic } from './traffic.js';

type Told<Event extends keyof Observer> = Parameters<Observer[Event]>[0];

export interface MetricsOptions {
  /** Is the hub in hubs.yaml? Such hubs always have a label of their own. Default: none is. */
  readonly isConfigured?: (hub: string) => boolean;
  /** Memory, CPU, event loop lag and garbage collection of this process too. Default true. */
  readonly processMetrics?: boolean;
}

/** Every metric's name starts with this. */
const prefix = 'hubwire_';

const handlerStates = ['pending', 'active', 'failed'] as const;

/** Counts what the hub tells, for Prometheus. */
export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #connections: ConnectionCounts;
  readonly #traffic: Traffic;
  readonly #events: EventTally;
  /** Without the hub: its name comes from somebody who may not even hold a token. */
  readonly #refused = this.#counter('upgrades_refused_total', 'Upgrades answered with an HTTP error', ['status']);
  readonly #rolesIgnored = this.#counter('roles_ignored_total', 'Roles of accepted connections that give nothing', []);
  readonly #warnings = this.#counter('warnings_total', 'Warnings, also those that the log does not repeat', []);
  readonly #handlers = new Gauge({
    name: `${prefix}event_handler_state`,
    help: '1 for the state that the event handler is in',
    labelNames: ['hub', 'url', 'state'],
    registers: [this.#registry],
  });
  readonly #faults = this.#counter('faults_total', 'Faults of this service', []);

  constructor({ isConfigured = () => false, processMetrics = true }: MetricsOptions = {}) {
    const hubs = new HubLabels(isConfigured);
    this.#connections = new ConnectionCounts(this.#registry, prefix, hubs);
    this.#traffic = new Traffic(this.#registry, prefix, hubs);
    this.#events = new EventTally(this.#registry, prefix);
    if (processMetrics) collectDefaultMetrics({ register: this.#registry, prefix });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  connectionOpened({ hub, protocol }: Told<'connectionOpened'>): void {
    this.#connections.opened(hub, protocol);
  }

  connectionClosed({ hub, protocol, category }: Told<'connectionClosed'>): void {
    this.#connections.closed(hub, protocol, category);
  }

  roleIgnored(): void {
    this.#rolesIgnored.inc();
  }

  /** The client is told, and clients may ask for what they like. */
  requestRefused(): void {}

  connectionRefused({ status }: Told<'connectionRefused'>): void {
    this.#refused.inc({ status: String(status) });
  }

  messageReceived(hub: string, protocol: string, bytes: number): void {
    this.#traffic.received(hub, protocol, bytes);
  }

  messageSent(hub: string, protocol: string, receivers: number, bytes: number): void {
    this.#traffic.sent(hub, protocol, receivers, bytes);
  }

  eventFinished({ kind, outcome, durationMs, attempts }: Told<'eventFinished'>): void {
    this.#events.finished(kind, outcome, durationMs, attempts);
  }

  handlerChanged({ hub, url, state }: Told<'handlerChanged'>): void {
    for (const candidate of handlerStates) {
      const labels = { hub: canonicalHubName(hub), url, state: candidate };
      if (state === 'removed') this.#handlers.remove(labels);
      else this.#handlers.set(labels, candidate === state ? 1 : 0);
    }
  }

  warned(): void {
    this.#warnings.inc();
  }

  fault(): void {
    this.#faults.inc();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: prefix + name, help, labelNames, registers: [this.#registry] });
  }
}
