import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** An upstream that agrees to its validation and answers each POST with these bytes, be they no HTTP. Ends with the test. */
export class RawUpstream {
  /** Requests so far, by method. */
  readonly methods: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: string | Buffer, endsAfter: boolean) {
    this.#server = createServer(socket => {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // the other side may drop what it cannot read
      socket.on('data', chunk => {
        const [, method] = /^([A-Z]+) \//.exec(chunk.toString('latin1')) ?? [];
        if (method === undefined) return; // the rest of a request
        this.methods.push(method);
        if (method === 'OPTIONS') {
          socket.write('HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n');
        } else if (endsAfter) socket.end(answer);
        else socket.write(answer);
      });
    });
  }

  static async start(answer: string | Buffer, { endsAfter = false } = {}): Promise<RawUpstream> {
    const upstream = new RawUpstream(answer, endsAfter);
    await new Promise<void>(resolve => upstream.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      for (const socket of upstream.#sockets) socket.destroy();
      await new Promise(resolve => upstream.#server.close(resolve));
    });
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get posts(): number {
    return this.methods.filter(method => method === 'POST').length;
  }
}
