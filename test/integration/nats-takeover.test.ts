import { setTimeout } from 'node:timers/promises';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import type { AppServer } from '../support/app-server.js';
import { claimersId, startAudited } from '../support/cluster-processes.js';
import type { EventAudit } from '../support/event-audit.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';
import type { TestClient } from '../support/test-client.js';

beforeEach(requireNats);

const leaseMs = 3_000;

interface World {
  readonly server: NatsServer;
  readonly app: AppServer;
  readonly audit: EventAudit;
  start(): Promise<RunningService>;
}

async function setup(context: TestContext): Promise<World> {
  const server = await startNats(context);
  const { app, audit, yaml } = await startAudited(`cluster: { leaseSeconds: ${leaseMs / 1_000} }`);
  const start = () => startService(yaml, { HUBWIRE_NATS: server.url });
  return { server, app, audit, start };
}

async function dialMany(node: RunningService, count: number): Promise<TestClient[]> {
  const clients: TestClient[] = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(50, count - clients.length) }, () => node.dial());
    clients.push(...(await Promise.all(batch)));
  }
  return clients;
}

/** Until the audit says so; 30 s are more than any of it may take. */
async function until(isSo: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  for (const end = Date.now() + limitMs; !(await isSo()); await setTimeout(20)) {
    if (Date.now() > end) throw new Error(`it does not come: ${isSo}`);
  }
}

function restOf({ connectionString }: RunningService): WebPubSubServiceClient {
  const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
  return new WebPubSubServiceClient(connectionString, 'chat', options);
}

async function statusOf({ adminUrl }: RunningService): Promise<number> {
  return (await fetch(new URL('/readyz', adminUrl))).status;
}

describe('a node that is killed', () => {
  test('[CL-050] 1,000 connections get one disconnected each, from another node, not before a lease is over', async context => {
    const { audit, start } = await setup(context);
    const [dying] = await Promise.all([start(), start()]);
    const clients = await dialMany(dying, 1_020);
    await until(() => audit.opened === 1_020);
    for (const client of clients.slice(0, 20)) await client.close();
    await until(() => audit.ended === 20);
    dying.process.signal('SIGKILL');
    const killedMs = Date.now();
    await until(() => audit.ended === 1_020);
    const ends = [...audit.connections.values()].filter(({ endIds }) => endIds.has(claimersId));
    const times = ends.map(({ endedMs }) => endedMs! - killedMs);
    expect(ends).toHaveLength(1_000);
    expect(Math.min(...times)).toBeGreaterThan(leaseMs * 0.75);
    expect(Math.max(...times)).toBeLessThan(leaseMs + 10_000);
    await setTimeout(leaseMs);
    expect(audit.odd).toEqual([]);
    expect([...audit.connections.values()].every(({ disconnected }) => disconnected === 1)).toBe(true);
  }, 180_000);

  test('[CL-051] in the middle of a mass close: what is repeated has the same id', async context => {
    const { app, audit, start } = await setup(context);
    const [dying] = await Promise.all([start(), start()]);
    const clients = await dialMany(dying, 300);
    await until(() => audit.opened === 300);
    const answer = app.onPost;
    app.onPost = (response, request) => void setTimeout(100).then(() => answer(response, request));
    for (const client of clients) void client.close().catch(() => {});
    await until(() => audit.ended > 20);
    dying.process.signal('SIGKILL');
    await until(() => audit.ended === 300);
    await setTimeout(leaseMs);
    expect(audit.odd).toEqual([]);
  }, 180_000);

  test('[CL-052] and so is the one that speaks for it: a third one goes on', async context => {
    const { app, audit, start } = await setup(context);
    const nodes = await Promise.all([start(), start(), start()]);
    await dialMany(nodes[0], 300);
    await until(() => audit.opened === 300);
    const answer = app.onPost;
    app.onPost = (response, request) => void setTimeout(200).then(() => answer(response, request));
    nodes[0].process.signal('SIGKILL');
    await until(() => audit.ended > 20);
    const heirs = nodes.slice(1).filter(({ process }) => process.stderr.includes('this one ends its connections'));
    expect(heirs).toHaveLength(1);
    heirs[0]!.process.signal('SIGKILL');
    await until(() => audit.ended === 300);
    await setTimeout(2 * leaseMs);
    expect(audit.odd).toEqual([]);
  }, 180_000);

  test('[CL-059] leaves no ghost: states are cleared at subscribers, and nothing of it is listed or found', async context => {
    const { audit, start } = await setup(context);
    const [dying, other] = await Promise.all([start(), start()]);
    const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.setGroupState', 'webpubsub.getGroupState'];
    const token = { userId: 'ann', groups: ['g'], roles };
    const [ann, bob] = await Promise.all([dying.dial({ token }), other.dial({ token: { ...token, userId: 'bob' } })]);
    const { connectionId } = await ann.next();
    await bob.next();
    expect(await bob.ask({ type: 'subscribeGroupState', group: 'g', ackId: 1 })).toMatchObject({ success: true });
    expect(await bob.next()).toMatchObject({ type: 'groupStateSnapshot' });
    expect(await ann.ask({ type: 'setGroupState', group: 'g', state: { at: '1' }, ackId: 1 })).toMatchObject({
      success: true,
    });
    expect(JSON.stringify(await bob.next())).toContain(connectionId);
    dying.process.signal('SIGKILL');
    const cleared = JSON.stringify(await bob.next());
    expect(cleared).toContain(connectionId);
    expect(cleared).not.toContain('"at"');
    await until(() => audit.ended === 1);
    const rest = restOf(other);
    const found = () => Promise.all([rest.connectionExists(connectionId), rest.userExists('ann')]);
    await eventually(async () => expect(await found()).toEqual([false, false]), leaseMs);
  }, 120_000);

  test('[CL-041] [CL-059] may have what is looked for until its last connection is ended, and not any longer', async context => {
    const { app, audit, start } = await setup(context);
    const [dying, other] = await Promise.all([start(), start()]);
    await dialMany(dying, 1);
    await until(() => audit.opened === 1);
    const answer = app.onPost;
    let release = () => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    app.onPost = (response, request) => void released.then(() => answer(response, request));
    dying.process.signal('SIGKILL');
    const killedMs = Date.now();
    await until(() => other.process.stderr.includes('this one ends its connections'));
    const rest = restOf(other);
    const nobody = () => rest.userExists('nobody');
    const isLonger = () => Date.now() - killedMs > leaseMs + 3_500;
    do await expect(nobody()).rejects.toMatchObject({ statusCode: 503 });
    while (!isLonger());
    release();
    await eventually(async () => expect(await nobody()).toBe(false), leaseMs);
    expect(audit.ended).toBe(1);
  }, 120_000);
});

describe('a node that is stopped and goes on', () => {
  test('[CL-054] after half a lease: nobody notices', async context => {
    const { audit, start } = await setup(context);
    const [node] = await Promise.all([start(), start()]);
    const client = await node.dial();
    await client.next();
    node.process.signal('SIGSTOP');
    await setTimeout(leaseMs / 2);
    node.process.signal('SIGCONT');
    expect(await client.ask({ type: 'event', event: 'e', dataType: 'text', data: '', ackId: 1 })).toMatchObject({
      success: true,
    });
    await setTimeout(leaseMs);
    expect([audit.opened, audit.ended]).toEqual([1, 0]);
  }, 120_000);

  test('[CL-053] after two leases: its clients are dropped, it posts nothing of them, and begins again', async context => {
    const { app, audit, start } = await setup(context);
    const [node] = await Promise.all([start(), start()]);
    const clients = await dialMany(node, 50);
    await until(() => audit.opened === 50);
    node.process.signal('SIGSTOP');
    await until(() => audit.ended === 50);
    const posts = app.posts.length;
    const closed = Promise.all(clients.map(client => client.closed));
    for (const client of clients) client.send({ type: 'event', event: 'late', dataType: 'text', data: '' });
    await setTimeout(leaseMs);
    node.process.signal('SIGCONT');
    await closed;
    await until(async () => (await statusOf(node)) === 200);
    expect(app.posts).toHaveLength(posts);
    expect(audit.odd).toEqual([]);
    const again = await node.dial();
    expect(await again.next()).toMatchObject({ event: 'connected' });
    await until(() => audit.opened === 51);
  }, 120_000);
});

describe('NATS', () => {
  test('[CL-056] is away for several leases: all pause, nobody is claimed, and no client is dropped', async context => {
    const { server, audit, start } = await setup(context);
    const nodes = await Promise.all([start(), start()]);
    const clients = (await Promise.all(nodes.map(node => dialMany(node, 10)))).flat();
    await until(() => audit.opened === 20);
    for (const client of clients) await client.next();
    await server.kill();
    await until(async () => (await Promise.all(nodes.map(statusOf))).every(status => status === 503));
    const held = clients[0]!.ask({ type: 'event', event: 'e', dataType: 'text', data: '', ackId: 1 });
    await setTimeout(leaseMs);
    await server.start();
    expect(await held).toMatchObject({ success: true });
    await until(async () => (await Promise.all(nodes.map(statusOf))).every(status => status === 200));
    await setTimeout(2 * leaseMs);
    expect([audit.opened, audit.ended]).toEqual([20, 0]);
    for (const { process } of nodes) expect(process.stderr).not.toContain('speaks for');
  }, 180_000);
});

test('[CL-062] a clean stop tells of every connection, and leaves nothing to others', async context => {
  const { audit, start } = await setup(context);
  const [leaving, other] = await Promise.all([start(), start()]);
  await dialMany(leaving, 20);
  await until(() => audit.opened === 20);
  leaving.process.signal('SIGTERM');
  await leaving.process.exit;
  expect([audit.ended, audit.odd]).toEqual([20, []]);
  await setTimeout(3 * leaseMs);
  expect(other.process.stderr).not.toContain('speaks for');
}, 120_000);
