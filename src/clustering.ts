import type { Keys } from './auth/keys.js';
import type { BusMeter, BusObserver } from './backplane/nats/bus-options.js';
import { KeySigner } from './backplane/nats/key-signer.js';
import { NatsBackplane, type NatsBackplaneOptions } from './backplane/nats/nats-backplane.js';
import { type MakeBackplane, RejoiningBackplane } from './backplane/nats/rejoining.js';
import { ConnectionIds, newTag } from './backplane/nats/tags.js';
import type { Clock } from './clock.js';
import type { NodeLife } from './cluster/cluster-node.js';
import { ensureFacts, NatsFacts } from './cluster/nats-facts.js';
import type { ClusterObserver } from './cluster/observer.js';
import type { Heir } from './cluster/takeover-run.js';
import { ClusterMember } from './cluster-member.js';
import type { ClusterSettings } from './config/load.js';
import { PubSubError } from './errors.js';
import type { Ledger, Turn } from './hub/ports.js';
import { type NatsEvent, NatsParts } from './nats/events.js';
import { type ExaminedNats, examined } from './nats/examined.js';
import { failureText, NatsSetupError, requireJetStream } from './nats/jetstream.js';
import { KeptStreams } from './nats/kept-streams.js';
import { Link } from './nats/link.js';
import { storeName, subjectRoot } from './nats/names.js';
import type { NatsOptions } from './nats/options.js';
import { ReplicaRaise } from './nats/replicas.js';
import { SharedBucket } from './nats/shared-bucket.js';
import { SharedResults } from './nats/shared-results.js';
import type { Replicas, Storing } from './nats/streams.js';
import type { NatsQueuePlace } from './outbox/open-store.js';
import { SharedPlaces } from './webhooks/shared/shared-places.js';

/** What makes one of several nodes of this service. Loaded with `--nats` only: it brings the client of NATS along. [CL-003] */
export function clusterOn(nats: NatsOptions, timing: ClusterTiming = {}): MakeCluster {
  return parts => new NatsMember(nats, parts, timing);
}

/**
 * Looks at the NATS of a cluster as a node does that starts.
 * @param signal ends the wait
 * @throws as a rejection: PubSubError `invalid` with what is wrong
 */
export async function examineNats(nats: NatsOptions, clock: Clock, signal: AbortSignal): Promise<ExaminedNats> {
  let problem = 'no answer in time';
  const parts = new NatsParts(clock, event => {
    if (event.kind === 'unreachable') problem = `${event.server}: ${event.reason}`;
  });
  const link = new Link(nats, 'config', parts);
  signal.addEventListener('abort', () => void link.close());
  try {
    const connection = await link.start();
    problem = `JetStream of ${connection.getServer()} does not answer`;
    const closed = connection.closed().then(() => Promise.reject(new Error('closed')));
    return await Promise.race([examined(connection, nats.clusterName, clock), closed]);
  } catch (cause) {
    const message = cause instanceof NatsSetupError ? cause.message : `NATS cannot be used: ${problem}`;
    throw new PubSubError('invalid', message, { cause });
  } finally {
    await link.close();
  }
}

/** For tests, where nodes start often. */
export type ClusterTiming = Pick<NatsBackplaneOptions, 'settleMs'>;

export type MakeCluster = (parts: ClusterParts) => Cluster;

/** What the service gives to it. */
export interface ClusterParts {
  readonly clock: Clock;
  readonly settings: ClusterSettings;
  readonly keys: Keys;
  readonly turn: Turn;
  readonly tell: (event: NatsEvent) => void;
  readonly meter: BusMeter;
  /** Of this program. */
  readonly version: string;
  /** Of the configuration in use. */
  digest(): string;
  /** What the lease of this node decides. */
  readonly life: Pick<NodeLife, 'resume' | 'pause' | 'isolate' | 'fence'>;
  readonly heir: Pick<Heir, 'end'>;
  readonly observer: ClusterObserver;
}

/** This node, as one of several. */
export interface Cluster {
  readonly backplane: RejoiningBackplane;
  readonly ledger: Ledger;
  /** Milliseconds since the last renewal of the lease that was stored was sent. */
  readonly leaseAgeMs: number;
  /** Gives the ids of connections that begin here. [cluster 3.1] */
  readonly connectionIds: ConnectionIds;
  /** Where the queue with driver `nats` is. */
  readonly queue: NatsQueuePlace;
  /** Upstreams are validated once for all nodes. [CL-112] */
  readonly checks: SharedResults;
  /** What is occupied on any node, for webhooks. [cluster 6.4] */
  readonly places: SharedPlaces;
  /**
   * Settles when clients may be let in, however long NATS is away; also when it is stopped before.
   * @throws as a rejection: PubSubError `invalid` when NATS is there and cannot be used, with what to do
   */
  start(): Promise<void>;
  /** Other nodes are told that this one is about to stop. */
  drain(): void;
  /** Ends the lease, the backplane and all connections. */
  stop(): Promise<void>;
}

/** Later than it is taken over, after which its lease has ended and the others know: for a node whose lease they have not seen. */
const leasesUntilGone = 3;

class NatsMember implements Cluster {
  readonly connectionIds = new ConnectionIds(newTag());
  readonly backplane: RejoiningBackplane;
  readonly queue: NatsQueuePlace;
  readonly checks: SharedResults;
  readonly places: SharedPlaces;
  readonly #parts: NatsParts;
  readonly #store: Link;
  readonly #member: ClusterMember;
  readonly #openFacts: (store: Parameters<typeof ensureFacts>[0]) => Promise<void>;
  readonly #streams: KeptStreams;
  readonly #checked: SharedBucket;
  #isStopped = false;
  #onStop = () => {};

  constructor(nats: NatsOptions, parts: ClusterParts, timing: ClusterTiming) {
    this.#parts = new NatsParts(parts.clock, parts.tell);
    this.#store = new Link(nats, 'store', this.#parts);
    const { clock, turn, keys, meter, settings } = parts;
    const replicas = nats.isPrivate === true && settings.replicas === 'auto' ? 1 : settings.replicas;
    const storing: Storing = { replicas, parts: this.#parts };
    const followed: Storing = { ...storing, onMet: stream => this.#streams.met(stream) };
    this.#streams = this.#keepStreams(nats.clusterName, replicas);
    this.#checked = new SharedBucket(this.#store, storeName(nats.clusterName, 'checks'), storing);
    this.#openFacts = connection => ensureFacts(connection, nats.clusterName, followed);
    this.places = new SharedPlaces({
      ...{ clock, tag: this.connectionIds.tag },
      store: new NatsFacts(this.#store, nats.clusterName, clock),
      atTurnEnd: task => turn.atEnd(task),
      observer: { unreached: (what, error) => parts.tell({ kind: 'unanswered', what, reason: failureText(error) }) },
    });
    this.checks = new SharedResults({ clock, values: () => this.#checked.values(), tag: () => this.connectionIds.tag });
    const observer = busObserver(meter, this.#parts, `${subjectRoot(nats.clusterName)}.>`);
    const make: MakeBackplane = (tag, past) =>
      new NatsBackplane({
        ...{ clock, turn, tag, ...past },
        ...timing,
        link: new Link(nats, 'bus', this.#parts),
        root: subjectRoot(nats.clusterName),
        name: nats.nodeName,
        keepBytes: settings.keepBytes,
        goneAfterMs: leasesUntilGone * settings.leaseMs,
        signer: settings.isSigned ? new KeySigner(keys, clock) : undefined,
        observer,
      });
    this.backplane = new RejoiningBackplane(this.connectionIds.tag, make);
    this.#member = new ClusterMember({
      ...{ clock, storing: followed, link: this.#store, clusterName: nats.clusterName },
      rules: settings,
      about: () => ({ name: nats.nodeName, version: parts.version, formats: [1], digest: parts.digest() }),
      life: this.#lifeOf(parts),
      heir: { ...parts.heir, inherit: tag => this.#inherit(tag) },
      observer: parts.observer,
    });
    this.queue = { nats, parts: this.#parts, replicas };
  }

  get ledger(): Ledger {
    return this.#member.ledger;
  }

  get leaseAgeMs(): number {
    return this.#member.leaseAgeMs;
  }

  async #inherit(tag: string): Promise<void> {
    await this.places.removeNode(tag);
    this.#inheritForgotten();
  }

  /** Places of nodes whose lease has ended, as when the last that such a node wrote came late. */
  #inheritForgotten(): void {
    const removed = this.places.removeForgotten(tag => this.#member.hasEnded(tag));
    const where = 'places of nodes that are gone';
    removed.catch(error => this.#parts.tell({ kind: 'fault', where, error })); // whoever takes over next tries again
  }

  /** A node that is fenced begins again under another tag. */
  #lifeOf({ life }: ClusterParts): NodeLife {
    const { connectionIds, backplane, places } = this;
    const streams = this.#streams;
    let isFirst = true;
    return {
      ...life,
      newTag: () => {
        streams.forget();
        if (!isFirst) {
          connectionIds.tag = newTag();
          backplane.rejoin(connectionIds.tag);
          places.restart(connectionIds.tag).catch(() => {}); // it has yet another tag: that is done anew
        }
        isFirst = false;
        return connectionIds.tag;
      },
      join: () => backplane.start(),
      resume: () => {
        places.resume();
        life.resume();
      },
      pause: () => {
        places.pause();
        life.pause();
      },
      fence: () => {
        backplane.fence();
        life.fence();
      },
      replace: (tag, isOwn) => backplane.replace(tag, isOwn),
      forget: tag => backplane.forget(tag),
    };
  }

  async start(): Promise<void> {
    try {
      const store = await this.#store.start();
      await requireJetStream(store, this.#parts.clock);
      await this.#openFacts(store);
      await this.#checked.open();
      this.#streams.start();
      const stopped = new Promise<void>(resolve => {
        this.#onStop = resolve;
      });
      await Promise.race([this.#member.start(), stopped]);
      if (!this.#isStopped) this.#inheritForgotten();
    } catch (error) {
      if (this.#isStopped) return;
      throw error instanceof NatsSetupError ? new PubSubError('invalid', error.message, { cause: error }) : error;
    }
  }

  /** A node that has lost what it had in the store starts again, as one that is fenced. */
  #keepStreams(clusterName: string, replicas: Replicas): KeptStreams {
    const raise = new ReplicaRaise(clusterName, this.#parts);
    this.#store.listen({ connected: () => raise.hurry(), topologyChanged: () => raise.hurry() });
    return new KeptStreams({
      ...{ link: this.#store, clock: this.#parts.clock },
      ensure: async store => {
        await this.#openFacts(store);
        await this.#checked.open();
        await this.#member.ensureStore(store);
        if (replicas === 'auto' && this.#member.isFirst) await raise.look(store);
      },
      onReplaced: () => this.#member.storeReplaced(),
      onProblem: reason => this.#parts.tell({ kind: 'unanswered', what: 'the streams of the cluster', reason }),
    });
  }

  drain(): void {
    this.backplane.drain();
    this.#member.drain();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#streams.stop();
    this.#checked.close();
    this.#onStop();
    this.places.pause();
    await this.#member.stop(this.places.isAllTold);
    await this.backplane.close();
    await this.#store.close();
  }
}

const mostListed = 5;

/** For people. */
function listed(subjects: readonly string[]): string {
  const others = subjects.length - mostListed;
  return subjects.slice(0, mostListed).join(', ') + (others > 0 ? ` and ${others} others` : '');
}

/** How often it is told that single subjects are refused. */
const partlyDeafAgainMs = 60_000;

/** @param permit the subjects of the cluster */
function busObserver(meter: BusMeter, parts: NatsParts, permit: string): BusObserver {
  let wasExcluded = false;
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    envelope: way => meter.envelope(way),
    barrierPassed: durationMs => meter.barrierPassed(durationMs),
    partialQuery: () => meter.partialQuery(),
    dropped: ({ subject, reason, count }) => parts.tell({ kind: 'dropped', subject, reason, count }),
    refused(operation, subjects, isExcluded) {
      wasExcluded ||= isExcluded;
      const nowMs = parts.clock.monotonicMs();
      if (!isExcluded && nowMs - toldMs < partlyDeafAgainMs) return; // each join of a client may be refused
      toldMs = nowMs;
      parts.tell({ kind: 'refused', operation, subjects: listed(subjects), permit, isExcluded });
    },
    tookPart() {
      if (wasExcluded) parts.tell({ kind: 'permitted' });
      wasExcluded = false;
    },
    fault: (where, error) => parts.tell({ kind: 'fault', where, error }),
  };
}
