import { createHash } from 'node:crypto';
import { NotKept, StoreOpenError } from '../outbox-error.js';
import { redisScripts } from './redis-scripts.js';

type Client = Awaited<ReturnType<typeof connect>>;
type ScriptName = keyof typeof redisScripts;

const connectTimeoutMs = 5_000;
/** A connection on which nothing comes back is given up. */
const pingMs = 5_000;
const silentMs = 15_000;
const longestReconnectMs = 2_000;

const digests = Object.fromEntries(
  Object.entries(redisScripts).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Record<ScriptName, string>;

/** Runs the scripts of the outbox on a redis server. While there is no connection, every call fails at once. */
export class RedisClient {
  readonly #client: Client;
  readonly #prefix: string;

  /** @throws StoreOpenError */
  static async open(url: string, prefix: string, onFault: (error: unknown) => void): Promise<RedisClient> {
    return new RedisClient(await connect(url, onFault), prefix);
  }

  private constructor(client: Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** @throws NotKept `unreachable`, or `full` if redis has no memory left */
  async run(name: ScriptName, ...args: readonly (string | number)[]): Promise<unknown> {
    const options = { keys: [], arguments: [this.#prefix, ...args.map(String)] };
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

async function connect(url: string, onFault: (error: unknown) => void) {
  const { createClient } = await import('@redis/client');
  const client = createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: pingMs,
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: silentMs,
      reconnectStrategy: retries => Math.min(50 * 2 ** retries, longestReconnectMs),
    },
  });
  let isOpen = false;
  return await new Promise<typeof client>((resolve, reject) => {
    const fail = (error: unknown) => {
      client.destroy();
      reject(unreachable(url, error));
    };
    client.on('error', (error: unknown) => (isOpen ? onFault(error) : fail(error)));
    client.connect().then(() => {
      isOpen = true;
      resolve(client);
    }, fail);
  });
}

function unreachable(url: string, error: unknown): StoreOpenError {
  const text = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  return new StoreOpenError(
    'unreachable',
    `The redis server of the outbox, ${withoutPassword(url)}, cannot be used (${text}). Start it, or correct its URL or password.`,
    { cause: error },
  );
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
