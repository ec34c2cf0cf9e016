import type { Answers, Command, Query, QueryKind, Target } from '../../src/hub/commands.js';
import type { Backplane, BackplaneNode, Gathered, Publication } from '../../src/hub/ports.js';

/**
 * Joins nodes as a network does: what is sent to a node arrives only for targets that it listens to, listening takes time,
 * and a node can be silent or cut off. Commands and queries arrive within the call.
 */
export class NetworkBus {
  readonly #ends = new Set<NetworkEnd>();

  connect(): NetworkEnd {
    const end = new NetworkEnd(`end ${this.#ends.size + 1}`, this.#ends);
    this.#ends.add(end);
    return end;
  }
}

interface Interest {
  calls: number;
  /** Undefined once it is in force. */
  pending: Promise<void> | undefined;
}

export class NetworkEnd implements Backplane {
  readonly listensAtOnce = false;
  readonly tag: string;
  /** Answers no query. */
  isSilent = false;
  /** Reaches no other node: what it publishes is shed, and listening rejects. */
  isCutOff = false;
  /** Awaited by each `listen` that is not in force yet. */
  latency: () => Promise<void> = () => Promise.resolve();
  readonly #ends: Set<NetworkEnd>;
  readonly #interests = new Map<string, Interest>();
  #node: BackplaneNode | undefined;

  constructor(name: string, ends: Set<NetworkEnd>) {
    this.tag = name;
    this.#ends = ends;
  }

  /** Targets that it listens to. */
  get targets(): number {
    return this.#interests.size;
  }

  attach(node: BackplaneNode): void {
    this.#node = node;
  }

  publish(target: Target, command: Command): Publication {
    if (this.isCutOff) return 'shed';
    for (const end of this.#listeners(target)) end.#perform(target, command);
    return 'accepted';
  }

  async gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>> {
    const silent = [...this.#ends].filter(end => end !== this && (end.isSilent || this.isCutOff));
    const missing = silent.map(end => end.tag);
    const answers: Answers[K][] = [];
    await new Promise<void>(resolve => {
      const asked = this.#listeners(target).filter(end => !silent.includes(end));
      const each = asked.map(async end => {
        const answer = await end.#answer(target, query);
        if (answer === undefined) missing.push(end.tag);
        else answers.push(answer.given);
        if (answer !== undefined && isFinal(answer.given)) resolve();
      });
      void Promise.all(each).then(() => resolve());
    });
    return { answers: [...answers], missing: answers.some(isFinal) ? [] : [...missing] };
  }

  listen(target: Target): Promise<void> | undefined {
    const key = keyOf(target);
    const known = this.#interests.get(key);
    if (known !== undefined) {
      known.calls += 1;
      return known.pending;
    }
    const interest: Interest = { calls: 1, pending: undefined };
    this.#interests.set(key, interest);
    interest.pending = this.latency().then(() => {
      if (this.isCutOff) throw new Error('cut off');
      interest.pending = undefined;
    });
    return interest.pending;
  }

  unlisten(target: Target): void {
    const key = keyOf(target);
    const interest = this.#interests.get(key);
    if (interest === undefined) throw new Error(`does not listen to ${key}`);
    interest.calls -= 1;
    if (interest.calls === 0) this.#interests.delete(key);
  }

  async close(): Promise<void> {
    this.#ends.delete(this);
  }

  #listeners(target: Target): NetworkEnd[] {
    const key = keyOf(target);
    return [...this.#ends].filter(end => {
      const interest = end.#interests.get(key);
      return end !== this && interest !== undefined && interest.pending === undefined;
    });
  }

  #perform(target: Target, command: Command): void {
    try {
      this.#node?.performerOf(target.hub)?.perform(target, command);
    } catch (error) {
      this.#node?.failed(target, error);
    }
  }

  /** Undefined when it failed. */
  async #answer<K extends QueryKind>(target: Target, query: Query<K>): Promise<{ given: Answers[K] } | undefined> {
    try {
      const answer = this.#node?.performerOf(target.hub)?.answer(target, query);
      return answer === undefined ? undefined : { given: await answer };
    } catch (error) {
      this.#node?.failed(target, error);
      return undefined;
    }
  }
}

function keyOf(target: Target): string {
  return JSON.stringify(target);
}
