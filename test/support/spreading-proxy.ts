import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A node behind the proxy. */
export interface SpreadNode {
  readonly port: number;
  /** What the ids of its connections begin with. */
  readonly tag: string;
}

/** After it a client that says nothing is taken to the next node, which decides how long it may be silent. */
const silenceMs = 2_000;
const nothing = Buffer.alloc(0);

/**
 * One address for several nodes, as a load balancer: each TCP connection goes to the next node that listens, whatever it is for.
 * Only a client that recovers its session comes to the node that has it.
 */
export class SpreadingProxy {
  readonly port: number;
  nodes: readonly SpreadNode[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', client => this.#accept(client));
  }

  /** @param port 0: any free one */
  static async listen(host: string, port = 0): Promise<SpreadingProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(port, host);
    await once(server, 'listening');
    return new SpreadingProxy(server);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    this.#follow(client);
    client.once('end', () => client.destroy()); // nothing was said; `#join` takes this back
    const join = (first: Buffer) => {
      client.off('data', join).setTimeout(0).removeAllListeners('timeout');
      void this.#join(client, first);
    };
    client.on('data', join);
    // What has come while this process was busy is read first.
    client.setTimeout(silenceMs, () => setImmediate(() => client.listeners('data').includes(join) && join(nothing)));
    client.resume();
  }

  async #join(client: Socket, first: Buffer): Promise<void> {
    client.pause();
    client.removeAllListeners('end');
    const node = await this.#connect(this.#nodeFor(first), this.nodes.length - 1);
    if (node === undefined || client.destroyed) {
      node?.destroy();
      client.destroy();
      return;
    }
    node.write(first);
    client.pipe(node);
    node.pipe(client);
    client.once('close', () => node.destroy());
    node.once('close', () => client.destroy());
  }

  /** To another node where this one listens no more. @param others that may be tried @returns undefined when no node listens */
  async #connect({ port }: SpreadNode, others: number): Promise<Socket | undefined> {
    const node = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#follow(node);
    try {
      await once(node, 'connect');
      return node;
    } catch {
      return others > 0 ? this.#connect(this.#nextNode(), others - 1) : undefined;
    }
  }

  #follow(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {}); // `close` follows
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #nodeFor(first: Buffer): SpreadNode {
    const [, tag] = /^GET \S*awps_connection_id=([\w-]{6})/.exec(first.toString('latin1')) ?? [];
    const owner = this.nodes.find(node => node.tag === tag);
    return owner ?? this.#nextNode();
  }

  #nextNode(): SpreadNode {
    this.#next = (this.#next + 1) % this.nodes.length;
    return this.nodes[this.#next] as SpreadNode;
  }
}
