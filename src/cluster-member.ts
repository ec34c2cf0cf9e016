import type { Clock } from './clock.js';
import { ClusterNode, type ClusterNodeParts, type NodeLife } from './cluster/cluster-node.js';
import type { LeaseRules } from './cluster/lease.js';
import { NatsClusterStore } from './cluster/nats-store.js';
import { NodeLedger } from './cluster/node-ledger.js';
import type { ClusterObserver } from './cluster/observer.js';
import type { Heir } from './cluster/takeover-run.js';
import { type TellFailure, toldStore } from './cluster/told-store.js';
import type { Ledger } from './hub/ports.js';
import type { Link } from './nats/link.js';
import type { Storing } from './nats/streams.js';

export interface ClusterMemberParts {
  /** Of the store; started by `start`. */
  readonly link: Link;
  readonly clusterName: string;
  readonly rules: LeaseRules;
  readonly storing: Storing;
  readonly clock: Clock;
  readonly about: ClusterNodeParts['about'];
  readonly life: NodeLife;
  readonly heir: Heir;
  readonly observer: ClusterObserver;
}

/** With three servers an election takes up to 9 s, within which no lease is renewed. [CL-057] */
const leastSharedLeaseMs = 15_000;
const sharedReplicas = 3;

/** The lease and the ledger of this node, kept in NATS. [cluster 6] */
export class ClusterMember {
  readonly ledger: Ledger;
  readonly #parts: ClusterMemberParts;
  readonly #store: NatsClusterStore;
  readonly #node: ClusterNode;
  #isStopped = false;

  constructor(parts: ClusterMemberParts) {
    const { link, clusterName, rules, storing, clock } = parts;
    this.#parts = parts;
    this.#store = new NatsClusterStore({ link, clusterName, leaseMs: rules.leaseMs, storing, clock });
    const tell: TellFailure = (...failure) => {
      const isConnected = link.connection?.isClosed() === false; // otherwise the link tells why
      if (isConnected && !this.#isStopped) parts.observer.storeFailed(...failure);
    };
    const store = toldStore(this.#store, tell, clock);
    this.#node = new ClusterNode({ ...parts, store });
    this.ledger = new NodeLedger(this.#node);
  }

  get leaseAgeMs(): number {
    return this.#node.leaseAgeMs;
  }

  /** Settles once clients may be let in. @throws as a rejection: NatsSetupError */
  async start(): Promise<void> {
    const { link } = this.#parts;
    this.#checkLease(await this.#store.open());
    link.listen({ connected: () => {}, lost: () => this.#node.storeLost() });
    await this.#node.start();
  }

  /** Creates what is missing in the store of this connection. @throws as a rejection: NatsSetupError */
  async ensureStore(connection: NonNullable<Link['connection']>): Promise<void> {
    this.#checkLease(await this.#store.ensure(connection));
  }

  #checkLease(replicas: number): void {
    const { storing, rules } = this.#parts;
    if (replicas >= sharedReplicas && rules.leaseMs < leastSharedLeaseMs) {
      storing.parts.tell({ kind: 'warned', text: shortLease(rules.leaseMs) });
    }
  }

  /** Is this the one of the nodes that does what one of them has to do? */
  get isFirst(): boolean {
    return this.#node.isFirst;
  }

  /** The store does not have any more what this node goes by: it drops its clients, and starts again. */
  storeReplaced(): void {
    this.#node.storeReplaced();
  }

  /** Other nodes see that it is about to stop. */
  drain(): void {
    this.#node.drain();
  }

  /** Has the lease of this tag ended? Then nobody speaks for it any more. @throws as a rejection: when the store cannot be reached */
  async hasEnded(tag: string): Promise<boolean> {
    return (await this.#store.readLease(tag)) === undefined;
  }

  /** Its lease ends, unless something is left to be told. @param isAllTold as of the node */
  async stop(isAllTold: boolean): Promise<void> {
    await this.#node.stop(isAllTold);
    this.#isStopped = true; // what is under way ends with the connection
  }
}

function shortLease(leaseMs: number): string {
  return `cluster.leaseSeconds is ${leaseMs / 1_000}: with three servers of NATS, nodes pause whenever these elect a leader, which takes up to 9 s; use 15 or more.`;
}
