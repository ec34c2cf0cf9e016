import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { lines, loggedAtMs, readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';
import { told } from '../support/webhook-harness.js';
import { appYaml, linger, openClient, startReceiver } from '../support/webhook-service.js';

beforeEach(requireNats);

/** Two looks after streams, a start of the nodes, and some more. */
const patienceMs = 25_000;

/** A stream of the cluster is deleted, while nodes use it. */
async function deleteStream({ url }: Pick<NatsServer, 'url'>, name: string): Promise<void> {
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  expect(await (await jetstreamManager(connection)).streams.delete(name)).toBe(true);
}

async function startNode({ url }: Pick<NatsServer, 'url'>, yaml: string): Promise<RunningService> {
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-node-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return await startService(yaml, { HUBWIRE_NATS: url }, ['--data-dir', directory]);
}

function startNodes(server: NatsServer, yaml: string): Promise<readonly RunningService[]> {
  return Promise.all([startNode(server, yaml), startNode(server, yaml)]);
}

/** Each node has dropped its clients, and lets new ones in. */
async function haveStartedAgain(nodes: readonly RunningService[]): Promise<void> {
  for (const node of nodes) {
    await eventually(() => loggedAtMs(node, lines.fenced), patienceMs);
    await eventually(async () => expect(await readinessOf(node)).toBe(200), patienceMs);
  }
}

async function startCluster(context: TestContext) {
  const server = await startNats(context);
  const { audit, yaml } = await startAudited('cluster: { leaseSeconds: 10 }');
  return { server, audit, nodes: await startNodes(server, yaml) };
}

describe('[CL-006] what NATS has lost is created again, and nodes start again', () => {
  test('when a server comes back with an empty store', async context => {
    const { server, audit, nodes } = await startCluster(context);
    await server.kill();
    await server.forget();
    await server.start();
    await haveStartedAgain(nodes);
    for (const node of nodes) await (await node.dial()).next();
    await eventually(() => expect(audit.opened).toBe(2));
  }, 60_000);

  for (const name of ['KV_hw_nodes', 'hw_ledger']) {
    test(`when stream ${name} is deleted`, async context => {
      const { server, audit, nodes } = await startCluster(context);
      const before = await Promise.all(nodes.map(node => node.dial()));
      await eventually(() => expect(audit.opened).toBe(2));
      await deleteStream(server, name);
      await haveStartedAgain(nodes);
      await Promise.all(before.map(client => client.closed));
      for (const node of nodes) await (await node.dial()).next();
      await eventually(() => expect(audit.opened).toBe(4));
      for (const node of nodes) {
        node.process.signal('SIGTERM');
        expect(await node.process.exit).toMatchObject({ code: 0 });
      }
      await eventually(() => expect(audit.ended).toBeGreaterThanOrEqual(2));
    }, 90_000);
  }

  const stopped = 'when a node is stopped meanwhile, which does not wait (may create it again: %s)';
  test.for([true, false])(stopped, { timeout: 60_000 }, async (mayCreate, context) => {
    const denied = ', permissions: { publish: { deny: "$JS.API.STREAM.CREATE.hw_ledger" } }';
    const users = (permissions: string) =>
      `authorization { users: [{ user: a, password: b${permissions} }, { user: c, password: d }] }\nno_auth_user: c`;
    const server = await startNats(context, { settings: users('') });
    const { audit, yaml } = await startAudited('cluster: { leaseSeconds: 10 }');
    const node = await startNode({ url: server.url.replace('//', '//a:b@') }, yaml);
    await (await node.dial()).next();
    await eventually(() => expect(audit.opened).toBe(1));
    if (!mayCreate) await server.reload(users(denied));
    await deleteStream(server, 'hw_ledger');
    node.process.signal('SIGTERM');
    expect(await node.process.exit).toMatchObject({ code: 0 });
    const { 1: durationMs } = await node.process.find(/"durationMs":(\d+),.*"msg":"stopped"/, 'stderr');
    expect(Number(durationMs)).toBeLessThan(5_000); // and not after 15 s, when nothing is waited for any more
    expect(node.process.stderr).not.toContain('internal error');
  });

  test('when stream KV_hw_facts is deleted: webhooks go on', async context => {
    const [server, app] = [await startNats(context), await startReceiver()];
    const yaml = `cluster: { leaseSeconds: 10 }\n${linger(200)}${appYaml(app.url).replace('["*"]', '["channel_occupied", "channel_vacated"]')}`;
    const nodes = await startNodes(server, yaml);
    await (await openClient(nodes[0]!)).subscribe('a');
    await eventually(() => expect(told(app.posts)).toEqual(['channel_occupied a']));
    await deleteStream(server, 'KV_hw_facts');
    await haveStartedAgain(nodes);
    const again = await openClient(nodes[0]!);
    await again.subscribe('a');
    await eventually(() => expect(told(app.posts)).toEqual(['channel_occupied a', 'channel_occupied a']));
    again.client.ws.terminate();
    await eventually(() => expect(told(app.posts).at(-1)).toBe('channel_vacated a'));
    for (const node of nodes) expect(node.process.stderr).not.toContain('jetstream is not enabled');
  }, 60_000);
});
