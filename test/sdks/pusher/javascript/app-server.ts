import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Pusher from 'pusher';

/** What an application's server does for its clients, with the server library; `/cut` and `/mend` are the runner's. */
export class AppServer {
  readonly #pusher: Pusher;
  /** Signs with a secret that the service does not know. */
  readonly #stranger: Pusher;
  readonly #controlUrl: string;
  readonly #server: Server;
  /** The page of the checks and its script. */
  page: Readonly<Record<string, { readonly type: string; readonly content: string }>> = {};

  constructor(pusher: Pusher, stranger: Pusher, controlUrl: string) {
    this.#pusher = pusher;
    this.#stranger = stranger;
    this.#controlUrl = controlUrl;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @returns its URL */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://app');
    const file = this.page[pathname];
    if (file !== undefined) {
      response.writeHead(200, { 'Content-Type': file.type }).end(file.content);
      return;
    }
    const form = new URLSearchParams(await textOf(request));
    try {
      const answer = await this.#perform(pathname, Object.fromEntries(form));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer ?? {}));
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  }

  async #perform(path: string, form: Readonly<Record<string, string>>): Promise<unknown> {
    const { socket_id: socketId = '', channel_name: channel = '', user_id: userId = 'someone' } = form;
    const { name = '', data = 'null', watchlist = '[]' } = form;
    switch (path) {
      case '/auth': {
        const member = { user_id: userId, user_info: { name: `The ${userId}` } };
        return this.#pusher.authorizeChannel(socketId, channel, channel.startsWith('presence-') ? member : undefined);
      }
      case '/wrong-auth':
        return this.#stranger.authorizeChannel(socketId, channel);
      case '/user-auth':
        return this.#pusher.authenticateUser(socketId, { id: userId, watchlist: JSON.parse(watchlist) });
      case '/trigger':
        await this.#pusher.trigger(channel, name, JSON.parse(data));
        return undefined;
      case '/send-to-user':
        await this.#pusher.sendToUser(userId, name, JSON.parse(data));
        return undefined;
      case '/terminate':
        await this.#pusher.terminateUserConnections(userId);
        return undefined;
      case '/cut':
      case '/mend':
        await fetch(this.#controlUrl + path, { method: 'POST' });
        return undefined;
      default:
        throw new Error(`no such path: ${path}`);
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** @returns the script of a page that has `start` run with the library */
export async function bundled(entry: string, folder: string): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: folder, loader: 'ts' },
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
