import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from 'node:net';

/** Listens on a free port of 127.0.0.1. @returns the port */
export async function listen(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/**
 * Bytes to the service and back, until `cut`: then every connection is reset and none is accepted, until `mend`. Accepting
 * and then ending them would not do: the Java client waits for ever for the answer to an upgrade on such a connection.
 */
export class UnsteadyProxy {
  readonly #server = createServer(socket => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  #target = 0;
  #port = 0;

  async listen(target: number): Promise<number> {
    this.#target = target;
    this.#port = await listen(this.#server);
    return this.#port;
  }

  cut(done: () => void): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    done();
  }

  mend(done: () => void): void {
    if (this.#server.listening) done();
    else this.#server.listen(this.#port, '127.0.0.1', done);
  }

  close(): void {
    this.cut(() => undefined);
  }

  #accept(socket: Socket): void {
    const onward = connect(this.#target, '127.0.0.1');
    for (const [one, other] of [[socket, onward] as const, [onward, socket] as const]) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined); // a reset is what this proxy is for; `close` follows
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
