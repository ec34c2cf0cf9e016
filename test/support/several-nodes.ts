import { randomUUID } from 'node:crypto';
import { urlOf } from '../../src/addresses.js';
import { systemClock } from '../../src/clock.js';
import { type Cluster, clusterOn } from '../../src/clustering.js';
import type { Config } from '../../src/config/load.js';
import type { Hub } from '../../src/hub/hub.js';
import type { HubName, Hubs } from '../../src/hub/hubs.js';
import { Service } from '../../src/service.js';
import type { ServiceOptions } from '../../src/service-options.js';
import { setExchange } from './exchanges.js';
import { natsOptions } from './nats-link.js';
import { SpreadingProxy } from './spreading-proxy.js';

/** With `npm run test:nodes`: the nodes of each service that a test starts, and the NATS over which they work together. */
const nodes = Number(process.env.HUBWIRE_TEST_NODES ?? 1);
const natsUrl = process.env.HUBWIRE_TEST_NODES_NATS;

export const hasSeveralNodes = nodes > 1;

/** What a test has of several nodes: the first one, with the address of all, and what is done to all. */
export async function severalNodes(options: ServiceOptions): Promise<Service> {
  const front = await SpreadingProxy.listen(options.host);
  const publicUrl = urlOf(options.host, front.port, options.tls === undefined ? 'http' : 'https');
  const endpoints = options.endpoints.length > 0 ? options.endpoints : [publicUrl];
  const nats = natsOptions([natsUrl ?? ''], { clusterName: randomUUID() });
  const clusters: Cluster[] = [];
  const services = Array.from({ length: nodes }, (_, index) => {
    const cluster: ServiceOptions['cluster'] = parts => {
      const made = clusterOn(nats, { settleMs: 100 })({ ...parts, clock: systemClock });
      clusters.push(made);
      return made;
    };
    const dataDirectory = options.dataDirectory && `${options.dataDirectory}-${index}`;
    return new Service({ ...options, endpoints, cluster, dataDirectory });
  });
  const [first] = services as [Service];
  const listen = async () => {
    await Promise.all(services.map(service => service.listen()));
    front.nodes = services.map((service, index) => ({
      port: Number(new URL(service.publicUrl).port),
      tag: clusters[index]?.connectionIds.tag ?? '',
    }));
  };
  const activate = async (config?: Config) => {
    await Promise.all(services.map(service => service.activate(config)));
  };
  const stop = async () => {
    await Promise.all(services.map(service => service.stop()));
    front.close();
  };
  const hubs = hubsOf(services);
  const reload = (config: Config) => Promise.all(services.map(service => service.reload(config)));
  const service = withProperties(first, { publicUrl, listen, activate, stop, hubs, reload });
  setExchange(service, async () => void (await Promise.all(clusters.map(passBarrier))));
  return service;
}

/** A node's query of all others ends when what they had sent before has come. [cluster 5] */
async function passBarrier({ backplane }: Cluster): Promise<void> {
  await backplane.gather({ scope: 'hub', hub: 'nowhere' }, { kind: 'exists' }, () => false);
}

/** The hubs of the first node, with the numbers of all. */
function hubsOf(services: readonly Service[]): Hubs {
  const [first] = services as [Service];
  const sumOf = (sizeOn: (hubs: Hubs) => number) => services.reduce((sum, { hubs }) => sum + sizeOn(hubs), 0);
  const withAll = (hub: Hub) =>
    withProperties(hub, {
      get size() {
        return sumOf(hubs => hubs.find(hub.name)?.size ?? 0);
      },
    });
  return withProperties(first.hubs, {
    get size() {
      return sumOf(hubs => hubs.size);
    },
    get: (name: HubName) => withAll(first.hubs.get(name)),
    all: () => new Map(services.flatMap(({ hubs }) => [...hubs.all()].map(hub => [hub.name, hub]))).values(),
  });
}

/** The object with other properties; its own private fields work all the same. */
function withProperties<T extends object>(object: T, properties: object): T {
  return new Proxy(object, {
    get(target, key) {
      if (key in properties) return Reflect.get(properties, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
