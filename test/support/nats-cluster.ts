import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { onTestFinished, type TestContext } from 'vitest';
import { eventually } from './eventually.js';
import { freePort } from './machine.js';
import { NatsServer, type NatsServerOptions, requireNats } from './nats-server.js';
import { TcpProxy } from './tcp-proxy.js';

export interface NatsClusterOptions extends Omit<NatsServerOptions, 'name'> {
  /** 3 when left out. */
  readonly size?: number;
  /** Put on every route, each way. 0 when left out. */
  readonly routeDelayMs?: number;
  /** Do clients learn the URLs of all servers from each? When left out they do not: they stay with those that they are given. */
  readonly isAdvertised?: boolean;
  /** So many of the servers are not started until `startLate`. 0 when left out. */
  readonly late?: number;
}

interface RoutePort {
  readonly port: number;
  /** Where others reach it. */
  readonly advertised: number;
}

/** Longest wait for a leader: of JetStream, then of a stream. */
const electionMs = 30_000;

/** Servers that are clustered, with JetStream on all of them unless told otherwise. */
export class NatsCluster {
  /** Those that were started, in the order of their names. */
  servers: readonly NatsServer[];
  readonly #proxies: readonly TcpProxy[];
  readonly #late: readonly NatsServerOptions[];

  private constructor(
    servers: readonly NatsServer[],
    proxies: readonly TcpProxy[],
    late: readonly NatsServerOptions[],
  ) {
    this.servers = servers;
    this.#proxies = proxies;
    this.#late = late;
  }

  /** For `beforeAll`, which has to `stop` it; a test uses `startNatsCluster`. Settles when streams of 3 can be created. */
  static async start(options: NatsClusterOptions = {}): Promise<NatsCluster> {
    // Ports of routes were free a moment before: one retry. [CL-004]
    const cluster = await NatsCluster.#open(options).catch(() => NatsCluster.#open(options));
    if (options.jetStream !== false) await cluster.#whenStoring();
    return cluster;
  }

  static async #open(options: NatsClusterOptions): Promise<NatsCluster> {
    const { size = 3, late = 0, routeDelayMs: delayMs = 0 } = options;
    const proxies: TcpProxy[] = [];
    const ports: RoutePort[] = [];
    for (let index = 0; index < size; index += 1) {
      const port = await freePort();
      const proxy = delayMs === 0 ? undefined : await TcpProxy.listen(port, { delayMs });
      if (proxy !== undefined) proxies.push(proxy);
      ports.push({ port, advertised: proxy?.port ?? port });
    }
    const name = `tests-${randomUUID()}`; // servers of another one, at a port that one of these had, stay apart
    const members = ports.map((own, index) => memberOf(name, options, ports, own, index));
    const first = members.splice(0, size - late);
    const started = await Promise.allSettled(first.map(member => NatsServer.start(member)));
    const servers = started.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
    const cluster = new NatsCluster(servers, proxies, members);
    const failed = started.find(result => result.status === 'rejected');
    if (failed === undefined) return cluster;
    await cluster.stop();
    throw failed.reason;
  }

  /** Starts those that are late. */
  async startLate(): Promise<void> {
    this.servers = [...this.servers, ...(await Promise.all(this.#late.map(member => NatsServer.start(member))))];
  }

  get urls(): readonly string[] {
    return this.servers.map(server => server.url);
  }

  /** The one that leads the stream. Waits for one where servers elect one, of the stream or of JetStream. */
  leaderOf(stream: string): Promise<NatsServer> {
    return eventually(() => this.#leaderNow(stream), electionMs);
  }

  async #leaderNow(stream: string): Promise<NatsServer> {
    const connection = await connect({ servers: [...this.urls] });
    try {
      const { cluster } = await (await jetstreamManager(connection)).streams.info(stream);
      const found = this.servers.find((_server, index) => cluster?.leader === `n${index + 1}`);
      if (found === undefined) throw new Error(`stream ${stream} has no leader now`);
      return found;
    } finally {
      await connection.close();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map(server => server.stop()));
    for (const proxy of this.#proxies) proxy.close();
  }

  /** There is a leader, and it knows all servers. */
  async #whenStoring(): Promise<void> {
    const connection = await connect({ servers: [...this.urls] });
    await eventually(async () => {
      const { streams } = await jetstreamManager(connection, { timeout: 1_000 });
      const config = { name: 'probe', subjects: ['probe'], num_replicas: Math.min(3, this.servers.length) };
      await streams.add(config);
      await streams.delete(config.name);
    });
    await connection.close();
  }
}

function memberOf(
  clusterName: string,
  { jetStream = true, settings = '', isAdvertised = false, host }: NatsClusterOptions,
  ports: readonly RoutePort[],
  own: RoutePort,
  index: number,
): NatsServerOptions {
  const routes = ports.filter(port => port !== own).map(({ advertised }) => `"nats://127.0.0.1:${advertised}"`);
  const cluster = [
    `name: ${clusterName}`,
    `listen: "127.0.0.1:${own.port}"`,
    `cluster_advertise: "127.0.0.1:${own.advertised}"`, // so that no route goes past the proxy
    `no_advertise: ${String(!isAdvertised)}`,
    `routes: [${routes.join(', ')}]`,
  ];
  const member = { jetStream, name: `n${index + 1}`, settings: `cluster {\n${cluster.join('\n')}\n}\n${settings}` };
  return host === undefined ? member : { ...member, host };
}

/** A cluster that ends with the test. */
export async function startNatsCluster(context: TestContext, options?: NatsClusterOptions): Promise<NatsCluster> {
  requireNats(context);
  const cluster = await NatsCluster.start(options);
  onTestFinished(() => cluster.stop());
  return cluster;
}
