import { connect, type Socket } from 'node:net';
import type { Guard } from './guard.js';
import { bodyStart, isLast } from './http-message.js';

/** All connections read into the same bytes: each chunk is done with before the next is read. */
const chunk = Buffer.allocUnsafeSlow(64 * 1024);

/** A request made beforehand, as it goes over TCP, and the status of its answer when all is well. */
export interface HttpCall {
  readonly request: Buffer;
  readonly status: number;
}

/**
 * Sends HTTP requests made beforehand, over connections that each have one under way; more wait for one to be free. Only
 * the status of an answer is looked at, and whether it is the last of its connection, which then gets a successor.
 */
export class HttpPublisher {
  readonly #origin: URL;
  readonly #guard: Guard;
  readonly #expected: Buffer;
  readonly #sockets: Set<Socket>;
  readonly #free: Socket[];
  readonly #waiting: Buffer[] = [];

  /** @param status what each request is to be answered with. @param atOnce connections */
  constructor(origin: string, status: number, atOnce: number, guard: Guard) {
    this.#origin = new URL(origin);
    this.#guard = guard;
    this.#expected = Buffer.from(`HTTP/1.1 ${status} `);
    this.#sockets = new Set(Array.from({ length: atOnce }, () => this.#connect()));
    this.#free = [...this.#sockets];
  }

  send(request: Buffer): void {
    const socket = this.#free.pop();
    if (socket === undefined) this.#waiting.push(request);
    else socket.write(request);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(): Socket {
    let answer: Buffer = Buffer.alloc(0);
    const onRead = (length: number) => {
      answer = Buffer.concat([answer, chunk.subarray(0, length)]);
      const start = bodyStart(answer);
      if (start === undefined) return true;
      this.#check(answer);
      this.#freed(isLast(answer, start) ? this.#successor(socket) : socket);
      answer = Buffer.alloc(0);
      return true;
    };
    const socket = connect({
      host: this.#origin.hostname,
      port: Number(this.#origin.port),
      noDelay: true,
      onread: { buffer: chunk, callback: onRead },
    });
    socket.on('error', this.#guard.lose);
    return socket;
  }

  #check(answer: Buffer): void {
    if (answer.subarray(0, this.#expected.length).equals(this.#expected)) return;
    this.#guard.lose(new Error(`a request was answered with ${answer.toString('latin1')}`));
  }

  /** A reset leaves no socket behind that waits for its time to pass. */
  #successor(socket: Socket): Socket {
    this.#sockets.delete(socket);
    socket.resetAndDestroy();
    const successor = this.#connect();
    this.#sockets.add(successor);
    return successor;
  }

  #freed(socket: Socket): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(socket);
    else socket.write(next);
  }
}

/** A POST as it goes over TCP. */
export function postRequest(url: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = Object.entries({ Host: host, ...headers, 'Content-Length': Buffer.byteLength(body) });
  const head = [`POST ${pathname}${search} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
