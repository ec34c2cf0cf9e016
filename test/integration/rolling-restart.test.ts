import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { chatYaml, type RunningService, startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { ReturningClient } from '../support/returning-client.js';
import { type RecordedUpstream, startUpstream } from '../support/upstream.js';

/** Nodes keep their ports when they are started again. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

const idsOf = ({ requests }: RecordedUpstream, event: string) =>
  requests.filter(request => request.event === event).map(({ headers }) => String(headers['ce-connectionid']));

describe('[cluster 9] a rolling restart of three nodes', { timeout: 240_000 }, () => {
  test('closes each plain client with 1001, loses no reconnection, and tells each end once', async context => {
    requireNats(context);
    const nats = await startNats(context);
    const upstream = await startUpstream();
    onTestFinished(() => upstream.stop());
    const ports = await freePorts(3);
    const start = (port: number) =>
      startService(
        chatYaml(`${upstream.origin}/{event}`),
        { HUBWIRE_NATS: nats.url },
        ['--drain-seconds', '1'],
        [...['--port', String(port), '--admin-port', 'any']],
      );
    const nodes: RunningService[] = await Promise.all(ports.map(start));
    const urls = nodes.map(node => node.clientUrl({ userId: 'ann' }));
    const received: string[] = [];
    const clients = Array.from({ length: 90 }, (_, at) => new ReturningClient(urls, at, text => received.push(text)));
    onTestFinished(() => {
      for (const client of clients) client.stop();
    });
    await Promise.all(clients.map(client => client.connected()));

    for (const [index, port] of ports.entries()) {
      nodes[index]?.process.signal('SIGTERM');
      expect(await nodes[index]?.process.exit).toEqual({ code: 0, signal: null });
      await Promise.all(clients.map(client => client.connected()));
      nodes[index] = await start(port);
    }

    // All of them are there, and every node reaches them.
    const rest = new WebPubSubServiceClient(nodes[0]!.connectionString, 'chat', { allowInsecureConnection: true });
    await rest.sendToUser('ann', 'to all that came back', { contentType: 'text/plain' });
    await eventually(() => expect(received).toHaveLength(90));

    const codes = new Set(clients.flatMap(({ closes }) => closes));
    expect([...codes]).toEqual([1001]);
    const connections = clients.flatMap(({ connectionIds }) => connectionIds);
    const ended = clients.flatMap(({ connectionIds }) => connectionIds.slice(0, -1));
    expect(ended.length).toBeGreaterThanOrEqual(90); // each node had clients when it stopped
    await eventually(() => expect(idsOf(upstream, 'disconnected').sort()).toEqual(ended.toSorted()));
    expect(idsOf(upstream, 'connected').sort()).toEqual(connections.toSorted());
  });
});
