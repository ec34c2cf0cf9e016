import { appendFileSync } from 'node:fs';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** Records of ledgers, and what is removed from streams. */
const subjects = ['*.*.led.*', '$JS.API.STREAM.PURGE.>', '$JS.API.STREAM.MSG.DELETE.>'];

const againMs = 200;

/** What was said of connections and when, for who has to find out why a check failed: a file with one line of JSON for each. */
export class History {
  readonly #file: string;
  #connection: NatsConnection | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  note(line: Readonly<Record<string, unknown>>): void {
    appendFileSync(this.#file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  }

  /** Also what nodes write to ledgers, whether it is stored or not. While no server is there it misses some. */
  async listen(servers: readonly string[]): Promise<void> {
    const connection = await connect({
      servers: [...servers],
      maxReconnectAttempts: -1,
      reconnectTimeWait: againMs,
    });
    this.#connection = connection;
    for (const subject of subjects) {
      connection.subscribe(subject, {
        callback: (_error, message) => this.note({ subject: message.subject, record: message.string() }),
      });
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}
