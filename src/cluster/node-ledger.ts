import type { Ledger, LedgerChange, LedgerConnection, LedgerLine } from '../hub/ports.js';
import type { ClusterNode } from './cluster-node.js';
import type { Entry } from './entries.js';

/** The ledger of this node, as hubs and upstreams use it. [cluster 6.1] */
export class NodeLedger implements Ledger {
  readonly #node: ClusterNode;

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  get isFull(): boolean {
    return this.#node.isFull;
  }

  check(): void {
    this.#node.check();
  }

  line(hub: string, connectionId: string): LedgerLine {
    return new NodeLedgerLine(this.#node, this.#node.tag, hub, connectionId);
  }
}

/** Of the node as it was when the line began: once others speak for that, nothing is kept and nothing posted. */
class NodeLedgerLine implements LedgerLine {
  readonly #node: ClusterNode;
  readonly #tag: string;
  readonly #hub: string;
  readonly #id: string;

  constructor(node: ClusterNode, tag: string, hub: string, id: string) {
    this.#node = node;
    this.#tag = tag;
    this.#hub = hub;
    this.#id = id;
  }

  opened({ userId, subprotocol }: LedgerConnection, isTold: boolean): Promise<boolean> | undefined {
    const entry: Entry = { kind: 'open', hub: this.#hub, id: this.#id, userId, subprotocol };
    return isTold ? this.#add(entry) : this.#note(entry);
  }

  changed(change: LedgerChange): Promise<boolean> {
    return this.#add({ ...change, id: this.#id } as Entry);
  }

  ending(eventId: number): Promise<boolean> {
    return this.#add({ kind: 'intent', id: this.#id, eventId });
  }

  ended(wasTold: boolean): void {
    const entry: Entry = { kind: 'done', id: this.#id };
    if (wasTold) void this.#add(entry);
    else this.#note(entry);
  }

  allows(): boolean | Promise<boolean> {
    return this.#node.allows(this.#tag);
  }

  get #isCurrent(): boolean {
    return this.#tag === this.#node.tag;
  }

  #add(entry: Entry): Promise<boolean> {
    return this.#isCurrent ? this.#node.add(entry) : Promise.resolve(false);
  }

  #note(entry: Entry): undefined {
    if (this.#isCurrent) this.#node.note(entry);
  }
}
