import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/machine.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { App } from './app.js';
import { History } from './history.js';
import { Node } from './node.js';
import type { Partitions } from './partitions.js';
import { Standstill } from './standstill.js';

/** Of nodes, and of nats-servers. */
const size = 3;

/** Short, so that a run sees many takeovers; the default is 20 s. */
export const leaseSeconds = 6;

/** Three nodes on three nats-servers. Each node can be cut off from all servers. */
export class Cluster {
  /** With the nodes' logs; stays. */
  readonly folder: string;
  readonly app: App;
  readonly nats: NatsCluster;
  readonly nodes: readonly Node[];
  readonly partitions: Partitions;
  readonly standstill = new Standstill();
  /** Stops that took too long, for people. */
  readonly slowStops: string[] = [];
  readonly #history: History;

  static async start(program: string, partitions: Partitions): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'hubwire-chaos-'));
    const history = new History(join(folder, 'history.log'));
    const app = await App.start(history);
    const nats = await NatsCluster.start({ host: partitions.serverHost });
    await history.listen(nats.urls);
    const hubsFile = writeHubsFile(folder, app.url);
    const ports = nats.servers.map(({ port }) => port);
    const nodes: Node[] = [];
    for (let index = 0; index < size; index += 1) {
      const urls = await partitions.urlsFor(index, ports);
      const order = [...urls.slice(index), ...urls.slice(0, index)].join(','); // each begins with another server
      const name = `node-${index + 1}`;
      const logFile = join(folder, `${name}.log`);
      nodes.push(new Node({ program, hubsFile, name, port: await freePort(), nats: order, logFile }));
    }
    const cluster = new Cluster(folder, app, nats, nodes, partitions, history);
    process.once('exit', () => cluster.#killAll());
    await Promise.all(nodes.map(node => node.start()));
    return cluster;
  }

  private constructor(
    folder: string,
    app: App,
    nats: NatsCluster,
    nodes: readonly Node[],
    partitions: Partitions,
    history: History,
  ) {
    this.#history = history;
    this.folder = folder;
    this.app = app;
    this.nats = nats;
    this.nodes = nodes;
    this.partitions = partitions;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.stop()));
    this.partitions.close();
    this.standstill.stop();
    await this.#history.close();
    await this.nats.stop();
    this.app.close();
  }

  /** Nothing may outlive a run that fails. */
  #killAll(): void {
    for (const node of this.nodes) void node.kill().catch(() => {});
    for (const server of this.nats.servers) void server.kill();
  }
}

function writeHubsFile(folder: string, urlTemplate: string): string {
  const handler = { urlTemplate, systemEvents: ['connect', 'connected', 'disconnected'] };
  const file = join(folder, 'hubs.yaml');
  writeFileSync(file, JSON.stringify({ hubs: { chat: { eventHandlers: [handler] } }, cluster: { leaseSeconds } }));
  return file;
}
