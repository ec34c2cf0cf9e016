import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as an app server got it. */
export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn, as they were on the wire. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Respond = (response: ServerResponse, request: Received) => void;

/** An app server on loopback that keeps what it gets. Accepts every validation unless told otherwise. */
export class AppServer {
  readonly requests: Received[] = [];
  onPost: Respond = response => response.writeHead(204).end();
  onOptions: Respond = response => response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
  onGet: Respond = response => response.writeHead(404).end();
  /** Sockets accepted so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #watchers: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#receive(request, response));
    this.#server.on('connection', socket => this.#accept(socket));
  }

  /** `port` is for one that comes back; by default any free one. */
  static async start(port = 0): Promise<AppServer> {
    const app = new AppServer();
    await new Promise<void>(resolve => app.#server.listen(port, '127.0.0.1', resolve));
    return app;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get posts(): readonly Received[] {
    return this.requests.filter(({ method }) => method === 'POST');
  }

  get validations(): readonly Received[] {
    return this.requests.filter(({ method }) => method !== 'POST');
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Resolves once `isSo`, which is asked again after each request and each socket that closes. */
  async until(isSo: (app: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      await new Promise<void>(resolve => {
        this.#watchers.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.accepted += 1;
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#wake();
    });
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', rawHeaders, headers } = request;
    const received = { method, path, rawHeaders, headers, body: Buffer.concat(chunks) };
    this.requests.push(received);
    const respond = { POST: this.onPost, OPTIONS: this.onOptions, GET: this.onGet }[method];
    respond?.(response, received);
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
