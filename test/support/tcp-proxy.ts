import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { onTestFinished } from 'vitest';

/** How a connection is cut: both sides are closed, or both are reset, or one is reset and the other closed. */
export type Cut = 'close' | 'reset' | 'mixed';

/** Which way bytes do not go: what the client sends, what the service sends, or both. */
export type Stall = 'fromClient' | 'fromService' | 'both';

export interface ProxyOptions {
  /** Until a byte is passed on, either way. 0 when left out. */
  readonly delayMs?: number;
}

/** Stands between clients and a service: cuts their connections, stops reading from them, delays what they say. */
export class TcpProxy {
  readonly port: number;
  /** Connections so far. */
  accepted = 0;
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;
  readonly #delayMs: number;
  #stall: Stall | undefined;

  constructor(server: Server, targetPort: number, { delayMs = 0 }: ProxyOptions = {}) {
    this.#server = server;
    this.#delayMs = delayMs;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', client => this.#accept(client, targetPort));
  }

  /** On a free port of 127.0.0.1. For `beforeAll`; a test uses `startProxy`. */
  static async listen(targetPort: number, options?: ProxyOptions): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targetPort, options);
  }

  /** Connections that are open now. */
  get size(): number {
    return this.#pairs.size;
  }

  /**
   * Stops reading, as a network that drops all packets or a process that stands still: nothing is closed or reset, new
   * connections are accepted, and what is sent fills the buffers of the kernel. What was read before is still passed on.
   */
  stopReading(way: Stall = 'both'): void {
    this.#stall = way;
    for (const pair of this.#pairs) pair.apply(way);
  }

  /** Goes on reading. */
  resume(): void {
    this.#stall = undefined;
    for (const pair of this.#pairs) pair.apply(undefined);
  }

  /** Ends all connections at once, with whatever is on its way in them. */
  cut(how: Cut = 'close'): void {
    for (const pair of [...this.#pairs]) pair.end(how);
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #accept(client: Socket, targetPort: number): void {
    this.accepted += 1;
    const pair = new Pair(client, connect(targetPort, '127.0.0.1'), this.#delayMs);
    this.#pairs.add(pair);
    pair.apply(this.#stall);
    pair.onClosed(() => this.#pairs.delete(pair));
  }
}

/** Both sockets of one connection. */
class Pair {
  readonly #client: Socket;
  readonly #service: Socket;
  readonly #fromClient: Passage;
  readonly #fromService: Passage;

  constructor(client: Socket, service: Socket, delayMs: number) {
    this.#client = client;
    this.#service = service;
    this.#fromClient = new Passage(client, service, delayMs);
    this.#fromService = new Passage(service, client, delayMs);
  }

  apply(stall: Stall | undefined): void {
    this.#fromClient.open(stall === undefined || stall === 'fromService');
    this.#fromService.open(stall === undefined || stall === 'fromClient');
  }

  end(how: Cut): void {
    end(this.#client, how === 'reset');
    end(this.#service, how !== 'close');
  }

  onClosed(task: () => void): void {
    for (const [socket, other] of [
      [this.#client, this.#service],
      [this.#service, this.#client],
    ] as const) {
      socket.on('error', () => other.destroy()); // a reset, which is what this is for
      socket.once('close', () => {
        other.destroy();
        task();
      });
    }
  }
}

/** What one side says, on its way to the other. */
class Passage {
  readonly #from: Socket;
  readonly #to: NodeJS.WritableStream;
  #isOpen = false;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.#from = from;
    if (delayMs === 0) {
      this.#to = to;
    } else {
      const delay = new Delay(delayMs);
      delay.pipe(to);
      this.#to = delay;
    }
  }

  open(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) {
      this.#from.pipe(this.#to);
    } else {
      this.#from.unpipe(this.#to);
      this.#from.pause();
    }
  }
}

/** Passes each chunk on after the same time, in order, any number of them at once. */
class Delay extends Transform {
  readonly #delayMs: number;

  constructor(delayMs: number) {
    super();
    this.#delayMs = delayMs;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    setTimeout(() => void (this.destroyed || this.push(chunk)), this.#delayMs);
    done();
  }

  override _flush(done: TransformCallback): void {
    setTimeout(done, this.#delayMs);
  }
}

function end(socket: Socket, isReset: boolean): void {
  if (isReset) socket.resetAndDestroy();
  else socket.destroy();
}

/** A proxy on a free port before this one. Ends with the test. */
export async function startProxy(targetPort: number, options?: ProxyOptions): Promise<TcpProxy> {
  const proxy = await TcpProxy.listen(targetPort, options);
  onTestFinished(() => proxy.close());
  return proxy;
}
