/** One metric of this service's own. */
export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** The HELP text in `/metrics`. */
  readonly help: string;
  /** How the values of several processes become one; they are added up when left out. */
  readonly aggregator?: 'max';
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
    aggregator: 'max',
    help: 'Always 1; the labels are the versions of this service and of Node',
  },
  hubwire_connections: {
    type: 'gauge',
    labels: ['hub', 'protocol'],
    help: 'Connections, including those of disconnected reliable clients',
  },
  hubwire_connections_opened_total: { type: 'counter', labels: ['hub', 'protocol'], help: 'Connections opened' },
  hubwire_connections_closed_total: {
    type: 'counter',
    labels: ['hub', 'protocol', 'category'],
    help: 'Connections closed',
  },
  /** Without the hub: its name comes from a client that may not be authenticated. */
  hubwire_upgrades_refused_total: {
    type: 'counter',
    labels: ['status'],
    help: 'Upgrade requests rejected with an HTTP error',
  },
  hubwire_rest_requests_total: {
    type: 'counter',
    labels: ['operation', 'status'],
    help: 'HTTP requests to the public listener except upgrades; operation other: no REST operation',
  },
  hubwire_rest_request_duration_seconds: {
    type: 'histogram',
    labels: ['operation'],
    help: 'Seconds from the headers of an HTTP request to its response',
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
  hubwire_outbound_queue_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes of messages that wait in the queues of clients of this node, summed when this is read',
  },
  /** Without the hub: a histogram has many series. */
  hubwire_send_receivers: {
    type: 'histogram',
    labels: [],
    help: 'Connections of this node that received a message of an app server or a publishing client',
  },
  hubwire_events_total: { type: 'counter', labels: ['hub', 'kind', 'outcome'], help: 'Events to upstreams' },
  hubwire_event_attempts_total: {
    type: 'counter',
    labels: ['hub', 'kind'],
    help: 'Requests made to deliver events',
  },
  /** Without the hub: a histogram has many series. */
  hubwire_event_duration_seconds: {
    type: 'histogram',
    labels: ['kind'],
    help: 'Seconds from an event to its outcome, including retries',
  },
  hubwire_event_handler_state: {
    type: 'gauge',
    labels: ['hub', 'url', 'state'],
    aggregator: 'max', // failed for one of them is failed
    help: '1 for the current state of the event handler, 0 for the others',
  },
  hubwire_event_handler_validations_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Validations of upstreams: success or failed',
  },
  hubwire_roles_ignored_total: {
    type: 'counter',
    labels: [],
    help: 'Invalid roles of accepted connections, which are ignored',
  },
  hubwire_bridge_dropped_total: {
    type: 'counter',
    labels: ['hub', 'reason'],
    help: 'Messages that a bridge did not pass on: binary, tooLarge, name (no valid name on the other side) or shed; hub is where they were published',
  },
  hubwire_warnings_total: {
    type: 'counter',
    labels: [],
    help: 'Warnings, including repeated ones that are not logged',
  },
  hubwire_webhook_events_total: {
    type: 'counter',
    labels: ['app', 'name'],
    help: 'Events of webhooks that at least one endpoint takes; app is the id of an app or the name of a hub',
  },
  /** `endpoint` is `linger` for what could not be kept until its time. */
  hubwire_webhook_deliveries_total: {
    type: 'counter',
    labels: ['endpoint', 'outcome'],
    help: 'Attempts to deliver an envelope (success, retry), envelopes that became dead letters (dead), or that could not be queued (dropped)',
  },
  hubwire_webhook_attempt_duration_seconds: {
    type: 'histogram',
    labels: ['endpoint'],
    help: 'Seconds of one attempt to deliver an envelope',
  },
  hubwire_webhook_queue_depth: {
    type: 'gauge',
    labels: ['state'],
    aggregator: 'max', // they share one queue
    help: 'Envelopes: ready for a first attempt, delayed until another one, inflight, or dead letters',
  },
  hubwire_webhook_oldest_ready_age_seconds: {
    type: 'gauge',
    labels: [],
    aggregator: 'max',
    help: 'Seconds that the oldest envelope that is ready for a first attempt has waited; 0: none is, or the queue is in SQS',
  },
  hubwire_webhook_linger_pending: {
    type: 'gauge',
    labels: [],
    help: 'Vacated and removed events of channels, members, groups and users that wait for linger_ms',
  },
  hubwire_webhook_endpoint_disabled: {
    type: 'gauge',
    labels: ['endpoint'],
    aggregator: 'max',
    help: '1 for an endpoint that was disabled because it only failed, 0 for others',
  },
  hubwire_webhook_batch_size: { type: 'histogram', labels: [], help: 'Events in an envelope' },
  /** Of a node of a cluster only. */
  hubwire_bus_connected: {
    type: 'gauge',
    labels: [],
    help: '1 while this node is connected to NATS for what nodes send to each other, and may subscribe to it, else 0; of a node of a cluster only',
  },
  /** Only with `--workers`. */
  hubwire_workers: {
    type: 'gauge',
    labels: ['state'],
    help: 'Workers of this process: ready, paused (they let no client in), silent (they do not answer), or missing because they start or have ended',
  },
  hubwire_worker_restarts_total: { type: 'counter', labels: [], help: 'Workers that were started again' },
  hubwire_bus_envelopes_total: {
    type: 'counter',
    labels: ['way'],
    help: 'Envelopes between nodes; way: sent, received, repeated (received before), dropped (of no node of this cluster)',
  },
  hubwire_bus_ring_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes of messages for other nodes that are kept until NATS has confirmed them',
  },
  hubwire_barrier_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Seconds until all other nodes have confirmed the subscriptions of this node',
  },
  hubwire_query_partial_total: {
    type: 'counter',
    labels: [],
    help: 'Queries that ended without the answers of all nodes',
  },
  hubwire_lease_age_seconds: {
    type: 'gauge',
    labels: [],
    aggregator: 'max',
    help: 'Age of the lease of this node: seconds since its last stored renewal was sent; 0 before the first',
  },
  hubwire_takeovers_total: {
    type: 'counter',
    labels: [],
    help: 'Nodes that were gone and that this node has taken over',
  },
  hubwire_ledger_append_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Seconds until an entry of the ledger of this node is stored',
  },
  hubwire_cluster_configs: {
    type: 'gauge',
    labels: [],
    aggregator: 'max',
    help: 'Configurations that the nodes of the cluster run: 1 when it is the same for all',
  },
  hubwire_cluster_nodes: {
    type: 'gauge',
    labels: ['state'],
    aggregator: 'max', // each worker sees them by itself
    help: 'Other nodes of the cluster as this node knows them; state: present, silent (does not answer), absent (not connected)',
  },
  hubwire_faults_total: { type: 'counter', labels: [], help: 'Internal errors of this service' },
} as const satisfies Readonly<Record<string, MetricEntry>>;

type Catalog = typeof catalog;

export type MetricName = keyof Catalog;

/** Names of one type. */
export type NameOf<Type extends MetricEntry['type']> = {
  [Name in MetricName]: Catalog[Name]['type'] extends Type ? Name : never;
}[MetricName];

export type LabelsOf<Name extends MetricName> = Catalog[Name]['labels'][number];
