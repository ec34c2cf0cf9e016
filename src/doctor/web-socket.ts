import { WebSocket } from 'ws';

/** What an upgrade led to. */
export type UpgradeSeen =
  | { readonly kind: 'open'; readonly socket: ClientSocket }
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly reason: string };

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

const mostBodyCharacters = 4_096;

/** Opens a WebSocket. @param withinMs until the answer to the handshake */
export function openSocket(url: string, protocol: string, withinMs: number): Promise<UpgradeSeen> {
  return new Promise(resolve => {
    const ws = new WebSocket(url, protocol, { handshakeTimeout: withinMs, followRedirects: false });
    const socket = new ClientSocket(ws);
    ws.once('open', () => resolve({ kind: 'open', socket }));
    ws.once('unexpected-response', (_, response) => {
      let body = '';
      const timer = setTimeout(() => response.destroy(), withinMs);
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
        if (body.length > mostBodyCharacters) response.destroy();
      });
      response.once('close', () => {
        clearTimeout(timer);
        resolve({ kind: 'refused', status: response.statusCode ?? 0, body });
        ws.terminate();
      });
    });
    ws.once('error', (failure: NodeJS.ErrnoException) => {
      resolve({ kind: 'failed', code: failure.code, reason: failure.message });
    });
  });
}

/** Messages of the JSON subprotocol, as they come. */
export class ClientSocket {
  readonly closed: Promise<Closed>;
  readonly #ws: WebSocket;
  readonly #messages: Record<string, unknown>[] = [];
  #wake = () => {};

  constructor(ws: WebSocket) {
    this.#ws = ws;
    this.closed = new Promise(resolve => {
      ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    ws.on('error', () => {}); // `closed` tells how it ended
    ws.on('message', data => {
      const message = parse(String(data));
      if (message !== undefined) this.#messages.push(message);
      this.#wake();
    });
  }

  send(message: object): void {
    this.#ws.send(JSON.stringify(message));
  }

  /** The first message of which it is so; undefined when the socket closes or the time is up. */
  async find(
    isIt: (message: Record<string, unknown>) => boolean,
    withinMs: number,
  ): Promise<Record<string, unknown> | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, withinMs);
    try {
      for (;;) {
        const found = this.#messages.find(isIt);
        if (found !== undefined || isLate || this.isClosed) return found;
        await new Promise<void>(resolve => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  get isClosed(): boolean {
    return this.#ws.readyState === this.#ws.CLOSED;
  }

  /** Resolves with how it ended, or with undefined when it stays open for that long. */
  async closedWithin(ms: number): Promise<Closed | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const end = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), ms);
    });
    return Promise.race([this.closed, end]).finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#ws.close(1000);
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

/** Undefined for what is not of the subprotocol, as from some other server. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
