import { ClusterNode } from '../../../src/cluster/cluster-node.js';
import type { OpenConnection } from '../../../src/cluster/entries.js';
import type { Heir } from '../../../src/cluster/takeover-run.js';
import type { SimulatedBus } from './bus.js';
import type { SimulatedStore } from './store.js';
import type { SimulatedUpstream } from './upstream.js';
import { type Dice, SimulatedProcess, type SimulatedTime } from './world.js';

export interface Surroundings {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly store: SimulatedStore;
  readonly bus: SimulatedBus;
  readonly upstream: SimulatedUpstream;
  readonly leaseMs: number;
}

/** A node with clients that come and go. The lease, the ledger and the takeover are those of the program. */
export class SimulatedNode {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly cluster: ClusterNode;
  /** Connections: what is still to be posted of each. */
  readonly #open = new Map<string, Promise<unknown>>();
  /** Connections with a state, as subscribers on this node know. */
  readonly states = new Set<string>();
  /** It cannot know all states: it was away. */
  isGapped = false;
  isPaused = true;
  /** Tags that it has had. */
  readonly tags: string[] = [];
  readonly faults: string[] = [];
  readonly #around: Surroundings;
  #born = 0;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.process = new SimulatedProcess(around.time.clock);
    const heir: Heir = { end: (connection, eventId) => this.#end(connection, eventId), inherit: async () => {} };
    this.cluster = new ClusterNode({
      store: around.store.of(this.process),
      clock: this.process,
      rules: { leaseMs: around.leaseMs, onIsolation: 'pause' },
      about: () => ({ name, version: '1', formats: [1], digest: '' }),
      life: this.#life(),
      heir,
      observer: {
        entered: () => {},
        claimed: () => {},
        takenOver: () => {},
        configs: () => {},
        configsDiffer: () => {},
        appended: () => {},
        storeFailed: () => {},
        fault: (where, error) => this.faults.push(`${where}: ${String(error)}`),
      },
    });
    around.bus.nodes.add(this);
    void this.cluster.start();
  }

  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** A client comes, if it is let in. */
  admit(): void {
    if (this.isPaused || !this.cluster.check()) return;
    const { tag } = this.cluster;
    const id = `${tag}-${this.#born++}`;
    const opened = this.cluster.add({ kind: 'open', hub: 'h', id, userId: undefined, subprotocol: undefined });
    this.#open.set(
      id,
      opened.then(isStored => this.#post(tag, isStored, () => this.#connected(id, tag))),
    );
    if (this.#around.dice.isOneIn(3)) void this.#setState(id);
  }

  /** Its client leaves. The ids of its events are those of its own history. */
  leave(id: string): void {
    const { tag } = this.cluster;
    const before = this.#open.get(id);
    if (before === undefined) return;
    this.#open.delete(id);
    if (this.states.delete(id)) this.#around.bus.publish(this, 'noState', id);
    const eventId = this.#around.dice.between(2, 9);
    const ending = this.cluster.add({ kind: 'intent', id, eventId });
    void Promise.all([ending, before]).then(([isStored]) =>
      this.#post(tag, isStored, () => this.#disconnected(id, eventId)),
    );
  }

  heard(kind: 'state' | 'noState', id: string): void {
    if (kind === 'state') this.states.add(id);
    else this.states.delete(id);
  }

  missed(): void {
    this.isGapped = true;
  }

  /** Others are told of it once they could be told that it is gone. */
  async #setState(id: string): Promise<void> {
    this.states.add(id);
    const isStored = await this.cluster.add({ kind: 'state', id, group: 'g' });
    if (isStored && this.#open.has(id)) this.#around.bus.publish(this, 'state', id);
  }

  async #post(tag: string, isStored: boolean, send: () => void): Promise<void> {
    if (isStored && (await this.cluster.allows(tag))) send();
  }

  #connected(id: string, tag: string): void {
    if (this.process.isRunning) this.#around.upstream.connected(id, this.#around.store.sealed.has(tag));
  }

  #disconnected(id: string, eventId: number): void {
    if (!this.process.isRunning) return;
    this.#around.upstream.disconnected(id, eventId);
    this.process.after(this.#around.dice.between(0, 20), () => this.cluster.note({ kind: 'done', id }));
  }

  /** As the heir of a node that is gone. */
  #end({ id, states }: OpenConnection, eventId: number): Promise<void> {
    if (states !== undefined && states.size > 0) {
      this.states.delete(id);
      this.#around.bus.publish(this, 'noState', id);
    }
    this.#around.upstream.disconnected(id, eventId);
    return new Promise(resolve => void this.process.after(this.#around.dice.between(0, 20), resolve));
  }

  #life() {
    return {
      newTag: () => {
        const tag = `${this.name}${this.tags.length}`;
        this.tags.push(tag);
        return tag;
      },
      join: async () => {},
      resume: () => {
        this.isPaused = false;
      },
      pause: () => {
        this.isPaused = true;
      },
      isolate: () => {
        for (const id of this.open) this.leave(id);
      },
      fence: () => {
        this.isPaused = true;
        for (const id of this.#open.keys()) this.states.delete(id);
        this.#open.clear();
      },
      forget: (tag: string) => this.#around.upstream.forgotten(tag),
    };
  }
}
