import { type Clock, wait } from '../clock.js';
import { type ChainedLedgers, LedgerLost } from './chain.js';
import type { Entry, OpenConnection } from './entries.js';
import { confirmMsOf } from './lease.js';
import type { ClusterObserver } from './observer.js';
import { encodeRecord, LedgerReader } from './records.js';
import type { ClusterStore, LeaseValue } from './store.js';
import { beginTakeover, stepTakeover, type TakeoverInput, type TakeoverOrder, type TakeoverState } from './takeover.js';

/** Speaks for the nodes that are gone. [cluster 6.3] */
export interface Heir {
  /**
   * Ends a connection that this node never had: its group states are cleared, its members removed, and its `left` and
   * `disconnected` posted with this `ce-id`. Ends when all of it is over. Never rejects.
   * @param tag of its node
   */
  end(connection: OpenConnection, eventId: number, tag: string): Promise<void>;
  /** Takes the tag out of what nodes share. Ends when that is done. @throws as a rejection: it is tried again */
  inherit(tag: string): Promise<void>;
}

export interface TakeoverParts {
  readonly store: ClusterStore;
  readonly ledgers: ChainedLedgers;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly heir: Heir;
  readonly observer: ClusterObserver;
  /** Somebody speaks for the node: nothing of it is to be carried out any more. @param isOwn this node does */
  onClaimed?(tag: string, isOwn: boolean): void;
}

/** A lease that may be claimed. */
export interface Claimable {
  readonly tag: string;
  readonly revision: number;
  readonly value: LeaseValue;
}

/** The `ce-id` of a `disconnected` where the dead node has not named one: no connection counts so far. [cluster 6.3] */
const lastEventId = 2_147_483_647;

/** Carries out one takeover, from the claim of a lease to its deletion. */
export class TakeoverRun {
  readonly #parts: TakeoverParts;
  readonly #of: Claimable;
  /** Of this node. */
  readonly #tag: string;
  #state: TakeoverState;
  #connections: ReadonlyMap<string, OpenConnection> = new Map();
  #told = 0;
  #isStopped = false;

  /** @param made number of the last record that this node has made in this ledger, or a higher one */
  constructor(parts: TakeoverParts, of: Claimable, tag: string, made: number) {
    this.#parts = parts;
    this.#of = of;
    this.#tag = tag;
    const confirmMs = parts.store.isShared ? confirmMsOf(parts.leaseMs) : undefined;
    this.#state = beginTakeover(of.revision, made, confirmMs).state;
  }

  /** Settles once it is over. Never rejects. */
  async run(): Promise<void> {
    let order: TakeoverOrder | undefined = { kind: 'readKey' };
    while (order !== undefined && !this.#isStopped) {
      const input: TakeoverInput = await this.#carryOut(order);
      const step = stepTakeover(this.#state, input, this.#tag);
      if (step.state.phase === 'sealing' && this.#state.phase !== 'sealing') this.#claimed();
      this.#state = step.state;
      order = step.orders[0];
    }
    this.#tell();
  }

  /** Before anything is told in its place. The answer to the claim itself may have been lost. */
  #claimed(): void {
    this.#parts.observer.claimed(this.#of.tag, this.#of.value.name);
    this.#parts.onClaimed?.(this.#of.tag, true);
  }

  /** This node is fenced: others speak for those that it speaks for. What is under way goes on, and nothing follows. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A lease that another node has claimed first is no news. */
  #tell(): void {
    const { phase, after } = this.#state;
    if (this.#isStopped || (phase === 'lost' && after === 0)) return;
    this.#parts.observer.takenOver(this.#of.tag, this.#of.value.name, phase === 'done' ? 'done' : 'lost', this.#told);
  }

  async #carryOut(order: TakeoverOrder): Promise<TakeoverInput> {
    try {
      return await this.#attempt(order);
    } catch {
      return { kind: 'failed' }; // the store does not answer: it is tried again
    }
  }

  async #attempt(order: TakeoverOrder): Promise<TakeoverInput> {
    const { store, ledgers } = this.#parts;
    const { tag, value } = this.#of;
    switch (order.kind) {
      case 'readKey': {
        const found = await store.readLease(tag);
        return { kind: 'key', row: found && { revision: found.revision, claimedBy: found.value.by } };
      }
      case 'claim':
        return store.writeLease(tag, { ...value, state: 'claimed', by: this.#tag }, order.revision);
      case 'look':
        return this.#look();
      case 'append':
        return ledgers.append(tag, this.#recordOf(order), order.after);
      case 'read':
        return this.#read(order.upTo);
      case 'tell':
        return this.#end(order.ids);
      case 'purge':
        await this.#inherit();
        await ledgers.purge(tag, order.before);
        return { kind: 'purged' };
      case 'delete': {
        const { kind } = await store.deleteLease(tag, order.revision);
        return kind === 'stored' ? { kind: 'deleted' } : { kind };
      }
      case 'wait':
        await wait(order.ms, this.#parts.clock);
        return { kind: 'waited' };
    }
  }

  async #inherit(): Promise<void> {
    const { heir, observer } = this.#parts;
    try {
      await heir.inherit(this.#of.tag);
    } catch (error) {
      observer.fault(`takeover of node ${this.#of.value.name}`, error);
      throw error;
    }
  }

  async #look(): Promise<TakeoverInput> {
    const { after } = this.#state;
    try {
      const last = await this.#parts.ledgers.last(this.#of.tag, after === 0 ? undefined : after);
      const number = last?.record.by === this.#tag ? last.record.n : undefined;
      return { kind: 'last', sequence: last?.sequence ?? after, number };
    } catch (error) {
      if (error instanceof LedgerLost) return { kind: 'last', sequence: 0, number: undefined };
      throw error;
    }
  }

  #recordOf({ what, ids, number: n, after: a }: Extract<TakeoverOrder, { kind: 'append' }>): Buffer {
    const entryOf = (id: string): Entry =>
      what === 'dones' ? { kind: 'done', id } : { kind: 'intent', id, eventId: this.#eventIdOf(id) };
    const texts = ids.map(id => JSON.stringify(entryOf(id)));
    return encodeRecord({ by: this.#tag, n, a, ...(what === 'seal' ? { seal: true } : {}) }, texts);
  }

  #eventIdOf(id: string): number {
    return this.#connections.get(id)?.eventId ?? lastEventId;
  }

  async #read(upTo: number): Promise<TakeoverInput> {
    const reader = new LedgerReader();
    await this.#parts.ledgers.read(this.#of.tag, upTo, record => reader.read(record));
    this.#connections = reader.connections;
    return { kind: 'read', ids: [...reader.connections.keys()] };
  }

  async #end(ids: readonly string[]): Promise<TakeoverInput> {
    const { heir } = this.#parts;
    await Promise.all(ids.map(id => heir.end(this.#connections.get(id)!, this.#eventIdOf(id), this.#of.tag)));
    this.#told += ids.length;
    return { kind: 'told' };
  }
}
