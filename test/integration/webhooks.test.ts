import Pusher from 'pusher';
import { expect, onTestFinished, test } from 'vitest';
import { AppServer } from '../support/app-server.js';
import { textPayload } from '../support/fake-ports.js';
import { appKey, appSecret, PusherClient, socketUrl } from '../support/pusher.js';
import { startHub } from '../support/start-hub.js';
import { eventsOf, told } from '../support/webhook-harness.js';

async function start(webhook: object, app: object = {}) {
  const receiver = await AppServer.start();
  onTestFinished(() => receiver.close());
  const webhooks = [{ id: 'all', url: receiver.url, event_types: ['*'], max_concurrency: 1, ...webhook }];
  const yaml = JSON.stringify({
    queue: { driver: 'memory' },
    apps: [
      { id: '42', key: appKey, secret: appSecret, enable_client_messages: true, linger_ms: 100, webhooks, ...app },
    ],
    hubs: {
      chat: {
        anonymousConnectPolicy: 'allow',
        webhooks: [{ id: 'hub', url: receiver.url, event_types: ['connected'] }],
      },
    },
  });
  const started = await startHub({ yaml, admin: { host: '127.0.0.1', port: 0 } });
  const { service, dial } = started;
  const open = async () => PusherClient.on(await dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] }));
  return { ...started, receiver, open };
}

test('[PW-005] [PW-014] [PW-017] [PW-063] a client of Pusher makes webhooks, which the server library accepts; metrics count them', async () => {
  const { service, receiver, open } = await start({ event_types: ['channel_occupied', 'channel_vacated'] });
  const client = await open();
  await client.subscribe('orders-7');
  await receiver.until(({ posts }) => posts.length === 1);
  const [first] = receiver.posts;
  const token = new Pusher({ appId: '42', key: appKey, secret: appSecret, host: 'x' });
  const webhook = token.webhook({ headers: first!.headers as Record<string, string>, rawBody: first!.body.toString() });
  expect(webhook.isValid()).toBe(true);
  expect(webhook.getEvents()).toEqual([{ name: 'channel_occupied', channel: 'orders-7' }]);
  client.send('pusher:unsubscribe', { channel: 'never-joined' });
  await client.settle();
  await client.client.close();
  await receiver.until(({ posts }) => posts.length === 2);
  expect(told(receiver.posts)).toEqual(['channel_occupied orders-7', 'channel_vacated orders-7']);
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  expect(metrics).toContain('hubwire_webhook_deliveries_total{endpoint="app:42:all",outcome="success"} 2');
  expect(metrics).toContain('hubwire_webhook_events_total{app="42",name="channel_vacated"} 1');
});

test('[PW-013] [PW-022] [PW-024] members of a presence channel: as many as there are users', async () => {
  const { receiver, open } = await start({ event_types: ['member_added', 'member_removed'] });
  const tabs = [await open(), await open()];
  const other = await open();
  await other.join('presence-a', 'bob');
  for (const tab of tabs) await tab.join('presence-a', 7, { name: 'Ann' });
  await receiver.until(({ posts }) => posts.length === 2);
  for (const tab of tabs) await tab.client.close();
  await other.next(); // member_added
  expect(await other.next()).toMatchObject({ event: 'pusher_internal:member_removed', data: '{"user_id":7}' });
  expect(receiver.posts).toHaveLength(2);
  await receiver.until(({ posts }) => posts.length === 3);
  const events = ['member_added presence-a bob', 'member_added presence-a 7', 'member_removed presence-a 7'];
  expect(told(receiver.posts)).toEqual(events);
});

test('[PW-011] [PW-031] [PW-032] a client event that was accepted makes a webhook; others and those of servers do not', async () => {
  const { receiver, open, service } = await start({ event_types: ['client_event'] });
  const client = await open();
  client.send('client-early', {}, { channel: 'private-a' });
  await client.settle();
  await client.subscribe('private-a');
  client.send('xclient-y', {}, { channel: 'private-a' });
  await service.hubs.reach({ app: '42' }).sendToGroup('private-a', textPayload('{}'), { event: 'client-server' });
  client.send('client-typing', { on: true }, { channel: 'private-a' });
  client.send('client-text', 'as it is', { channel: 'private-a' });
  await receiver.until(({ posts }) => posts.length === 2);
  const fields = { name: 'client_event', channel: 'private-a', socket_id: client.socketId };
  expect(eventsOf(receiver.posts)).toEqual([
    { ...fields, event: 'client-typing', data: '{"on":true}' },
    { ...fields, event: 'client-text', data: 'as it is' },
  ]);
});

test('[PW-015] [PW-029] [PW-030] ten subscribers of an empty cache channel are one cache miss', async () => {
  const { receiver, open } = await start({
    event_types: ['cache_miss', 'channel_occupied'],
    filter: { channel_suffix: 'x' },
  });
  const clients = await Promise.all(Array.from({ length: 10 }, open));
  for (const client of clients) {
    await client.subscribe('my-cache-x');
    await client.subscribe('cache-x');
    expect(await client.next()).toMatchObject({ event: 'pusher:cache_miss', channel: 'cache-x' });
    client.requestChannel('cache-x');
    expect(await client.next()).toMatchObject({ event: 'pusher:error', data: { code: null } });
  }
  await receiver.until(({ posts }) => posts.length === 3);
  const events = ['cache_miss cache-x', 'channel_occupied cache-x', 'channel_occupied my-cache-x'];
  expect(told(receiver.posts).toSorted()).toEqual(events);
});

test('a hub’s client makes webhooks, too', async () => {
  const { receiver, dial } = await start({ event_types: ['cache_miss'] });
  await dial();
  await receiver.until(({ posts }) => posts.length === 1);
  expect(JSON.parse(receiver.posts[0]!.body.toString())).toMatchObject({
    hub: 'chat',
    events: [{ name: 'connected' }],
  });
});
