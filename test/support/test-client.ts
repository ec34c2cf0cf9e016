import type { IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { ClientClaims } from '../../src/auth/key-tokens.js';
import type { Service } from '../../src/service.js';
import { exchangedByAll } from './exchanges.js';
import { Mailbox } from './mailbox.js';

export const jsonProtocol = 'json.webpubsub.azure.v1';

export interface DialOptions {
  readonly hub?: string;
  /** Offered subprotocols. Default: the JSON one; `[]` for a simple client. */
  readonly protocols?: readonly string[];
  /** What the token says; `null`: no token. */
  readonly token?: ClientClaims | null;
  /** More query parameters, as text: `webpubsub_mode=sendToGroup&group=g`. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the URL made from the above. */
  readonly url?: string;
}

export interface ReceivedFrame {
  readonly isBinary: boolean;
  readonly bytes: Buffer;
}

/** The answer to an upgrade that was refused. */
export interface UpgradeRefused {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export type Dial = ((options?: DialOptions) => Promise<TestClient>) & {
  /** For upgrades that must not succeed. */
  refused(options?: DialOptions): Promise<UpgradeRefused>;
};

/** A client that queues what it receives. */
export class TestClient {
  readonly ws: WebSocket;
  readonly #frames = new Mailbox<ReceivedFrame>();
  readonly #service: Service | undefined;
  readonly closed: Promise<{ code: number; reason: string }>;

  /** @param service whose client it is; undefined: another program's */
  constructor(ws: WebSocket, service?: Service) {
    this.ws = ws;
    this.#service = service;
    ws.on('message', (bytes, isBinary) => this.#frames.put({ bytes: bytes as Buffer, isBinary }));
    ws.on('error', () => {}); // `closed` tells how it ended
    this.closed = new Promise(resolve =>
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** The next WebSocket message. */
  nextFrame(): Promise<ReceivedFrame> {
    return this.#frames.take();
  }

  /** The next text frame, as it came. */
  async nextText(): Promise<string> {
    const frame = await this.nextFrame();
    if (frame.isBinary) throw new Error('a binary frame came where text was expected');
    return frame.bytes.toString('utf8');
  }

  /** The next JSON message. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
  async next(): Promise<any> {
    return JSON.parse(await this.nextText());
  }

  /** What came and nobody took. */
  get rest(): readonly ReceivedFrame[] {
    return this.#frames.rest;
  }

  /** Sends an object as JSON, text as it is, and a Buffer as a binary message. */
  send(message: object | string | Buffer): void {
    if (typeof message === 'string' || Buffer.isBuffer(message)) this.ws.send(message);
    else this.ws.send(JSON.stringify(message));
  }

  /** Sends a request with an ackId and answers the ack; what came before it stays queued. */
  // biome-ignore lint/suspicious/noExplicitAny: as for next
  async ask(message: Readonly<Record<string, unknown>> & { readonly ackId: number }): Promise<any> {
    this.send(message);
    const isAck = (frame: ReceivedFrame) => frame.bytes.includes(`"type":"ack","ackId":${message.ackId},`);
    return JSON.parse((await this.#frames.take(isAck)).bytes.toString());
  }

  /** What other nodes have sent to this client so far has come to its own node, which answers its next ping after that. */
  async sentByAll(): Promise<void> {
    if (this.#service !== undefined) await exchangedByAll(this.#service);
  }

  /** Everything sent to this client so far has arrived once this settles (JSON clients only). */
  async settle(): Promise<void> {
    await this.sentByAll();
    this.send({ type: 'ping' });
    await this.#frames.take(frame => frame.bytes.toString() === '{"type":"pong"}');
  }

  close(code?: number, reason?: string): Promise<{ code: number; reason: string }> {
    this.ws.close(code, reason);
    return this.closed;
  }
}

export function dialer(service: Service): Dial {
  const open = (options: DialOptions = {}): WebSocket => {
    const ws = new WebSocket(urlOf(service, options), [...(options.protocols ?? [jsonProtocol])], {
      headers: options.headers ?? {},
    });
    onTestFinished(() => ws.terminate());
    return ws;
  };
  const dial = async (options?: DialOptions): Promise<TestClient> => {
    const ws = open(options);
    const client = new TestClient(ws, service);
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  };
  const refused = (options?: DialOptions): Promise<UpgradeRefused> =>
    new Promise((resolve, reject) => {
      const ws = open(options);
      ws.on('error', () => {}); // `terminate` before the upgrade reports one
      ws.once('open', () => reject(new Error('the upgrade succeeded')));
      ws.once('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: response.headers,
          });
        });
      });
    });
  return Object.assign(dial, { refused });
}

/** Where `options` lead to, as a client would write it. */
export function urlOf(service: Service, { hub = 'chat', token = {}, query = '', url }: DialOptions): string {
  if (url !== undefined) return url;
  const base = service.publicUrl.replace(/^http/, 'ws').replace('localhost', '127.0.0.1');
  const parts = [query];
  if (token !== null) parts.push(new URL(service.clientUrl(hub, token, 60)).search.slice(1));
  return `${base}/client/hubs/${encodeURIComponent(hub)}?${parts.filter(part => part !== '').join('&')}`;
}
