import { within } from '../patience.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import type { Stage } from './stage.js';

/** Messages of a client without an ack yet. */
const mostUnanswered = 5;

/** A group of hub `steady` in which one publisher sends the numbers from 1 on, in order. */
export class Feed {
  readonly group: string;
  /** The last number that was sent; it may still be on its way. */
  published = 0;
  readonly #send: (text: string) => Promise<unknown>;
  readonly #end: () => Promise<void>;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  /** Of an app server. */
  static byRest({ rest }: Stage, index: number): Feed {
    const group = `feed-${index}`;
    const path = `/steady/groups/${group}/:send`;
    return new Feed(group, text => rest.call({ operation: 'feed', method: 'POST', path, text, expected: [202] }));
  }

  /** Of a client, which does not wait for one ack before the next message. */
  static async byClient(stage: Stage, index: number): Promise<Feed> {
    const group = `feed-${index}`;
    const options = {
      hub: 'steady',
      protocol: 'json.webpubsub.azure.v1',
      claims: { roles: ['webpubsub.sendToGroup'] },
    };
    let client: JsonClient | undefined;
    while (client === undefined) client = await JsonClient.dial(stage, options); // its app server may turn it away
    const publisher = client;
    const acks: Promise<unknown>[] = [];
    const send = async (text: string): Promise<void> => {
      const ack = publisher.ask({ type: 'sendToGroup', group, dataType: 'text', data: text });
      acks.push(ack.then(outcome => outcome !== 'success' && Promise.reject(new Error(`${text} was ${outcome}`))));
      if (acks.length > mostUnanswered) await acks.shift();
    };
    return new Feed(group, send, async () => {
      await Promise.all(acks);
      await publisher.end('close');
    });
  }

  private constructor(group: string, send: (text: string) => Promise<unknown>, end = () => Promise.resolve()) {
    this.group = group;
    this.#send = send;
    this.#end = end;
  }

  start({ ledger }: Stage): void {
    this.#running = this.#run().catch(ledger.complain);
  }

  /** Settles once the last number has been sent, and its publisher has left. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await within(this.#running, `the end of ${this.group}`);
    await within(this.#end(), `the last acks of ${this.group}`);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.published += 1;
      await this.#send(`${this.published}`);
      await pace(40);
    }
  }
}
