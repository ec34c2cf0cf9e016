/** One metric of this service's own. */
export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** What `/metrics` says about it. */
  readonly help: string;
}

/**
 * Every metric of this service's own, by its full name, in the order in which they are shown. Metrics are made from these
 * entries, so that a name, a label or a text has one place; docs/operating.md lists the same. Those of the process and of
 * Node (`process_*`, `nodejs_*`) are prom-client's.
 */
export const catalog = {
  hubwire_build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: '1; the versions of this service and of Node',
  },
  hubwire_connections: {
    type: 'gauge',
    labels: ['hub', 'protocol'],
    help: 'Connections now, detached reliable ones included',
  },
  hubwire_connections_opened_total: { type: 'counter', labels: ['hub', 'protocol'], help: 'Connections opened' },
  hubwire_connections_closed_total: {
    type: 'counter',
    labels: ['hub', 'protocol', 'category'],
    help: 'Connections closed',
  },
  /** Without the hub: its name comes from somebody who may not even have a token. */
  hubwire_upgrades_refused_total: { type: 'counter', labels: ['status'], help: 'Upgrades answered with an HTTP error' },
  hubwire_rest_requests_total: {
    type: 'counter',
    labels: ['operation', 'status'],
    help: 'HTTP requests to the public listener, upgrades aside; operation other: no REST operation',
  },
  hubwire_rest_request_duration_seconds: {
    type: 'histogram',
    labels: ['operation'],
    help: 'Time from the headers of an HTTP request to its answer',
  },
  hubwire_messages_received_total: { type: 'counter', labels: ['hub', 'protocol'], help: 'Messages from clients' },
  hubwire_received_bytes_total: {
    type: 'counter',
    labels: ['hub', 'protocol'],
    help: 'Bytes of messages from clients',
  },
  hubwire_messages_sent_total: {
    type: 'counter',
    labels: ['hub', 'protocol'],
    help: 'Messages to clients, one per receiver',
  },
  hubwire_sent_bytes_total: { type: 'counter', labels: ['hub', 'protocol'], help: 'Bytes of messages to clients' },
  /** Without the hub, as one has so many series. */
  hubwire_send_receivers: {
    type: 'histogram',
    labels: [],
    help: 'Connections of this node that a message of an app server or a publishing client was written to',
  },
  hubwire_events_total: { type: 'counter', labels: ['hub', 'kind', 'outcome'], help: 'Events to upstreams' },
  hubwire_event_attempts_total: {
    type: 'counter',
    labels: ['hub', 'kind'],
    help: 'Requests made to deliver events',
  },
  /** Without the hub, as one has so many series. */
  hubwire_event_duration_seconds: {
    type: 'histogram',
    labels: ['kind'],
    help: 'Time from an event to its outcome, retries included',
  },
  hubwire_event_handler_state: {
    type: 'gauge',
    labels: ['hub', 'url', 'state'],
    help: '1 for the state that the event handler is in',
  },
  hubwire_roles_ignored_total: { type: 'counter', labels: [], help: 'Roles of accepted connections that give nothing' },
  hubwire_warnings_total: {
    type: 'counter',
    labels: [],
    help: 'Warnings, also those that the log does not repeat',
  },
  hubwire_faults_total: { type: 'counter', labels: [], help: 'Faults of this service' },
} as const satisfies Readonly<Record<string, MetricEntry>>;

type Catalog = typeof catalog;

export type MetricName = keyof Catalog;

/** Names of one type. */
export type NameOf<Type extends MetricEntry['type']> = {
  [Name in MetricName]: Catalog[Name]['type'] extends Type ? Name : never;
}[MetricName];

export type LabelsOf<Name extends MetricName> = Catalog[Name]['labels'][number];
