import type { Channel } from '../../src/backplane/nats/outgoing.js';

/** A connection whose server confirms when a test says so. */
export class FakeChannel implements Channel {
  readonly maxPayload = 4 * 1024 * 1024;
  /** Subjects. */
  readonly sent: string[] = [];
  bytes = 0;
  /** Called with each. */
  onSent: (subject: string, bytes: number) => void = () => {};
  readonly #flushes: (() => void)[] = [];

  publish(subject: string, bytes: Uint8Array): void {
    this.sent.push(subject);
    this.bytes += bytes.length;
    this.onSent(subject, bytes.length);
  }

  flush(): Promise<void> {
    return new Promise(resolve => this.#flushes.push(resolve));
  }

  async confirm(): Promise<void> {
    for (const resolve of this.#flushes.splice(0)) resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
}
