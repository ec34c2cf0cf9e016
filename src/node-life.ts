import type { Metrics } from './admin/metrics.js';
import type { ClusterObserver } from './cluster/observer.js';
import type { Cluster, ClusterParts } from './clustering.js';
import { configDigest } from './config/digest.js';
import { closeInWaves, type Waves } from './drain.js';
import type { Hubs } from './hub/hubs.js';
import { clusterObserver, logNats } from './logging.js';
import type { NatsEvent } from './nats/events.js';
import type { Readiness } from './readiness.js';
import type { ServiceOptions } from './service-options.js';
import type { Settings } from './settings.js';
import type { EventHandlers } from './upstream/event-handlers.js';

/** Of a node that was isolated for too long: over 5 s in all. */
const isolationWaves: Waves = { most: 20, leastConnections: 1, gapMs: 250 };

/** `reason` of a `disconnected` that is posted for a node that is gone. [cluster 6.3] */
const nodeGone = 'The node that held the connection is gone.';

/** What a service is one node of several with. */
export interface NodeParts extends Pick<ClusterParts, 'clock' | 'turn' | 'keys'> {
  readonly settings: Pick<Settings, 'config'>;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  hubs(): Hubs;
  handlers(): EventHandlers;
}

/** The part of this service in a cluster; undefined: it is alone. */
export function clusterOf(
  { cluster: make, config, version, log }: ServiceOptions,
  { clock, turn, keys, settings, metrics, readiness, hubs, handlers }: NodeParts,
): Cluster | undefined {
  if (make === undefined) return undefined;
  const meter = metrics.ofCluster();
  const observer = clusterObserver(log, meter);
  const cluster = make({
    ...{ clock, turn, keys, meter, version, settings: config.cluster },
    digest: () => configDigest(settings.config, keys.primary),
    life: lifeOf({ hubs, readiness, clock, observer }),
    heir: heirOf(hubs, handlers),
    observer,
    tell: event => {
      logNats(log, event);
      tellReadiness(readiness, event);
      if (event.kind === 'connected' && event.purpose === 'bus') meter.busConnected(true);
      if (event.kind === 'lost' && event.purpose === 'bus') meter.busConnected(false);
      if (event.kind === 'refused' && event.isExcluded) meter.busConnected(false);
      if (event.kind === 'permitted') meter.busConnected(true);
    },
  });
  meter.follow(cluster.backplane, () => cluster.leaseAgeMs);
  return cluster;
}

export interface LifeParts extends Pick<NodeParts, 'readiness' | 'clock' | 'hubs'> {
  readonly observer: Pick<ClusterObserver, 'fault'>;
}

/** Probes show what a start waits for. */
function tellReadiness(readiness: Readiness, event: NatsEvent): void {
  if (event.kind === 'connected') readiness.wait(event.purpose, undefined);
  if (event.kind === 'refused' && event.isExcluded) readiness.exclude(true);
  if (event.kind === 'permitted') readiness.exclude(false);
  if (event.kind === 'unreachable')
    readiness.wait(event.purpose, `waiting for NATS at ${event.server}: ${event.reason}`);
  if (event.kind === 'unanswered')
    readiness.wait('store', `waiting for the store of NATS: ${event.what}: ${event.reason}`);
}

/** What the lease of this node decides about its clients. [cluster 6.2] */
export function lifeOf({ hubs, readiness, clock, observer }: LifeParts): ClusterParts['life'] {
  let isolation = new AbortController();
  return {
    resume() {
      isolation.abort(); // whoever is not closed yet is served again
      readiness.resume();
      for (const hub of hubs().all()) hub.lifecycle.unquiesce();
    },
    pause() {
      readiness.pause();
      for (const hub of hubs().all()) hub.lifecycle.quiesce();
    },
    isolate() {
      isolation = new AbortController();
      const { signal } = isolation;
      const closed = closeInWaves(hubs(), clock, isolationWaves, () => signal.aborted); // meanwhile no client is let in
      closed.catch(error => observer.fault('clients of a node that is isolated', error));
    },
    fence() {
      readiness.pause();
      for (const hub of [...hubs().all()]) hub.lifecycle.fence();
    },
  };
}

/** Speaks for the connections of nodes that are gone. [cluster 6.3] */
function heirOf(hubs: () => Hubs, handlers: () => EventHandlers): ClusterParts['heir'] {
  return {
    async end(connection, eventId, by) {
      const { hub, id, userId, subprotocol, state, cookies, groups = [], states = [], members = [] } = connection;
      const { signedInAs, counted = [] } = connection;
      hubs().endElsewhere(hub, { id, userId, states, members, signedInAs, counted, by });
      const history = { userId, subprotocol, state, cookies: [...cookies] };
      await handlers().conclude({ hub, id, groups: [...groups], ...history }, eventId, nodeGone);
    },
  };
}
