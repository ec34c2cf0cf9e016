import { connect, createServer, type Socket } from 'node:net';
import { listen } from './doctor.js';

export interface ReverseProxyOptions {
  /** Changes the head of each request; it is not parsed, so that anything can be done to it. */
  readonly rewrite?: (head: string) => string;
  /** Cuts connections on which nothing is sent for this long. */
  readonly idleMs?: number;
}

/** A proxy in front of a service, which reads the first request of each connection and then copies bytes. Ends with the test. */
export function startReverseProxy(target: string, options: ReverseProxyOptions = {}): Promise<string> {
  const port = Number(new URL(target).port);
  return listen(createServer(client => accept(client, port, options)));
}

function accept(client: Socket, port: number, { rewrite = head => head, idleMs }: ReverseProxyOptions): void {
  const service = connect(port, '127.0.0.1');
  for (const [from, to] of [[client, service] as const, [service, client] as const]) {
    from.on('error', () => to.destroy()); // either side may go first
    from.once('close', () => to.destroy());
  }
  let head = '';
  client.on('data', function read(bytes: Buffer) {
    head += bytes.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    client.off('data', read);
    service.write(rewrite(head), 'latin1');
    client.pipe(service);
  });
  service.pipe(client);
  if (idleMs !== undefined) client.setTimeout(idleMs, () => client.destroy());
}
