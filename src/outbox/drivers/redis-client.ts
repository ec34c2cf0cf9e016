import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { NotKept } from '../outbox-error.js';
import { connectRedis, type RedisCommands, type RedisPlace } from './redis-connection.js';
import { redisScripts } from './redis-scripts.js';

type ScriptName = keyof typeof redisScripts;

const digests = Object.fromEntries(
  Object.entries(redisScripts).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Record<ScriptName, string>;

/** Runs the scripts of the outbox on a redis server or in a cluster. */
export class RedisClient {
  readonly #client: RedisCommands;
  readonly #prefix: string;

  /** @throws StoreOpenError */
  static async open(
    place: RedisPlace,
    prefix: string,
    onFault: (error: unknown) => void,
    clock: Clock,
  ): Promise<RedisClient> {
    const own = place.nodes === undefined ? prefix : inOneSlot(prefix);
    return new RedisClient(await connectRedis(place, `${own}default`, onFault, clock), own);
  }

  private constructor(client: RedisCommands, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** @throws NotKept `unreachable`, or `full` if redis has no memory left */
  async run(name: ScriptName, ...args: readonly (string | number)[]): Promise<unknown> {
    // A cluster runs it on the node of this key, which has all others.
    const options = { keys: [`${this.#prefix}default`], arguments: [this.#prefix, ...args.map(String)] };
    return await this.#call(async () => {
      try {
        return await this.#client.evalSha(digests[name], options);
      } catch (error) {
        if (!String(error).includes('NOSCRIPT')) throw error;
        return await this.#client.eval(redisScripts[name], options);
      }
    });
  }

  push(list: string, values: readonly string[]): Promise<unknown> {
    return this.#call(() => this.#client.lPush(this.#prefix + list, [...values]));
  }

  list(list: string, from: number, to: number): Promise<string[]> {
    return this.#call(() => this.#client.lRange(this.#prefix + list, from, to));
  }

  field(hash: string, name: string): Promise<string | null> {
    return this.#call(() => this.#client.hGet(this.#prefix + hash, name));
  }

  async setField(hash: string, name: string, value: string | undefined): Promise<void> {
    const key = this.#prefix + hash;
    await this.#call(() => (value === undefined ? this.#client.hDel(key, name) : this.#client.hSet(key, name, value)));
  }

  close(): void {
    this.#client.destroy();
  }

  async #call<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const isFull = text.startsWith('OOM');
      throw new NotKept(isFull ? 'full' : 'unreachable', `redis did not keep it: ${text}`, { cause: error });
    }
  }
}

/**
 * What is between braces decides on the slot of a key, and a script may use one slot: a prefix without braces is put in
 * them as a whole.
 */
export function inOneSlot(prefix: string): string {
  return /^[^{]*\{[^}]+\}/.test(prefix) ? prefix : `{${prefix}}`;
}
