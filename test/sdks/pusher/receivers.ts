import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';

/** Longest that anything is waited for, in milliseconds: also webhooks, which are held back for a while. */
const patienceMs = 8_000;

export interface PusherFrame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
}

/** Values in the order they came; one that is looked for may be there already. */
export class Shelf<T> {
  readonly #values: T[] = [];
  #wake: () => void = () => undefined;
  #changed = this.#nextChange();

  put(value: T): void {
    this.#values.push(value);
    this.#wake();
    this.#changed = this.#nextChange();
  }

  /** Takes the first one that fits out, now or later; undefined when none comes. */
  async take(fits: (value: T) => boolean): Promise<T | undefined> {
    const late = delay(patienceMs, 'late' as const, { ref: false });
    for (;;) {
      const index = this.#values.findIndex(fits);
      if (index >= 0) return this.#values.splice(index, 1)[0];
      if ((await Promise.race([this.#changed, late])) === 'late') return undefined;
    }
  }

  #nextChange(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve;
    });
  }
}

/** A client of the Pusher protocol without a library, for suites in languages whose library has none. */
export class Receiver {
  readonly #socket: WebSocket;
  readonly #frames = new Shelf<PusherFrame>();
  readonly #closes = new Shelf<{ code: number; reason: string }>();

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', text => this.#frames.put(JSON.parse(String(text)) as PusherFrame));
    this.#socket.on('close', (code, reason) => this.#closes.put({ code, reason: String(reason) }));
    this.#socket.on('error', () => undefined); // `close` follows
  }

  /** The id of the connection; undefined when the service did not greet. */
  async socketId(): Promise<string | undefined> {
    const greeting = await this.next('pusher:connection_established');
    return greeting && (JSON.parse(String(greeting.data)) as { socket_id: string }).socket_id;
  }

  send(frame: string): void {
    this.#socket.send(frame);
  }

  next(event: string): Promise<PusherFrame | undefined> {
    return this.#frames.take(frame => frame.event === event);
  }

  closed(): Promise<{ code: number; reason: string } | undefined> {
    return this.#closes.take(() => true);
  }

  end(): void {
    this.#socket.terminate();
  }
}
