import type { Dice } from '../dice.js';
import { pace } from './pace.js';
import { type SilentKind, SilentSocket, silentKinds } from './silent-socket.js';
import type { Actor, Stage } from './stage.js';

/** By then the service must have ended a silent connection. */
export const mostSilentMs = 60_000;

const retryGapMs = 500;

/** Holds one silent connection after another, of one kind after the other, until the service ends each of them. */
export class SilentClient implements Actor {
  readonly name: string;
  readonly #stage: Stage;
  #next: number;

  constructor(stage: Stage, index: number) {
    this.name = `silent client ${index}`;
    this.#stage = stage;
    this.#next = index;
  }

  async act(_dice: Dice): Promise<void> {
    const { ending, ledger } = this.#stage;
    const kind = silentKinds[this.#next % silentKinds.length] as SilentKind;
    this.#next += 1;
    const startMs = performance.now();
    const isEnded = await this.#hold(kind);
    ledger.silent.connections.push({ ...kind, lastedMs: performance.now() - startMs, isEnded });
    await pace(retryGapMs, ending);
  }

  /** False when this side ended it: it took too long, or the load is over. */
  async #hold({ form, listener }: SilentKind): Promise<boolean> {
    const { ending, hubwire } = this.#stage;
    const socket = new SilentSocket(listener === 'public' ? hubwire.publicUrl : hubwire.adminUrl, form);
    const stop = new AbortController();
    const isEnded = await Promise.race([
      socket.gone.then(() => true),
      pace(mostSilentMs, AbortSignal.any([ending, stop.signal])).then(() => false),
    ]);
    stop.abort();
    socket.destroy();
    await socket.gone;
    return isEnded;
  }
}
