import { type DeadLetter, limitOf, type Selection, selects } from '../envelope.js';
import type { NatsBodies, Whole } from './nats-bodies.js';
import type { Entry } from './nats-entries.js';
import type { NatsQueue } from './nats-queue.js';
import { mostInRecord, type Op } from './nats-records.js';

/** Dead letters in the stream. */
export class NatsDead {
  readonly #queue: NatsQueue;
  readonly #bodies: NatsBodies;
  readonly #limitMs: number;

  constructor(queue: NatsQueue, bodies: NatsBodies, limitMs: number) {
    this.#queue = queue;
    this.#bodies = bodies;
    this.#limitMs = limitMs;
  }

  /** Newest first. */
  async list(selection: Selection): Promise<readonly DeadLetter[]> {
    const entries = this.#select(selection).reverse().slice(0, limitOf(selection));
    const wholes = await this.#bodies.of(entries);
    return entries.flatMap(entry => {
      const whole = wholes.get(entry.ref);
      return whole === undefined ? [] : [letterOf(entry, whole)];
    });
  }

  /** Oldest first. @param opOf what is written about some of them @returns the ids of those for which it was not void */
  async change(selection: Selection, opOf: (refs: readonly number[]) => Op): Promise<readonly string[]> {
    const entries = this.#select(selection).slice(0, limitOf(selection));
    const ids = new Map(entries.map(({ ref, id = '' }) => [ref, id]));
    const changed: string[] = [];
    for (let from = 0; from < entries.length; from += mostInRecord) {
      const refs = entries.slice(from, from + mostInRecord).map(({ ref }) => ref);
      const [outcome] = await this.#queue.write([opOf(refs)], this.#limitMs).applied;
      for (const ref of outcome as readonly number[]) changed.push(ids.get(ref) ?? '');
    }
    return changed;
  }

  /** Oldest first. */
  #select(selection: Selection): Entry[] {
    const isSelected = selects(selection);
    return [...this.#queue.replica.dead.values()].filter(({ id = '', atMs, lane }) =>
      isSelected({ id, endpoint: lane.endpoint, diedAtMs: atMs }),
    );
  }
}

function letterOf({ atMs, lane, key }: Entry, whole: Whole): DeadLetter {
  const { id, createdAtMs, content } = whole;
  const { reason = '', attempts = 0, history = [] } = whole.do === 'add' ? {} : whole;
  const { endpoint } = lane;
  return {
    id,
    endpoint,
    createdAtMs,
    content,
    ...(key === undefined ? {} : { key }),
    diedAtMs: atMs,
    reason,
    attempts,
    history,
  };
}
