import { within } from '../patience.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import { type SilentForm, SilentSocket } from './silent-socket.js';
import type { Stage } from './stage.js';

/** Silent connections at once: more than the descriptors of the service. */
const count = 1_100;

/** Opened at a time, and how far apart: some hundred milliseconds pass before a newer connection is the oldest. */
const burst = { sockets: 10, gapMs: 20 };

const forms: readonly SilentForm[] = ['halfBody', 'nothing', 'halfBody', 'halfHead'];
const bodyBytes = 100_000;

/** Clients that connect meanwhile, one after the other. */
const probes = { count: 20, gapMs: 200 };

/** After which a client that is not let in is given up. */
const patienceMs = 10_000;

/** Silent connections in such numbers that a service which kept them all would have no descriptor left. */
export class Flood {
  readonly #stage: Stage;
  readonly #sockets: SilentSocket[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Opens them, and lets clients connect. The ledger has what became of those. */
  async run(): Promise<void> {
    const { hubwire, ledger } = this.#stage;
    const probing = this.#probe();
    for (let opened = 0; opened < count; opened += 1) {
      this.#sockets.push(new SilentSocket(hubwire.publicUrl, forms[opened % forms.length] as SilentForm, bodyBytes));
      if (opened % burst.sockets === 0) await pace(burst.gapMs);
    }
    ledger.silent.flood.opened = count;
    await probing;
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#sockets.map(({ gone }) => gone));
  }

  async #probe(): Promise<void> {
    const { flood } = this.#stage.ledger.silent;
    for (let left = probes.count; left > 0; left -= 1) {
      const startMs = performance.now();
      await this.#connect().catch((error: unknown) => flood.refused.push((error as Error).message));
      flood.slowestMs = Math.max(flood.slowestMs, performance.now() - startMs);
      await pace(probes.gapMs);
    }
  }

  async #connect(): Promise<void> {
    const dial = JsonClient.dial(this.#stage, { hub: 'idle', protocol: 'json.webpubsub.azure.v1' });
    const client = await within(dial, 'a client is let in', patienceMs);
    if (client === undefined) throw new Error('a client was refused');
    await client.end('close');
  }
}
