import type { ServerResponse } from 'node:http';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { AppServer } from '../support/app-server.js';
import { lines, loggedAtMs, readinessOf, restOf } from '../support/cluster-processes.js';
import { EventAudit } from '../support/event-audit.js';
import { eventually } from '../support/eventually.js';
import { startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';

beforeEach(requireNats);

/** Somebody else claims the lease of each node that is there now. */
async function claimAll(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info('KV_hw_nodes', { subjects_filter: '>' });
  for (const subject of Object.keys(state.subjects ?? {})) {
    const found = await manager.streams.getMessage('KV_hw_nodes', { last_by_subj: subject });
    const value = { ...found!.json<object>(), state: 'claimed', by: 'zzzzzz' };
    await jetstream(connection).publish(subject, JSON.stringify(value));
  }
  await connection.close();
}

test('[cluster 6.2] a client whose connect was answered after its node was fenced and had begun again is refused, or is one like any other', async context => {
  const server = await startNats(context);
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const held: ServerResponse[] = [];
  app.onPost = (response, request) => {
    const isHeld = request.headers['ce-eventname'] === 'connect' && held.length === 0;
    if (isHeld) held.push(response);
    else response.writeHead(204).end();
  };
  const audit = new EventAudit(app);
  const yaml = `hubs:
  chat:
    eventHandlers:
      - urlTemplate: ${app.url}/{event}
        systemEvents: [connect, connected, disconnected]
        userEventPattern: "*"
cluster: { leaseSeconds: 3 }`;
  const env = { HUBWIRE_NATS: server.url };
  const node = await startService(yaml, env);
  const late = node.dial({ token: { roles: ['webpubsub.joinLeaveGroup'] } }).catch((error: unknown) => error);
  await app.until(() => held.length === 1);
  await claimAll(server.url);
  await loggedAtMs(node, lines.fenced);
  await eventually(async () => expect(await readinessOf(node)).toBe(200));
  const peer = await startService(yaml, env);
  const beside = await node.dial();
  await beside.next(); // connected, under the new tag
  held[0]!.writeHead(204).end();
  const client = await late;
  await restOf(peer).sendToAll('for all', { contentType: 'text/plain' });
  const heard = await Promise.race([beside.next(), new Promise(resolve => setTimeout(resolve, 2_000, 'nothing'))]);
  expect(heard).toMatchObject({ data: 'for all' });
  if (!(client instanceof Error)) {
    const welcome = await (client as typeof beside).next();
    expect(welcome).toMatchObject({ event: 'connected' });
    await eventually(() => expect(audit.connections.get(welcome.connectionId)?.connected).toBe(1), 3_000);
  }
}, 60_000);
