import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** A raw socket whose kernel takes what is written at once, or holds it until the test lets it go. */
export class FakeSocket extends Duplex {
  /** What each write handed over: one Buffer, or several that were corked together. */
  readonly writes: Buffer[][] = [];
  isKernelFull = false;
  /** Bytes ever received, as a real socket counts them. */
  bytesRead = 0;
  #taken: ((error?: Error) => void)[] = [];

  constructor(highWaterMark = 64 * 1024) {
    super({ highWaterMark });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#hand([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.#hand(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** The kernel has room again. */
  drain(): void {
    this.isKernelFull = false;
    this.takeOnce();
  }

  /** The kernel takes what it was given, and is full again at once. */
  takeOnce(): void {
    for (const done of this.#taken.splice(0)) done();
  }

  /** All that was written so far. */
  get written(): Buffer {
    return Buffer.concat(this.writes.flat());
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  #hand(buffers: Buffer[], done: (error?: Error) => void): void {
    this.writes.push(buffers);
    if (this.isKernelFull) this.#taken.push(done);
    else done();
  }
}

/** The part of a ws socket that ours uses; keeps what it is asked to do. */
export class FakeWebSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  isPaused = false;
  readonly asked: string[] = [];

  ping(): void {
    this.asked.push('ping');
  }

  pause(): void {
    if (!this.isPaused) this.asked.push('pause');
    this.isPaused = true;
  }

  resume(): void {
    if (this.isPaused) this.asked.push('resume');
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.readyState = 2;
    this.asked.push(`close ${code} ${reason}`);
  }

  terminate(): void {
    this.readyState = 3;
    this.asked.push('terminate');
  }

  get asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }
}
