import type { Deadline, EndpointFacts } from '../store.js';
import { BTree } from './b-tree.js';
import type { NatsMentions } from './nats-mentions.js';
import type { FactsOp, ScheduleOp } from './nats-records.js';

/** A deadline in the stream. */
export interface KeptDeadline extends Deadline {
  readonly ref: number;
  /** As of envelopes. */
  readonly rootSeq: number;
  /** The node that scheduled it. */
  readonly adder: string;
}

type ByDueTime = InstanceType<typeof BTree<readonly [atMs: number, ref: number], KeptDeadline>>;

/** Deadlines by their keys. */
export class NatsDeadlines {
  readonly #byKey = new Map<string, KeptDeadline>();
  readonly #byDueTime: ByDueTime = new BTree<readonly [number, number], KeptDeadline>(
    undefined,
    (a, b) => a[0] - b[0] || a[1] - b[1],
  );
  readonly #mentions: NatsMentions;

  constructor(mentions: NatsMentions) {
    this.#mentions = mentions;
  }

  get(key: string): KeptDeadline | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<KeptDeadline> {
    return this.#byKey.values();
  }

  /** In order of their due times. */
  inOrder(): Iterable<KeptDeadline> {
    return this.#byDueTime.values();
  }

  /** @param ref its number, if it is new */
  schedule({ key, dueAtMs, content, kept }: ScheduleOp, ref: number, node: string): boolean {
    const last = this.#byKey.get(key);
    if (kept !== undefined && !this.#isUnchanged(last, key, kept)) return false;
    this.remove(key);
    const { ref: number, adder, asOf: rootSeq } = kept ?? { ref, adder: node, asOf: this.#mentions.seq };
    const deadline = { key, dueAtMs, content: Buffer.from(content), ref: number, rootSeq, adder };
    this.#byKey.set(key, deadline);
    this.#byDueTime.set([dueAtMs, number], deadline);
    return true;
  }

  /** @returns what there was */
  remove(key: string): KeptDeadline | undefined {
    this.#mentions.note(mentionOf(key));
    const deadline = this.#byKey.get(key);
    if (deadline === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byDueTime.delete([deadline.dueAtMs, deadline.ref]);
    return deadline;
  }

  /** @returns the deadline, if it is there as it was and is removed now */
  complete(key: string, ref: number): KeptDeadline | undefined {
    if (this.#byKey.get(key)?.ref === ref) return this.remove(key);
    this.#mentions.note(mentionOf(key));
    return undefined;
  }

  #isUnchanged(last: KeptDeadline | undefined, key: string, kept: NonNullable<ScheduleOp['kept']>): boolean {
    return this.#mentions.isQuietSince(mentionOf(key), kept.asOf) && (last === undefined || last.ref === kept.ref);
  }
}

function mentionOf(key: string): string {
  return `deadline ${key}`;
}

interface KeptFacts {
  readonly facts: EndpointFacts;
  readonly rootSeq: number;
}

/** What is known of endpoints. */
export class NatsFacts {
  readonly #byEndpoint = new Map<string, KeptFacts>();
  readonly #mentions: NatsMentions;

  constructor(mentions: NatsMentions) {
    this.#mentions = mentions;
  }

  get(endpoint: string): EndpointFacts | undefined {
    return this.#byEndpoint.get(endpoint)?.facts;
  }

  all(): Iterable<readonly [endpoint: string, kept: KeptFacts]> {
    return this.#byEndpoint;
  }

  save({ endpoint, facts, asOf }: FactsOp): boolean {
    const mention = `facts ${endpoint}`;
    if (asOf !== undefined && !this.#mentions.isQuietSince(mention, asOf)) return false;
    this.#mentions.note(mention);
    if (facts === undefined) this.#byEndpoint.delete(endpoint);
    else this.#byEndpoint.set(endpoint, { facts, rootSeq: asOf ?? this.#mentions.seq });
    return true;
  }
}
