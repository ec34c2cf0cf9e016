import type { Service } from '../../src/service.js';

/** For each service of several nodes: settles when each node has what the others had sent before. */
const exchanges = new WeakMap<Service, () => Promise<void>>();

/** @param exchange for `exchangedByAll` */
export function setExchange(service: Service, exchange: () => Promise<void>): void {
  exchanges.set(service, exchange);
}

/** What any node of the service has sent before has come to all others; at once where there is one node. */
export async function exchangedByAll(service: Service): Promise<void> {
  await exchanges.get(service)?.();
}
