import type { Answers, Command, Query, QueryKind, Target } from '../hub/commands.js';
import type { Backplane, BackplaneNode, Gathered } from '../hub/ports.js';

/** Joins the nodes of one process: a single one in production, several in tests. */
export class MemoryBus {
  readonly #nodes = new Set<MemoryBackplane>();
  #connected = 0;

  /** A backplane for one more node. */
  connect(): Backplane {
    this.#connected += 1;
    const node = new MemoryBackplane(`node ${this.#connected}`, this.#nodes);
    this.#nodes.add(node);
    return node;
  }
}

/** Calls the other nodes directly. All are called, whatever they listen to: a node without the target does nothing. */
class MemoryBackplane implements Backplane {
  readonly listensAtOnce = true;
  readonly tag: string;
  readonly #nodes: Set<MemoryBackplane>;
  #node: BackplaneNode | undefined;

  constructor(name: string, nodes: Set<MemoryBackplane>) {
    this.tag = name;
    this.#nodes = nodes;
  }

  attach(node: BackplaneNode): void {
    this.#node = node;
  }

  publish(target: Target, command: Command): 'accepted' {
    for (const node of this.#nodes) if (node !== this) node.#perform(target, command);
    return 'accepted';
  }

  /** The other nodes begin within the call. */
  gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>> {
    const gathering = new Gathering(isFinal);
    for (const node of this.#nodes) {
      if (node !== this && !gathering.isOver) node.#answer(target, query, gathering);
    }
    return gathering.result();
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

  #answer<K extends QueryKind>(target: Target, query: Query<K>, gathering: Gathering<Answers[K]>): void {
    const fail = (error: unknown) => {
      gathering.missing.push(this.tag);
      this.#node?.failed(target, error);
    };
    try {
      const answer = this.#node?.performerOf(target.hub)?.answer(target, query);
      if (answer instanceof Promise) gathering.waitFor(answer.then(gathering.take, fail));
      else if (answer !== undefined) gathering.take(answer);
    } catch (error) {
      fail(error);
    }
  }

  #perform(target: Target, command: Command): void {
    try {
      this.#node?.performerOf(target.hub)?.perform(target, command);
    } catch (error) {
      this.#node?.failed(target, error);
    }
  }
}

/** The answers to one query, until all have come or one is final. */
class Gathering<Answer> {
  readonly missing: string[] = [];
  readonly #isFinal: (answer: Answer) => boolean;
  readonly #answers: Answer[] = [];
  readonly #unfinished: Promise<void>[] = [];
  #isOver = false;
  #end = () => {};

  constructor(isFinal: (answer: Answer) => boolean) {
    this.#isFinal = isFinal;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  readonly take = (answer: Answer): void => {
    this.#answers.push(answer);
    if (!this.#isFinal(answer)) return;
    this.#isOver = true;
    this.#end();
  };

  waitFor(unfinished: Promise<void>): void {
    this.#unfinished.push(unfinished);
  }

  async result(): Promise<Gathered<Answer>> {
    if (!this.#isOver && this.#unfinished.length > 0) {
      await Promise.race([Promise.all(this.#unfinished), new Promise<void>(resolve => (this.#end = resolve))]);
    }
    return { answers: [...this.#answers], missing: this.#isOver ? [] : this.missing };
  }
}
