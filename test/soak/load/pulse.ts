import { within } from '../patience.js';
import { JsonClient, type JsonMessage } from './json-client.js';
import { pace } from './pace.js';
import type { Stage } from './stage.js';

const everyMs = 20;

/** A client that sends small messages to itself, by way of a group, and measures how long they take. */
export class Pulse {
  slowestMs = 0;
  readonly #client: JsonClient;
  readonly #group: string;
  #tellReceived = () => {};
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  static async start(stage: Stage, hub: string, group: string): Promise<Pulse> {
    let pulse: Pulse | undefined;
    const claims = { groups: [group], roles: ['webpubsub.sendToGroup'] };
    const options = { hub, protocol: 'json.webpubsub.azure.v1', claims };
    const client = await JsonClient.dial(stage, options, message => pulse?.receive(message));
    if (client === undefined) throw new Error(`a client of hub ${hub} was not let in`);
    pulse = new Pulse(client, group);
    pulse.#running = pulse.#run().catch(stage.ledger.complain);
    return pulse;
  }

  private constructor(client: JsonClient, group: string) {
    this.#client = client;
    this.#group = group;
  }

  receive({ type }: JsonMessage): void {
    if (type === 'message') this.#tellReceived();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await this.#client.end('close');
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const received = new Promise<void>(resolve => {
        this.#tellReceived = resolve;
      });
      const sentMs = performance.now();
      this.#client.tell({ type: 'sendToGroup', group: this.#group, dataType: 'text', data: 'pulse' });
      await within(received, 'a message to itself');
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentMs);
      await pace(everyMs);
    }
  }
}
