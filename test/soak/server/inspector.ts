import { once } from 'node:events';
import { WebSocket } from 'ws';
import { within } from '../patience.js';

/** A session with the process's inspector. No domain is enabled, so that it costs the process nothing while it is not asked. [Chrome DevTools Protocol] */
export class Inspector {
  readonly #ws: WebSocket;
  readonly #waiting = new Map<number, () => void>();
  #lastId = 0;

  static async connect(url: string): Promise<Inspector> {
    const ws = new WebSocket(url, { perMessageDeflate: false });
    await within(once(ws, 'open'), 'the inspector answers');
    return new Inspector(ws);
  }

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on('message', (bytes: Buffer) => {
      const { id } = JSON.parse(bytes.toString()) as { id: number };
      this.#waiting.get(id)?.();
      this.#waiting.delete(id);
    });
  }

  /** A full collection, as often as it finds something. The process stands still for it, some 100 ms. */
  async collectGarbage(): Promise<void> {
    this.#lastId += 1;
    const done = new Promise<void>(resolve => this.#waiting.set(this.#lastId, resolve));
    this.#ws.send(JSON.stringify({ id: this.#lastId, method: 'HeapProfiler.collectGarbage' }));
    await within(done, 'a garbage collection');
  }

  /** A process with an open session would wait for its end. */
  async close(): Promise<void> {
    this.#ws.close();
    await once(this.#ws, 'close');
  }
}
