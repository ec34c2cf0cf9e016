import { type DeadLetter, limitOf, type Selection, selects } from '../envelope.js';
import { envelopeOfJson, type JsonEnvelope } from './json-envelope.js';
import type { RedisClient } from './redis-client.js';

const atOnce = 500;

interface Dead {
  readonly letter: DeadLetter;
  /** As it is in the list. */
  readonly raw: string;
}

/** The list `failed`. */
export class RedisDead {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** Newest first. */
  async list(selection: Selection): Promise<readonly DeadLetter[]> {
    const all = await this.#select(selection);
    return all.slice(0, limitOf(selection)).map(({ letter }) => letter);
  }

  /** Removes dead letters, oldest first. @param successor what is queued instead, as JSON; empty: nothing. @returns the ids */
  async take(selection: Selection, successor: (letter: DeadLetter) => string): Promise<readonly string[]> {
    const chosen = (await this.#select(selection)).reverse().slice(0, limitOf(selection));
    const ids: string[] = [];
    for (let from = 0; from < chosen.length; from += atOnce) {
      const slice = chosen.slice(from, from + atOnce);
      const args = slice.flatMap(({ letter, raw }) => [letter.endpoint, raw, successor(letter)]);
      const taken = (await this.#redis.run('takeDead', ...args)) as number[];
      ids.push(...slice.filter((_, index) => taken[index] === 1).map(({ letter }) => letter.id));
    }
    return ids;
  }

  /** Newest first, of all that is there. */
  async #select(selection: Selection): Promise<Dead[]> {
    const isSelected = selects(selection);
    const found: Dead[] = [];
    for (let from = 0; ; from += atOnce) {
      const raws = await this.#redis.list('failed', from, from + atOnce - 1);
      for (const raw of raws) {
        const letter = letterOf(raw);
        if (letter !== undefined && isSelected(letter)) found.push({ letter, raw });
      }
      if (raws.length < atOnce) return found;
    }
  }
}

/** Undefined for what is no dead letter: somebody else put it there. */
function letterOf(raw: string): DeadLetter | undefined {
  try {
    const json = JSON.parse(raw) as JsonEnvelope;
    const { diedAtMs = 0, reason = '', attempts = 0, history = [] } = json;
    return { ...envelopeOfJson(json), diedAtMs, reason, attempts, history };
  } catch {
    return undefined;
  }
}
