import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Listens; `localhost` on all addresses that it resolves to. Fastify would make a server for each of them, whose
 * sockets are not counted: here all sockets go to the one server. Call it before the app is ready.
 * @param addressesOf what a host name resolves to
 * @returns the port @throws when the first address cannot be listened on
 */
export async function listenOn(
  app: FastifyInstance,
  { host, port }: ListenAddress,
  addressesOf = localAddressesOf,
): Promise<number> {
  const [first = host, ...others] = await addressesOf(host);
  const listeners: Server[] = [];
  app.addHook('preClose', async () => {
    for (const listener of listeners) listener.close();
  });
  await app.listen({ host: first, port });
  const { port: taken } = app.server.address() as AddressInfo;
  for (const address of others) listeners.push(...(await listenToo(app, address, taken)));
  return taken;
}

async function localAddressesOf(host: string): Promise<readonly string[]> {
  if (host !== 'localhost') return [host];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/** None where the address cannot be listened on: the name may resolve to one that this machine does not have. */
async function listenToo(app: FastifyInstance, host: string, port: number): Promise<readonly Server[]> {
  // The options are those of Node's own HTTP servers.
  const listener = createServer(
    { allowHalfOpen: true, noDelay: true },
    socket => void app.server.emit('connection', socket),
  );
  listener.listen({ host, port });
  try {
    await once(listener, 'listening');
    return [listener];
  } catch {
    return [];
  }
}
