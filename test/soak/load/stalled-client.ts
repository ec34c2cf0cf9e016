import { within } from '../patience.js';
import { JsonClient, type JsonMessage } from './json-client.js';
import type { StalledRecord } from './ledger.js';
import { recoveryQuery } from './reliable-session.js';
import { Sequence } from './sequence.js';
import type { Stage } from './stage.js';

const protocols = { plain: 'json.webpubsub.azure.v1', reliable: 'json.reliable.webpubsub.azure.v1' } as const;

/** A member of a group that stops reading its socket while numbered messages are sent to the group. */
export class StalledClient {
  readonly isReliable: boolean;
  readonly #stage: Stage;
  readonly #hub: string;
  readonly #sequence = new Sequence();
  #client!: JsonClient;
  #onMessage = () => {};

  /** From its first message on it does not read. */
  static async dial(stage: Stage, hub: string, group: string, isReliable: boolean): Promise<StalledClient> {
    const stalled = new StalledClient(stage, hub, isReliable);
    await stalled.#dial({ claims: { groups: [group] } });
    stalled.#client.pause();
    return stalled;
  }

  private constructor(stage: Stage, hub: string, isReliable: boolean) {
    this.#stage = stage;
    this.#hub = hub;
    this.isReliable = isReliable;
  }

  /** The service has closed the connection: reads what is left of it. */
  async readToEnd(): Promise<void> {
    this.#client.resume();
    await within(this.#client.closed, 'the end of a stalled client');
  }

  /** Reads on, up to this number. False when the service closes the connection first. */
  async readUpTo(number: number): Promise<boolean> {
    this.#client.resume();
    const whole = new Promise<boolean>(resolve => {
      this.#onMessage = () => this.#sequence.lastNumber >= number && resolve(true);
      this.#onMessage();
    });
    const closed = this.#client.closed.then(() => false);
    return within(Promise.race([whole, closed]), `message ${number} to a client that was stalled`);
  }

  /** Its socket is reset, with all that it has not read. */
  reset(): Promise<void> {
    return this.#client.end('reset');
  }

  /** Takes its session up again, on a socket that it reads. */
  async recover(): Promise<void> {
    this.#sequence.newSocket();
    await this.#dial({ query: recoveryQuery(this.#client) });
    this.#stage.ledger.stalled.recoveries += 1;
  }

  leave(): Promise<void> {
    return this.#client.end('close');
  }

  /** @param number up to which it must have read; undefined: it was closed before the end */
  record<Ending extends string>(ending: Ending, number: number | undefined): StalledRecord<Ending> {
    const { heard, lastNumber, wrong } = this.#sequence;
    this.#sequence.begunAt(0);
    const missing = number !== undefined && lastNumber < number ? [`read ${lastNumber} of ${number} messages`] : [];
    return { ending, isReliable: this.isReliable, heard, wrong: [...wrong, ...missing] };
  }

  async #dial(who: { claims: { groups: string[] } } | { query: string }): Promise<void> {
    const protocol = this.isReliable ? protocols.reliable : protocols.plain;
    const options = { hub: this.#hub, protocol, ...who };
    const client = await JsonClient.dial(this.#stage, options, message => this.#receive(message));
    if (client === undefined) throw new Error('a client of hub stalled was not let in');
    this.#client = client;
  }

  #receive({ type, data, sequenceId }: JsonMessage): void {
    if (type !== 'message') return;
    const number = Number.parseInt(String(data), 10);
    this.#sequence.hear(this.isReliable ? (sequenceId ?? 0) : number, number);
    this.#onMessage();
  }
}
