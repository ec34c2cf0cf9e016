import { connect, type Socket } from 'node:net';
import { FrameCounter, FrameReader, type Lengths, maskedPong } from './frames.js';
import type { Guard } from './guard.js';
import { headEnd } from './http-message.js';

/** How long a handshake may take. */
const handshakeTimeoutMs = 20_000;

/** All clients read into the same bytes: each chunk is done with before the next is read. */
const chunk = Buffer.allocUnsafeSlow(256 * 1024);

type Stage =
  | { readonly at: 'handshake'; readonly head: Buffer; readonly onUpgrade: () => void }
  | { readonly at: 'reading'; readonly reader: FrameReader }
  | { readonly at: 'counting'; readonly counter: FrameCounter; readonly onMessages: (count: number) => void }
  | { readonly at: 'ended' };

/** A WebSocket client that costs the load side next to nothing: a plain socket, no parsing once it counts. */
export class RawClient {
  readonly #socket: Socket;
  readonly #guard: Guard;
  #stage: Stage;
  #messages: Buffer[] = [];
  #waiting: ((message: Buffer) => void)[] = [];

  /**
   * Resolves once the upgrade is done and the server's greeting, its first message, is in.
   * @param subprotocol undefined: none is asked for
   * @param guard told when the connection fails or ends without `destroy`
   * @throws Error when the upgrade is refused
   */
  static dial(url: string, subprotocol: string | undefined, guard: Guard): Promise<RawClient> {
    const greeted = async () => {
      const client = await RawClient.#upgraded(url, subprotocol, guard);
      await client.next();
      return client;
    };
    return guard.during(greeted(), handshakeTimeoutMs);
  }

  /** The same for a server that says nothing first, or whose greeting says what the client needs to know. */
  static open(url: string, subprotocol: string | undefined, guard: Guard): Promise<RawClient> {
    return guard.during(RawClient.#upgraded(url, subprotocol, guard), handshakeTimeoutMs);
  }

  static #upgraded(url: string, subprotocol: string | undefined, guard: Guard): Promise<RawClient> {
    return new Promise(resolve => {
      const client: RawClient = new RawClient(new URL(url), subprotocol, guard, () => resolve(client));
    });
  }

  private constructor(url: URL, subprotocol: string | undefined, guard: Guard, onUpgrade: () => void) {
    this.#stage = { at: 'handshake', head: Buffer.alloc(0), onUpgrade };
    this.#guard = guard;
    this.#socket = connect({
      host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: { buffer: chunk, callback: length => this.#onRead(length) },
    });
    this.#socket.on('error', error => this.#lose(error));
    this.#socket.on('close', () => this.#lose(new Error('the server ended a connection')));
    this.#socket.write(upgradeRequest(url, subprotocol));
  }

  /** The next message, in full; only before `startCounting`. */
  next(): Promise<Buffer> {
    const message = this.#messages.shift();
    return message !== undefined ? Promise.resolve(message) : new Promise(resolve => this.#waiting.push(resolve));
  }

  /** From now on messages, all of these lengths, are counted and not kept; pings are answered. */
  startCounting(lengths: Lengths, onMessages: (count: number) => void, onPing: () => void = () => {}): void {
    if (this.#stage.at !== 'reading' || this.#stage.reader.isMidFrame || this.#messages.length > 0) {
      throw new Error('messages came that nobody asked for');
    }
    const counter = new FrameCounter(lengths, () => {
      this.#socket.write(maskedPong);
      onPing();
    });
    this.#stage = { at: 'counting', counter, onMessages };
  }

  /** Reads nothing more until `resume`: what comes stays in the kernel, and then with the server. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  destroy(): void {
    this.#stage = { at: 'ended' };
    this.#socket.destroy();
  }

  /** Ends with a reset, which leaves no socket behind that waits for its time to pass. */
  reset(): void {
    this.#stage = { at: 'ended' };
    this.#socket.resetAndDestroy();
  }

  #onRead(length: number): boolean {
    try {
      this.#take(length);
    } catch (error) {
      this.#lose(error as Error);
    }
    return true;
  }

  #take(length: number): void {
    const stage = this.#stage;
    switch (stage.at) {
      case 'counting': {
        const count = stage.counter.count(chunk, length);
        if (count > 0) stage.onMessages(count);
        return;
      }
      case 'reading':
        this.#keep(stage.reader.read(chunk.subarray(0, length)));
        return;
      case 'handshake':
        this.#readHead(Buffer.concat([stage.head, chunk.subarray(0, length)]), stage.onUpgrade);
        return;
      case 'ended':
        return;
    }
  }

  #readHead(head: Buffer, onUpgrade: () => void): void {
    const end = head.indexOf(headEnd);
    if (end < 0) {
      this.#stage = { at: 'handshake', head, onUpgrade };
      return;
    }
    const status = head.toString('latin1', 0, head.indexOf('\r\n'));
    if (!status.startsWith('HTTP/1.1 101 ')) throw new Error(`the upgrade was answered with ${status}`);
    const reader = new FrameReader();
    this.#stage = { at: 'reading', reader };
    this.#keep(reader.read(head.subarray(end + headEnd.length)));
    onUpgrade();
  }

  #keep(messages: readonly Buffer[]): void {
    for (const message of messages) {
      const tell = this.#waiting.shift();
      if (tell === undefined) this.#messages.push(message);
      else tell(message);
    }
  }

  #lose(error: Error): void {
    if (this.#stage.at === 'ended') return;
    this.destroy();
    this.#guard.lose(error);
  }
}

/** Dials `count` clients, a few at a time so that no listen queue overflows. @param dial gets the client's number, from 0 */
export async function dialMany(count: number, dial: (index: number) => Promise<RawClient>): Promise<RawClient[]> {
  const atOnce = 50;
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const start = clients.length;
    const wave = Array.from({ length: Math.min(atOnce, count - start) }, (_, index) => dial(start + index));
    clients.push(...(await Promise.all(wave)));
  }
  return clients;
}

export function hangUp(clients: readonly RawClient[]): void {
  for (const client of clients) client.destroy();
}

function upgradeRequest(url: URL, subprotocol: string | undefined): string {
  const offer = subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`];
  return [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: aHVid2lyZS1iZW5jaC1rZQ==',
    ...offer,
    '\r\n',
  ].join('\r\n');
}
