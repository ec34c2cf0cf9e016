import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** How a connection is cut: both sides are closed, or both are reset, or one is reset and the other closed. */
export type Cut = 'close' | 'reset' | 'mixed';

/** Stands between a client and a service, and cuts their connections when a test says so. */
export class TcpProxy {
  readonly port: number;
  /** Connections so far. */
  accepted = 0;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  constructor(port: number) {
    this.port = port;
  }

  /** Connections that are open now. */
  get size(): number {
    return this.#pairs.size;
  }

  accept(client: Socket, targetPort: number): void {
    this.accepted += 1;
    const service = connect(targetPort, '127.0.0.1');
    const pair = [client, service] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [service, client]] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy()); // a reset, which is what this is for
      from.once('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** Ends all connections at once, with whatever is on its way in them. */
  cut(how: Cut = 'close'): void {
    for (const [client, service] of [...this.#pairs]) {
      end(client, how === 'reset');
      end(service, how !== 'close');
    }
  }
}

function end(socket: Socket, isReset: boolean): void {
  if (isReset) socket.resetAndDestroy();
  else socket.destroy();
}

/** A proxy on a free port before this one. Ends with the test. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = new TcpProxy((server.address() as AddressInfo).port);
  server.on('connection', client => proxy.accept(client, targetPort));
  onTestFinished(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}
