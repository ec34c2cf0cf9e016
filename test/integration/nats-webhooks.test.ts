import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { clusterOn } from '../../src/clustering.js';
import { parseConfig } from '../../src/config/load.js';
import type { AppServer } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { natsOptions } from '../support/nats-link.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { appKey, PusherClient, socketUrl } from '../support/pusher.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { told } from '../support/webhook-harness.js';
import { appYaml, linger, startReceiver } from '../support/webhook-service.js';

beforeEach(requireNats);

const lingerMs = 500;

/** Nodes of one cluster whose webhooks go to one receiver. */
async function start(context: TestContext, count: number, isTold = true) {
  const [server, app] = [await startNats(context), await startReceiver()];
  const events = '["channel_occupied", "channel_vacated", "member_added", "member_removed", "cache_miss"]';
  const yaml = linger(lingerMs) + appYaml(app.url).replace('["*"]', events);
  const first = isTold ? yaml : linger(lingerMs) + appYaml(undefined);
  const cluster = clusterOn(natsOptions([server.url]));
  const nodes = await Promise.all(Array.from({ length: count }, () => startHub({ yaml: first, cluster })));
  const tell = () =>
    Promise.all(nodes.map(({ service }) => service.reload(parseConfig(yaml, { file: 'hubs.yaml', env: {} }))));
  return { server, app, nodes, tell };
}

/** A client of app 42. */
async function openClient({ service, dial }: StartedHub): Promise<PusherClient> {
  return PusherClient.on(await dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] }));
}

const member = (userId: string) => JSON.stringify({ user_id: userId, user_info: {} });

/** These are told, in whatever order their requests arrive, and nothing else follows. */
async function expectTold(app: AppServer, expected: readonly string[]): Promise<void> {
  const check = () => expect(told(app.posts).toSorted()).toEqual(expected.toSorted());
  await eventually(check, 20_000);
  await setTimeout(lingerMs * 2);
  check();
}

/** Events about members, as a client was told of them. */
function membersHeard(client: PusherClient): string[] {
  return client.client.rest
    .map(({ bytes }) => JSON.parse(bytes.toString()) as { event: string; data: string })
    .filter(({ event }) => event.startsWith('pusher_internal:member_'))
    .map(({ event, data }) => `${event.slice('pusher_internal:member_'.length)} ${JSON.parse(data).user_id}`);
}

describe('webhooks of three nodes', () => {
  test('[PW-016] [CL-063] 50 that come at once are told once, and so are the last that leave at once', async context => {
    const { app, nodes } = await start(context, 3);
    const clients = await Promise.all(Array.from({ length: 51 }, (_, n) => openClient(nodes[n % 3]!)));
    for (const client of clients) client.requestChannel('presence-a', member('ann'));
    await Promise.all(clients.map(client => client.next()));
    const came = ['channel_occupied presence-a', 'member_added presence-a ann'];
    await expectTold(app, came);
    for (const { client } of clients.splice(1)) client.ws.terminate();
    await expectTold(app, came);
    clients[0]!.client.ws.terminate();
    await expectTold(app, [...came, 'member_removed presence-a ann', 'channel_vacated presence-a']);
  }, 60_000);

  test('[PW-022] a user with a tab on each of two nodes is one member, for webhooks and for others', async context => {
    const { app, nodes } = await start(context, 2);
    const [here, there] = nodes as [StartedHub, StartedHub];
    const watchers = [await openClient(here), await openClient(there)];
    for (const watcher of watchers) await watcher.subscribe('presence-a', member('w'));
    const tabs = [await openClient(here), await openClient(there)];
    for (const tab of tabs) tab.requestChannel('presence-a', member('ann'));
    await Promise.all(tabs.map(tab => tab.next()));
    const came = ['channel_occupied presence-a', 'member_added presence-a w', 'member_added presence-a ann'];
    await expectTold(app, came);
    tabs[0]!.client.ws.terminate();
    await expectTold(app, came);
    tabs[1]!.client.ws.terminate();
    await expectTold(app, [...came, 'member_removed presence-a ann']);
    for (const watcher of watchers) expect(membersHeard(watcher)).toEqual(['added ann', 'removed ann']);
  }, 60_000);

  test('a channel that is left on one node and joined on another within the time is not told', async context => {
    const { app, nodes } = await start(context, 2);
    const [here, there] = nodes as [StartedHub, StartedHub];
    const first = await openClient(here);
    await first.subscribe('a');
    const second = await openClient(there);
    await expectTold(app, ['channel_occupied a']);
    first.client.ws.terminate();
    await setTimeout(lingerMs / 4);
    await second.subscribe('a');
    await expectTold(app, ['channel_occupied a']);
  }, 60_000);

  test('[CL-063] one that a reload adds is not told of who is there already, and once when the last of all has left', async context => {
    const { app, nodes, tell } = await start(context, 3, false);
    const clients = await Promise.all([...nodes.slice(0, 2), ...nodes].map(openClient));
    for (const [index, client] of clients.entries()) {
      if (index === 2) await tell();
      await client.subscribe('presence-a', member('ann'));
    }
    await expectTold(app, []);
    for (const { client } of clients.splice(1)) client.ws.terminate();
    await expectTold(app, []);
    clients[0]!.client.ws.terminate();
    await expectTold(app, ['member_removed presence-a ann', 'channel_vacated presence-a']);
  }, 120_000);

  test('[PW-026] [CL-065] what lingers longer than a node takes to stop is told by another one, once', async context => {
    const [server, app] = [await startNats(context), await startReceiver()];
    const longMs = 20_000;
    const yaml = `cluster: { leaseSeconds: 3 }\n${linger(longMs)}${appYaml(app.url)}`;
    const cluster = clusterOn(natsOptions([server.url]));
    const [first] = await Promise.all([1, 2].map(() => startHub({ yaml, cluster, drainMs: 0 })));
    const client = await openClient(first!);
    await client.subscribe('a');
    await eventually(() => expect(told(app.posts)).toContain('channel_occupied a'));
    const vacated = () => told(app.posts).filter(each => each === 'channel_vacated a');
    client.client.ws.terminate();
    await first!.service.stop();
    expect(vacated()).toEqual([]);
    await eventually(() => expect(vacated()).toHaveLength(1), 2 * longMs);
    await setTimeout(3_000);
    expect(vacated()).toHaveLength(1);
  }, 120_000);

  test('a cache channel that is missed on two nodes is told once', async context => {
    const { app, nodes } = await start(context, 2);
    const clients = await Promise.all(Array.from({ length: 10 }, (_, n) => openClient(nodes[n % 2]!)));
    for (const client of clients) client.requestChannel('cache-a');
    await Promise.all(clients.map(client => client.next()));
    await expectTold(app, ['channel_occupied cache-a', 'cache_miss cache-a']);
  }, 60_000);
});
