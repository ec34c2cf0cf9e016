import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { newPassword, type OwnNats, PrivateNats, type PrivateNatsOptions } from './private-nats.js';

/** Several nats-servers on this machine that work together, each of them as private as one alone. */
export class NatsCluster implements OwnNats {
  readonly #options: PrivateNatsOptions;
  readonly #size: number;
  #servers: readonly PrivateNats[] = [];

  constructor(options: PrivateNatsOptions, size: number) {
    this.#options = options;
    this.#size = size;
  }

  async start(): Promise<void> {
    const password = newPassword();
    const routePorts = await freePorts(this.#size);
    this.#servers = routePorts.map((port, index) => {
      const name = `hubwire-${index + 1}`;
      return new PrivateNats({ ...this.#options, password, name, settings: routes(routePorts, port, password) });
    });
    try {
      await Promise.all(this.#servers.map(server => server.start()));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map(server => server.stop()));
  }

  /** Its own first. */
  urlsOf(place: number): string {
    const first = (place - 1) % this.#servers.length;
    return [...this.#servers.slice(first), ...this.#servers.slice(0, first)].map(({ url }) => url).join(',');
  }
}

/** Servers that know all the others. */
function routes(ports: readonly number[], own: number, password: string): string {
  const others = ports.filter(port => port !== own).map(port => `"nats://route:${password}@127.0.0.1:${port}"`);
  return `cluster {
  name: hubwire
  listen: "127.0.0.1:${own}"
  authorization { user: route, password: "${password}" }
  routes: [${others.join(', ')}]
}
`;
}

/** Servers have to know each other's ports before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}
