import { beforeEach, expect, type TestContext, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { told } from '../support/webhook-harness.js';
import { appYaml, openClient, startReceiver, stopped } from '../support/webhook-service.js';

beforeEach(requireNats);

const leaseMs = 3_000;

/** Three processes with an app that counts subscriptions, and the receiver of its webhooks about that. */
async function start(context: TestContext) {
  const [server, receiver] = [await startNats(context), await startReceiver()];
  const app = `${appYaml(receiver.url).replace('["*"]', '["subscription_count"]')}    enable_subscription_count: true\n`;
  const yaml = `cluster: { leaseSeconds: ${leaseMs / 1_000} }\nqueue: { driver: memory }\n${app}`;
  const nodes = [1, 2, 3].map(() => startService(yaml, { HUBWIRE_NATS: server.url }));
  return { receiver, nodes: (await Promise.all(nodes)) as [RunningService, RunningService, RunningService] };
}

test('[CL-059] subscribers are told how many are left when a node with some of them is killed, once', async context => {
  const { receiver, nodes } = await start(context);
  const [dying, other] = nodes;
  const [first, second, left] = [await openClient(dying), await openClient(dying), await openClient(other)];
  await left.subscribe('news');
  expect((await left.next()).data).toBe('{"subscription_count":1}');
  for (const client of [first, second]) await client.subscribe('news');
  await first.subscribe('quiet');
  await eventually(async () => expect((await left.next()).data).toBe('{"subscription_count":3}'));
  await eventually(() => expect(told(receiver.posts)).toContain('subscription_count quiet'));
  await left.settle();
  const before = receiver.posts.length;
  await stopped(dying, 'SIGKILL');
  expect(await left.next()).toMatchObject({ channel: 'news', data: '{"subscription_count":1}' });
  await eventually(() => expect(told(receiver.posts.slice(before))).toHaveLength(2));
  expect(told(receiver.posts.slice(before)).toSorted()).toEqual([
    'subscription_count news',
    'subscription_count quiet',
  ]);
  expect(await left.settle()).toEqual([]);
}, 120_000);

test('[CL-059] [PW-085] who watches a user is told when the node of its last connection is killed', async context => {
  const { nodes } = await start(context);
  const [dying, one, two] = nodes;
  const [gone, stays] = [await openClient(dying), await openClient(dying)];
  await gone.signIn({ id: 'ann' });
  await stays.signIn({ id: 'bob' });
  await (await openClient(two)).signIn({ id: 'bob' });
  const watchers = [await openClient(one), await openClient(two)];
  for (const watcher of watchers) {
    await watcher.signIn({ id: 'eve', watchlist: ['ann', 'bob'] });
    expect((await watcher.next()).data.events).toEqual([{ name: 'online', user_ids: ['ann', 'bob'] }]);
  }
  await stopped(dying, 'SIGKILL');
  for (const watcher of watchers) {
    expect((await watcher.next()).data.events).toEqual([{ name: 'offline', user_ids: ['ann'] }]);
    expect(await watcher.settle()).toEqual([]);
  }
}, 120_000);
