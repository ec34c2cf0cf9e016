import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Link } from './link.js';
import { ensureBucket, openBucket, type Storing } from './streams.js';

/** A bucket on whatever connection a link has at the moment. */
export class SharedBucket {
  readonly #link: Link;
  readonly #name: string;
  readonly #storing: Storing;
  readonly #isOpen: Promise<void>;
  #setOpen = () => {};
  #opened: { readonly connection: NatsConnection; readonly values: Promise<KV> } | undefined;

  constructor(link: Link, name: string, storing: Storing) {
    this.#link = link;
    this.#name = name;
    this.#storing = storing;
    this.#isOpen = new Promise(resolve => {
      this.#setOpen = resolve;
    });
  }

  /** Creates it if it is missing. The link is connected, and JetStream answers. @throws as a rejection: NatsSetupError */
  async open(): Promise<void> {
    const { connection } = this.#link;
    if (connection !== undefined) await ensureBucket(connection, this.#name, { history: 1 }, this.#storing);
    this.#setOpen();
  }

  /** Ends the wait of those that came before it was open. */
  close(): void {
    this.#setOpen();
  }

  /** Waits until it is open, the first time; undefined while NATS is away later. */
  async values(): Promise<KV | undefined> {
    await this.#isOpen;
    const { connection } = this.#link;
    if (connection === undefined) return undefined;
    if (this.#opened?.connection !== connection) {
      this.#opened = { connection, values: openBucket(connection, this.#name) };
    }
    return this.#opened.values;
  }
}
