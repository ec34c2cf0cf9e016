import { afterAll, beforeAll, describe } from 'vitest';
import type { NatsBackplaneOptions } from '../../src/backplane/nats/nats-backplane.js';
import type { Backplane } from '../../src/hub/ports.js';
import { describeBackplane } from '../support/backplane-contract.js';
import type { Ending } from '../support/ending.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { type NatsEnd, proxiesTo, startEnds } from '../support/nats-nodes.js';
import { NatsServer, natsProgram } from '../support/nats-server.js';
import type { TcpProxy } from '../support/tcp-proxy.js';

/** What is started before the tests of a suite. */
interface Servers {
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

/** The contract, with each node behind a proxy of its own. */
function describeOn(name: string, start: () => Promise<Servers>, options: Partial<NatsBackplaneOptions> = {}): void {
  describe.skipIf(natsProgram === undefined)(name, () => {
    let servers: Servers;
    let clusters = 0;
    const nodes = new WeakMap<Backplane, { readonly end: NatsEnd; readonly proxy: TcpProxy }>();

    beforeAll(async () => {
      servers = await start();
    });
    afterAll(() => servers.stop());

    const connect = async (count: number, ending: Ending): Promise<readonly Backplane[]> => {
      clusters += 1;
      const proxies = await proxiesTo(servers.ports, count, ending);
      const urls = proxies.map(({ port }) => `nats://127.0.0.1:${port}`);
      const ends = await startEnds(urls, count, { clusterName: `c${clusters}`, keepBytes: 0, ...options });
      for (const [index, end] of ends.entries()) nodes.set(end.backplane, { end, proxy: proxies[index] as TcpProxy });
      return ends.map(({ backplane }) => backplane);
    };

    describeBackplane('NATS', connect, {
      silence: backplane => nodes.get(backplane)?.proxy.stopReading(),
    });
  });
}

describeOn(
  'one server',
  async () => {
    const server = await NatsServer.start({ jetStream: false });
    return { ports: [server.port], stop: () => server.stop() };
  },
  { settleMs: 50 },
);

const cluster = (routeDelayMs: number) => async () => {
  const servers = await NatsCluster.start({ jetStream: false, routeDelayMs });
  return { ports: servers.servers.map(({ port }) => port), stop: () => servers.stop() };
};

describeOn('three servers', cluster(0), { settleMs: 50 });
describeOn('three servers with 30 ms on each route', cluster(30), { settleMs: 300 });
