import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';

/** A peer made of bytes, and all that it was sent. Ends with the test. */
export class RawPeer {
  received = '';
  /** Settles when the connection is gone. */
  readonly gone: Promise<unknown>;
  readonly #socket;

  constructor(port: number, address = '127.0.0.1') {
    this.#socket = connect(port, address);
    this.#socket.setEncoding('latin1').on('data', text => {
      this.received += text;
    });
    this.#socket.on('error', () => {}); // `gone` tells
    this.gone = once(this.#socket, 'close').catch(() => {});
    onTestFinished(() => void this.#socket.destroy());
  }

  /** The status line and headers of the first answer. */
  async head(): Promise<string> {
    while (!this.received.includes('\r\n\r\n')) await this.more();
    return this.received.split('\r\n\r\n', 1)[0] ?? '';
  }

  /** Settles when more has come. @throws when the connection is gone instead */
  async more(): Promise<void> {
    const isGone = this.gone.then(() => true);
    if (await Promise.race([once(this.#socket, 'data').then(() => false), isGone])) {
      throw new Error(`the connection is gone after: ${this.received}`);
    }
  }

  write(bytes: string | Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Writes one of the bytes after the other until the connection is gone. */
  drip(byte: string, gapMs: number): void {
    const timer = setInterval(() => this.write(byte), gapMs);
    void this.gone.then(() => clearInterval(timer));
  }

  /** The statuses of the answers so far. */
  get statuses(): readonly number[] {
    return Array.from(this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));
  }
}

/** What came in answer to these bytes until the connection was gone. */
export async function exchange(url: string, bytes: string): Promise<string> {
  const peer = new RawPeer(Number(new URL(url).port));
  peer.write(bytes);
  await peer.gone;
  return peer.received;
}
