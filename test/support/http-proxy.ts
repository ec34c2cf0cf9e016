import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface HttpProxyOptions {
  /** `user:password` that clients must give. */
  readonly credentials?: string;
  /** Answers everything with this status instead of passing it on. */
  readonly refuses?: number;
}

/**
 * A forward proxy on loopback: absolute-form requests for http, CONNECT for https. It knows every host by name, and takes
 * each for this machine. Ends with the test.
 */
export class HttpProxy {
  /** Method and target of each request, as they came. */
  readonly asked: string[] = [];
  /** Address that each socket to it came from. */
  readonly from: (string | undefined)[] = [];
  readonly #options: HttpProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: HttpProxyOptions) {
    this.#options = options;
    this.#server = createServer((incoming, response) => this.#forward(incoming, response));
    this.#server.on('connect', (incoming: IncomingMessage, socket: Socket) => this.#tunnel(incoming, socket));
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      this.from.push(socket.remoteAddress);
    });
  }

  static async start(options: HttpProxyOptions = {}): Promise<HttpProxy> {
    const proxy = new HttpProxy(options);
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      for (const socket of proxy.#sockets) socket.destroy();
      await new Promise(resolve => proxy.#server.close(resolve));
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #refusal(incoming: IncomingMessage): number | undefined {
    this.asked.push(`${incoming.method} ${incoming.url}`);
    const { credentials, refuses } = this.#options;
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    return expected !== undefined && incoming.headers['proxy-authorization'] !== expected ? 407 : refuses;
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const status = this.#refusal(incoming);
    if (status !== undefined) return void response.writeHead(status).end();
    const { port, pathname, search } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const onwards = request({ host: '127.0.0.1', port, path: pathname + search, method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onwards.on('error', () => response.writeHead(502).end());
    incoming.pipe(onwards);
  }

  #tunnel(incoming: IncomingMessage, socket: Socket): void {
    socket.on('error', () => {}); // either side may go first
    const status = this.#refusal(incoming);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const port = Number(incoming.url?.split(':').at(-1));
    const onwards = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onwards.pipe(socket).pipe(onwards);
    });
    this.#sockets.add(onwards);
    onwards.on('error', () => socket.end('HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n'));
  }
}
