import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { History } from './history.js';

/** What the app server was told of one connection. */
export interface Told {
  /** `ce-id`s, each once however often it was posted. */
  readonly connected: Set<string>;
  readonly disconnected: Set<string>;
  /** `connected` came after `disconnected`. */
  isOutOfOrder: boolean;
}

/** An app server that accepts everything and writes down what it is told. */
export class App {
  readonly connections = new Map<string, Told>();
  readonly #server: Server;
  readonly #history: History;

  static async start(history: History): Promise<App> {
    const app = new App(history);
    await new Promise<void>(resolve => app.#server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  private constructor(history: History) {
    this.#history = history;
    this.#server = createServer((request, response) => {
      request.resume();
      if (request.method !== 'POST') return void response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
      const { headers } = request;
      this.#take(String(headers['ce-eventname']), String(headers['ce-connectionid']), String(headers['ce-id']));
      response.writeHead(204).end();
    });
    this.#server.keepAliveTimeout = 0;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/{event}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(event: string, connectionId: string, id: string): void {
    if (event !== 'connected' && event !== 'disconnected') return;
    this.#history.note({ event, connectionId, id });
    const told = this.connections.get(connectionId) ?? newTold();
    this.connections.set(connectionId, told);
    if (event === 'connected' && told.disconnected.size > 0) told.isOutOfOrder = true;
    told[event].add(id);
  }
}

function newTold(): Told {
  return { connected: new Set(), disconnected: new Set(), isOutOfOrder: false };
}
