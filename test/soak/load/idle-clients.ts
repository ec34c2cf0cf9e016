import { JsonClient } from './json-client.js';
import type { Stage } from './stage.js';

const count = 10;

/** Clients that send nothing by themselves but answer pings: their connections must last as long as the load. */
export class IdleClients {
  readonly #clients: readonly JsonClient[];
  #isOver = false;

  static async start(stage: Stage): Promise<IdleClients> {
    const dial = () => JsonClient.dial(stage, { hub: 'idle', protocol: 'json.webpubsub.azure.v1' });
    const clients = await Promise.all(Array.from({ length: count }, dial));
    return new IdleClients(
      stage,
      clients.filter(client => client !== undefined),
    );
  }

  private constructor({ ledger }: Stage, clients: readonly JsonClient[]) {
    this.#clients = clients;
    ledger.clock.idleClients = clients.length;
    for (const client of clients) {
      void client.closed.then(code => {
        if (!this.#isOver) ledger.clock.idleClosed.push(`code ${code}`);
      });
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients.map(client => client.end('close')));
  }
}
