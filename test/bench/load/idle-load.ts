import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Load, Work } from './slice.js';

/** How a client comes and what it then does, as plain data: it lives in another process. */
export interface IdleClient {
  /** With its query. */
  readonly url: string;
  readonly subprotocol?: string;
  /** Does the server speak first? */
  readonly isGreeted: boolean;
  /** What the client says then, which is answered; undefined: nothing. */
  readonly hello?: string;
  /** Undefined: the server sends WebSocket's own pings. */
  readonly keepAlive?: KeepAlive;
}

/** Pings that are messages, each answered by the other side. */
export type KeepAlive =
  | { readonly from: 'server'; readonly ping: string; readonly pong: string }
  | { readonly from: 'client'; readonly ping: string; readonly pong: string; readonly intervalMs: number };

/** Clients that say nothing but pong, in a process of their own. What is counted is pings. */
export class IdleLoad implements Load {
  readonly #holder: ChildProcess;
  readonly #ended: Promise<never>;

  /** Resolves once all are connected. */
  static async connect(client: IdleClient, count: number): Promise<IdleLoad> {
    const file = fileURLToPath(new URL('holder.ts', import.meta.url));
    const holder = fork(file, [JSON.stringify(client), String(count)], { execArgv: ['--import', 'tsx'] });
    const load = new IdleLoad(holder);
    await Promise.race([once(holder, 'message'), load.#ended]);
    return load;
  }

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.#ended = once(holder, 'exit').then(([code]) => Promise.reject(new Error(`the idle clients ended: ${code}`)));
    this.#ended.catch(() => {}); // told to whoever waits
    process.once('exit', this.#kill);
  }

  /** The one load that waits: that nothing happens is what is measured. */
  async run(durationMs: number): Promise<Work> {
    const before = await this.#pings();
    await Promise.race([new Promise(resolve => setTimeout(resolve, durationMs)), this.#ended]);
    return { done: (await this.#pings()) - before, latenciesMs: [] };
  }

  async close(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#holder.exitCode !== null) return;
    const exit = once(this.#holder, 'exit');
    this.#holder.disconnect();
    await exit;
  }

  readonly #kill = (): void => void this.#holder.kill('SIGKILL');

  async #pings(): Promise<number> {
    const answer = once(this.#holder, 'message');
    this.#holder.send('pings?');
    const [pings] = (await Promise.race([answer, this.#ended])) as [number];
    return pings;
  }
}
