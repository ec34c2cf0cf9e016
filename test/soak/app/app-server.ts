import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Dice } from '../dice.js';
import { type Answer, answerTo } from './answers.js';
import type { HeardEvent, Tally } from './tally.js';

/** An app server on loopback that fails on purpose. It never refuses a connection, so each try of the service reaches it. */
export class AppServer {
  /** While set, validation is answered with a refusal. */
  isUnwilling = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #tally: Tally;
  readonly #dice: Dice;

  static async start(tally: Tally, dice: Dice): Promise<AppServer> {
    const app = new AppServer(tally, dice);
    await new Promise<void>(resolve => app.#server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  private constructor(tally: Tally, dice: Dice) {
    this.#tally = tally;
    this.#dice = dice;
    this.#server = createServer((request, response) => void this.#receive(request, response));
    // Only the service ends an idle socket: if both could, one might do so while the other sends, and a try would be lost.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    if (request.method !== 'POST') {
      response.writeHead(this.isUnwilling ? 403 : 200, this.isUnwilling ? {} : { 'WebHook-Allowed-Origin': '*' }).end();
      return;
    }
    const event = this.#tally.heard(request.url ?? '', request.headers, body);
    this.#answer(event, answerTo(event, this.#dice), response);
  }

  #answer(event: HeardEvent, answer: Answer, response: ServerResponse): void {
    switch (answer.kind) {
      case 'status':
        if (answer.afterMs === 0) this.#finish(event, answer, response);
        else setTimeout(() => this.#finish(event, answer, response), answer.afterMs);
        return;
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'torn':
        response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 100 }).write('half of');
        response.socket?.end();
        return;
      case 'silence':
        return;
    }
  }

  #finish(event: HeardEvent, { status, body }: Answer & { kind: 'status' }, response: ServerResponse): void {
    if (status < 300) this.#tally.taken(event);
    else if (status < 500) event.isRefused = true;
    response.writeHead(status, body === '' ? {} : { 'Content-Type': 'text/plain' }).end(body);
  }
}

/** Undefined when the request breaks off. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined; // the service has given up on it
  }
  return Buffer.concat(chunks).toString();
}
