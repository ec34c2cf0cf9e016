import type { Answer, Backplane, Operation, Performer, Target } from '../hub/ports.js';

/** Joins the nodes of one process: a single one in production, several in tests. */
export class MemoryBus {
  readonly #nodes = new Set<MemoryBackplane>();

  /** A backplane for one more node. */
  connect(): Backplane {
    const node = new MemoryBackplane(this.#nodes);
    this.#nodes.add(node);
    return node;
  }
}

/** Calls the other nodes directly. All are called, whatever they listen to: a node without the target does nothing. */
class MemoryBackplane implements Backplane {
  readonly #nodes: Set<MemoryBackplane>;
  #performer: Performer | undefined;

  constructor(nodes: Set<MemoryBackplane>) {
    this.#nodes = nodes;
  }

  attach(performer: Performer): void {
    this.#performer = performer;
  }

  publish(target: Target, operation: Operation): void {
    for (const node of this.#nodes) {
      if (node !== this) void node.#performer?.perform(target, operation);
    }
  }

  async gather(target: Target, operation: Operation): Promise<readonly Answer[]> {
    const others = [...this.#nodes].filter(node => node !== this);
    const answers = await Promise.all(others.map(node => node.#performer?.perform(target, operation)));
    return answers.filter(answer => answer !== undefined);
  }

  listen(): undefined {
    return undefined; // every node is called anyway
  }

  unlisten(): void {
    // as for listen
  }

  async close(): Promise<void> {
    this.#nodes.delete(this);
  }
}
