import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, type TestContext, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { told } from '../support/webhook-harness.js';
import { appYaml, linger, openClient, startReceiver, stopped } from '../support/webhook-service.js';

beforeEach(requireNats);

const lingerMs = 1_000;
const leaseMs = 3_000;
const events = '["channel_occupied", "channel_vacated", "member_added", "member_removed"]';

/** Processes of one cluster whose webhooks go to one receiver. */
async function start(context: TestContext, count: number) {
  const [server, app] = [await startNats(context), await startReceiver()];
  const yaml = `cluster: { leaseSeconds: ${leaseMs / 1_000} }\n${linger(lingerMs)}${appYaml(app.url).replace('["*"]', events)}`;
  const nodes = Array.from({ length: count }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hubwire-node-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return startService(yaml, { HUBWIRE_NATS: server.url }, ['--data-dir', directory]);
  });
  return { app, nodes: (await Promise.all(nodes)) as [RunningService, RunningService, RunningService] };
}

const ann = JSON.stringify({ user_id: 'ann', user_info: {} });
const came = ['channel_occupied presence-a', 'member_added presence-a ann'];
const left = ['member_removed presence-a ann', 'channel_vacated presence-a'];

test('[PW-027] [CL-064] a member of two nodes that are killed is removed with the second, once', async context => {
  const { app, nodes } = await start(context, 3);
  const [first, second, third] = nodes;
  for (const node of [first, second]) await (await openClient(node)).subscribe('presence-a', ann);
  const other = await openClient(third);
  await other.subscribe('b');
  await eventually(() => expect(told(app.posts)).toHaveLength(3));
  await stopped(first, 'SIGKILL');
  await setTimeout(leaseMs * 2 + lingerMs);
  expect(told(app.posts).toSorted()).toEqual([...came, 'channel_occupied b'].toSorted());
  await stopped(second, 'SIGKILL');
  await eventually(() => expect(told(app.posts).slice(3).toSorted()).toEqual(left.toSorted()), 30_000);
  await setTimeout(leaseMs);
  expect(told(app.posts)).toHaveLength(5);
}, 120_000);

test('[PW-026] [CL-065] what lingers on a node that is killed is told by another one, once', async context => {
  const { app, nodes } = await start(context, 2);
  const [first] = nodes;
  const client = await openClient(first);
  await client.subscribe('presence-a', ann);
  await eventually(() => expect(told(app.posts)).toEqual(came));
  client.client.ws.terminate();
  await setTimeout(lingerMs / 2);
  await stopped(first, 'SIGKILL');
  await eventually(() => expect(told(app.posts).slice(2).toSorted()).toEqual(left.toSorted()), 30_000);
  await setTimeout(leaseMs);
  expect(told(app.posts)).toHaveLength(4);
}, 120_000);
