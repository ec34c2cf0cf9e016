import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { jsonProtocol } from './test-client.js';

/** How long one waits that was refused, in milliseconds. */
const waitMs = 50;

/** A plain client that comes back when it is closed: to the next of the nodes, as behind a load balancer. */
export class ReturningClient {
  /** Close codes that it got, in order. */
  readonly closes: number[] = [];
  /** Its connections so far. */
  readonly connectionIds: string[] = [];
  /** Told the texts that it gets, and by which of its connections. */
  readonly #onText: (text: string, connectionId: string) => void;
  readonly #urls: readonly string[];
  #turn: number;
  #isDone = false;
  #ws: WebSocket | undefined;
  #watchers: (() => void)[] = [];

  /** @param urls client access URLs, one for each node @param turn of the node that it begins with */
  constructor(urls: readonly string[], turn: number, onText: (text: string, connectionId: string) => void) {
    this.#urls = urls;
    this.#turn = turn;
    this.#onText = onText;
    void this.#run();
  }

  get isConnected(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN && this.connectionIds.length > this.closes.length;
  }

  /** Settles once it is connected. */
  async connected(): Promise<void> {
    while (!this.isConnected) await new Promise<void>(resolve => void this.#watchers.push(resolve));
  }

  /** Ends its connection in order, and comes back. */
  leave(): void {
    if (this.isConnected) this.#ws?.close(1000);
  }

  stop(): void {
    this.#isDone = true;
    this.#ws?.terminate();
  }

  async #run(): Promise<void> {
    while (!this.#isDone) {
      const url = this.#urls[this.#turn++ % this.#urls.length] ?? '';
      const code = await this.#session(url);
      if (code === undefined) await setTimeout(waitMs);
      else this.closes.push(code);
    }
  }

  /** Undefined: it was refused. */
  #session(url: string): Promise<number | undefined> {
    const ws = new WebSocket(url, jsonProtocol);
    this.#ws = ws;
    ws.on('error', () => {}); // `close` comes next
    ws.on('message', bytes => this.#take(JSON.parse(bytes.toString())));
    let isOpen = false;
    ws.once('open', () => {
      isOpen = true;
    });
    return new Promise(resolve => ws.once('close', code => resolve(isOpen ? code : undefined)));
  }

  #take(message: { readonly event?: string; readonly connectionId?: string; readonly data?: string }): void {
    if (message.event === 'connected') this.connectionIds.push(message.connectionId ?? '');
    else if (message.data !== undefined) this.#onText(message.data, this.connectionIds.at(-1) ?? '');
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
