import { execFileSync } from 'node:child_process';
import { type Stall, TcpProxy } from '../support/tcp-proxy.js';

/** Cuts nodes off from their nats-servers: nothing is closed or reset, bytes do not arrive. */
export interface Partitions {
  /** For people. */
  readonly name: string;
  /** Where nats-servers have to listen. */
  readonly serverHost: string;
  /** URLs at which this node reaches the servers on these ports. @param node its index */
  urlsFor(node: number, ports: readonly number[]): Promise<readonly string[]>;
  /** @param way `fromClient`: what the node says is lost, `fromService`: what the servers say */
  cut(node: number, way: Stall): void;
  heal(node: number): void;
  close(): void;
}

/** Of the network namespace in which this process is; see `namespace.ts`. */
export class PacketPartitions implements Partitions {
  readonly name = 'packets are dropped in a network namespace';
  readonly serverHost = '0.0.0.0';

  /** Each node has an address of its own for all servers: so its packets can be told from those of others. */
  async urlsFor(node: number, ports: readonly number[]): Promise<readonly string[]> {
    return ports.map(port => `nats://${addressOf(node)}:${port}`);
  }

  cut(node: number, way: Stall): void {
    if (way !== 'fromService') iptables('-A', 'INPUT', '-d', addressOf(node), '-j', 'DROP');
    if (way !== 'fromClient') iptables('-A', 'INPUT', '-s', addressOf(node), '-j', 'DROP');
  }

  /** One node is cut off at a time. */
  heal(): void {
    iptables('-F', 'INPUT');
  }

  close(): void {
    this.heal();
  }
}

/** What a node and a server say to each other passes a proxy, which can stop reading. */
export class ProxyPartitions implements Partitions {
  readonly name = 'proxies stop reading';
  readonly serverHost = '127.0.0.1';
  readonly #proxies = new Map<number, readonly TcpProxy[]>();

  async urlsFor(node: number, ports: readonly number[]): Promise<readonly string[]> {
    const proxies = await Promise.all(ports.map(port => TcpProxy.listen(port)));
    this.#proxies.set(node, proxies);
    return proxies.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  cut(node: number, way: Stall): void {
    for (const proxy of this.#proxies.get(node) ?? []) proxy.stopReading(way);
  }

  heal(node: number): void {
    for (const proxy of this.#proxies.get(node) ?? []) proxy.resume();
  }

  close(): void {
    for (const proxy of [...this.#proxies.values()].flat()) proxy.close();
  }
}

function addressOf(node: number): string {
  return `127.0.1.${node + 1}`;
}

function iptables(...args: readonly string[]): void {
  execFileSync('iptables', ['-w', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
