import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';
import Pusher from 'pusher';
import type { Channel } from 'pusher-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemoryBus } from '../../src/backplane/memory.js';
import { parseConfig } from '../../src/config/load.js';
import type { PlainFact } from '../../src/hub/facts.js';
import { observers } from '../../src/hub/observers.js';
import type { Service } from '../../src/service.js';
import { Mailbox } from '../support/mailbox.js';
import { appKey, appSecret, nextEvent, PusherClient, pusherJs, socketUrl } from '../support/pusher.js';
import { type StartOptions, startHub } from '../support/start-hub.js';

interface Rule {
  readonly group: string;
  readonly channel: string;
  readonly direction?: string;
  readonly event?: string;
}

const news: Rule = { group: 'news.*', channel: 'news-*' };

/** Text of hubs.yaml. */
function yaml(bridge: readonly Rule[], app: object = {}): string {
  const own = { id: '42', key: appKey, secret: appSecret, enable_client_messages: true, hub: 'Chat', bridge };
  return JSON.stringify({ hubs: { chat: {} }, apps: [{ ...own, ...app }] });
}

async function start(bridge: readonly Rule[], app: object = {}, options: StartOptions = {}) {
  const facts: PlainFact[] = [];
  const observer = observers({ tell: fact => void facts.push(fact) });
  const started = await startHub({ yaml: yaml(bridge, app), observer, ...options });
  const { service, dial, connectionString } = started;
  const { hostname: host, port } = new URL(service.publicUrl);
  return {
    ...started,
    service,
    rest: new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true }),
    server: new Pusher({ appId: '42', key: appKey, secret: appSecret, host, port }),
    /** A client of the protocol, and one of the hub that is a member of a group. */
    pusher: async () => PusherClient.on(await dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] })),
    member: async (group: string) => {
      const client = await dial({ token: { roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'] } });
      await client.next();
      client.send({ type: 'joinGroup', group, ackId: 1 });
      await client.next();
      return client;
    },
    notPassedOn: () =>
      facts.flatMap(fact => (fact.kind === 'notPassedOn' ? [`${fact.hub} ${fact.group} ${fact.reason}`] : [])),
    reload: (rules: readonly Rule[]) => service.reload(parseConfig(yaml(rules, app), { file: 'hubs.yaml', env: {} })),
  };
}

/** The vendor's client library, as a member of a group. */
async function azureMember(service: Service, group: string) {
  const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];
  const credential = { getClientAccessUrl: async () => service.clientUrl('chat', { userId: 'ann', roles }, 60) };
  const client = new WebPubSubClient(credential, {
    protocol: WebPubSubJsonProtocol(),
    keepAliveIntervalInMs: 0, // its pings run on timers that outlive it
    keepAliveTimeoutInMs: 0,
  });
  const messages = new Mailbox<{ readonly dataType: string; readonly data: unknown; readonly group: string }>();
  client.on('group-message', ({ message }) => {
    messages.put({ dataType: message.dataType, data: message.data, group: message.group });
  });
  onTestFinished(() => client.stop());
  await client.start();
  await client.joinGroup(group);
  return { client, messages };
}

/** What a channel's client is sent, as `event data`. */
function heardBy(channel: Channel): Mailbox<string> {
  const heard = new Mailbox<string>();
  channel.bind_global((event: string, data: unknown) => {
    if (!event.startsWith('pusher:')) heard.put(`${event} ${JSON.stringify(data)}`);
  });
  return heard;
}

describe('[PW-107] pusher-js and the client library of Azure, joined by a rule', () => {
  test('each sends to the other, once, and is sent nothing of its own', async () => {
    const { service } = await start([{ group: 'room.*', channel: 'private-room-*' }]);
    const channel = pusherJs(service).subscribe('private-room-1');
    await nextEvent(channel, 'pusher:subscription_succeeded');
    const heard = heardBy(channel);
    const { client, messages } = await azureMember(service, 'room.1');

    await client.sendToGroup('room.1', { n: 1 }, 'json', { noEcho: true });
    expect(await heard.take()).toBe('message {"n":1}');
    channel.trigger('client-typing', { who: 'bob' });
    expect(await messages.take()).toEqual({ dataType: 'text', data: '{"who":"bob"}', group: 'room.1' });

    await client.sendToGroup('room.1', 'last', 'text', { noEcho: true });
    expect(await heard.take()).toBe('message "last"');
    expect(heard.rest).toEqual([]);
    expect(messages.rest).toEqual([]);
  });

  test('REST sends and triggers of the server libraries go both ways', async () => {
    const { service, rest, server } = await start([news]);
    const channel = pusherJs(service).subscribe('news-sport');
    await nextEvent(channel, 'pusher:subscription_succeeded');
    const heard = heardBy(channel);
    const { messages } = await azureMember(service, 'news.sport');

    await rest.group('news.sport').sendToAll({ goal: 1 });
    expect(await heard.take()).toBe('message {"goal":1}');
    expect(await messages.take()).toEqual({ dataType: 'json', data: { goal: 1 }, group: 'news.sport' });
    await server.trigger('news-sport', 'goal', { n: 2 });
    expect(await heard.take()).toBe('goal {"n":2}');
    expect(await messages.take()).toEqual({ dataType: 'text', data: '{"n":2}', group: 'news.sport' });
    expect(heard.rest).toEqual([]);
    expect(messages.rest).toEqual([]);
  });
});

describe('[PW-107] what is passed on', () => {
  test('text as it is, JSON as its text, a JSON string as its own; binary data is dropped and counted', async () => {
    const { rest, pusher, notPassedOn } = await start([news]);
    const client = await pusher();
    await client.subscribe('news-a');
    const group = rest.group('news.a');
    await group.sendToAll('as it is', { contentType: 'text/plain' });
    await group.sendToAll({ b: 1 });
    await group.sendToAll('quoted');
    await group.sendToAll(new Uint8Array([1, 2]).buffer);
    expect((await client.settle()).map(({ data }) => data)).toEqual(['as it is', '{"b":1}', 'quoted']);
    expect(notPassedOn()).toEqual(['chat news.a binary']);
  });

  test('the name of an event is in the metadata; the rule names that of a message', async () => {
    const { rest, server, member, pusher } = await start([{ group: 'g', channel: 'c', event: 'said' }]);
    const [inGroup, inChannel] = [await member('g'), await pusher()];
    await inChannel.subscribe('c');
    await rest.group('g').sendToAll('hi', { contentType: 'text/plain' });
    expect(await inChannel.next()).toEqual({ event: 'said', channel: 'c', data: 'hi' });
    await inGroup.next();
    await server.trigger('c', 'changed', 'x');
    expect(await inGroup.next()).toMatchObject({
      group: 'g',
      dataType: 'text',
      data: 'x',
      metadata: { event: 'changed' },
    });
    await server.trigger('c', 'geändert', 'y');
    expect(await inGroup.next()).not.toHaveProperty('metadata');
  });

  test('the limit of the side that gets it is checked too, and names that it cannot have', async () => {
    const { rest, pusher, notPassedOn } = await start([news], { max_event_payload_in_kb: 1 });
    const client = await pusher();
    await client.subscribe('news-a');
    await rest.group('news.a').sendToAll('x'.repeat(1_025), { contentType: 'text/plain' });
    await rest.group('news.ä').sendToAll('x', { contentType: 'text/plain' });
    expect(await client.settle()).toEqual([]);
    expect(notPassedOn()).toEqual(['chat news.a tooLarge', 'chat news.ä name']);
  });

  test.each([
    ['to_channel', ['from group'], []],
    ['to_group', [], ['from channel']],
  ])('direction %s', async (direction, toChannel, toGroup) => {
    const { rest, server, member, pusher, service } = await start([{ group: 'g', channel: 'c', direction }]);
    const [inGroup, inChannel] = [await member('g'), await pusher()];
    await inChannel.subscribe('c');
    await rest.group('g').sendToAll('from group', { contentType: 'text/plain' });
    await server.trigger('c', 'e', 'from channel');
    expect((await inChannel.settle()).map(({ data }) => data).filter(data => data !== 'from channel')).toEqual(
      toChannel,
    );
    service.hubs.get('chat').sendToAll({ dataType: 'text', bytes: Buffer.from('end'), metadata: undefined });
    const heard: string[] = [];
    for (let data = (await inGroup.next()).data; data !== 'end'; data = (await inGroup.next()).data) heard.push(data);
    expect(heard.filter(data => data !== 'from group')).toEqual(toGroup);
  });

  test('ids that are excluded, and filters, count on both sides', async () => {
    const { rest, server, member, pusher } = await start([{ group: 'g', channel: 'c' }]);
    const [one, two, inGroup] = [await pusher(), await pusher(), await member('g')];
    for (const client of [one, two]) await client.subscribe('c');
    await rest.group('g').sendToAll('x', { contentType: 'text/plain', excludedConnections: [one.socketId] });
    expect(await one.settle()).toEqual([]);
    expect(await two.settle()).toHaveLength(1);
    await rest.group('g').sendToAll('y', { contentType: 'text/plain', filter: "userId eq 'nobody'" });
    expect(await two.settle()).toEqual([]);
    await server.trigger('c', 'e', 'z', { socket_id: two.socketId });
    expect(await two.settle()).toEqual([]);
    expect([(await inGroup.next()).data, (await inGroup.next()).data]).toEqual(['x', 'z']);
  });

  test('a message of an app server is the last one of a cache channel, that of a client is not', async () => {
    const { rest, pusher, member } = await start([{ group: 'g', channel: 'cache-c' }]);
    await rest.group('g').sendToAll({ kept: 1 });
    const client = await member('g');
    client.send({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'passing', ackId: 2 });
    await client.next();
    const late = await pusher();
    await late.subscribe('cache-c');
    expect(await late.settle()).toEqual([{ event: 'message', channel: 'cache-c', data: '{"kept":1}' }]);
  });

  test('what is passed on goes no further, and messages to all, to users and to other groups stay', async () => {
    const { rest, pusher, member, service } = await start([{ group: 'g', channel: 'c' }]);
    const [client, inGroup] = [await pusher(), await member('g')];
    await client.subscribe('c');
    await rest.sendToAll('all', { contentType: 'text/plain' });
    await rest.group('other').sendToAll('other', { contentType: 'text/plain' });
    service.hubs
      .get({ app: '42' })
      .sendToUserAs('ann', 'c', { dataType: 'text', bytes: Buffer.from('own'), metadata: undefined });
    await rest.group('g').sendToAll('once', { contentType: 'text/plain' });
    expect((await client.settle()).map(({ data }) => data)).toEqual(['once']);
    expect([(await inGroup.next()).data, (await inGroup.next()).data]).toEqual(['all', 'once']);
    expect(inGroup.rest).toEqual([]);
  });
});

describe('[PW-107] on two nodes', () => {
  test('a message arrives once, wherever it was published and wherever its receivers are', async () => {
    const bus = new MemoryBus();
    const [here, there] = [
      await start([news], {}, { backplane: bus.connect() }),
      await start([news], {}, { backplane: bus.connect() }),
    ];
    const groups = [await here.member('news.a'), await there.member('news.a')];
    const channels = [await here.pusher(), await there.pusher()];
    for (const client of channels) await client.subscribe('news-a');
    await here.rest.group('news.a').sendToAll('one', { contentType: 'text/plain' });
    await there.server.trigger('news-a', 'e', 'two');
    for (const client of channels) expect((await client.settle()).map(({ data }) => data)).toEqual(['one', 'two']);
    for (const client of groups) {
      expect([(await client.next()).data, (await client.next()).data]).toEqual(['one', 'two']);
      expect(client.rest).toEqual([]);
    }
  });
});

describe('[PW-106] without a rule', () => {
  test('a group and a channel of the same name have nothing in common', async () => {
    const { rest, server, pusher, member } = await start([news]);
    const [client, inGroup] = [await pusher(), await member('private-a')];
    await client.subscribe('private-a');
    await rest.group('private-a').sendToAll('of the hub', { contentType: 'text/plain' });
    await server.trigger('private-a', 'e', 'of the app');
    expect((await client.settle()).map(({ data }) => data)).toEqual(['of the app']);
    expect((await inGroup.next()).data).toBe('of the hub');
    expect(inGroup.rest).toEqual([]);
  });
});

describe('rules that change while clients are connected', () => {
  test('are effective for the next message', async () => {
    const { rest, pusher, reload } = await start([]);
    const client = await pusher();
    await client.subscribe('news-a');
    const send = (text: string) => rest.group('news.a').sendToAll(text, { contentType: 'text/plain' });
    await send('before');
    await reload([news]);
    await send('joined');
    await reload([{ ...news, event: 'renamed' }]);
    await send('other');
    await reload([]);
    await send('after');
    expect((await client.settle()).map(({ event, data }) => `${event} ${data}`)).toEqual([
      'message joined',
      'renamed other',
    ]);
  });
});

describe('a channel whose group has members', () => {
  test('is occupied, and its subscribers are counted', async () => {
    const { server, member } = await start([news]);
    const state = async (path: string) => (await server.get({ path })).json();
    expect(await state('/channels/news-a')).toEqual({ occupied: false });
    const inGroup = await member('news.a');
    await member('other');
    expect(await state('/channels/news-a')).toEqual({ occupied: true });
    expect(await state('/channels')).toEqual({ channels: { 'news-a': {} } });
    inGroup.ws.close();
    await inGroup.closed;
    await expect.poll(() => state('/channels')).toEqual({ channels: {} });
  });
});
