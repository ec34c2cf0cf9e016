import { createRequire } from 'node:module';
import Pusher from 'pusher';
import type { PresenceChannel } from 'pusher-js';
import { describe, expect, test } from 'vitest';
import { app, appKey, appSecret, channelAuth, nextEvent, startPusher, userAuth } from '../support/pusher.js';

/** Lets in as the user that the test names. */
function asMember(userId: string) {
  return {
    channelAuthorization: {
      transport: 'ajax' as const,
      endpoint: '',
      // biome-ignore lint/suspicious/noExplicitAny: the library's types of callbacks differ by version
      customHandler: ({ socketId, channelName }: any, callback: any) => {
        const data = JSON.stringify({ user_id: userId, user_info: { name: userId } });
        callback(null, channelAuth(socketId, channelName, channelName.startsWith('presence-') ? data : undefined));
      },
    },
  };
}

describe('pusher-js, the newest', () => {
  test('[PW-065] connects with a host and a port, subscribes and is sent events', async () => {
    const { pusherJs, publish } = await startPusher();
    const client = pusherJs();
    await nextEvent(client.connection, 'connected');
    expect(client.connection.socket_id).toMatch(/^\d+\.\d+$/);
    const channel = client.subscribe('orders');
    await nextEvent(channel, 'pusher:subscription_succeeded');
    const tick = nextEvent(channel, 'tick');
    publish('orders', 'tick', '{"n":1}');
    expect(await tick).toEqual({ n: 1 });
  });

  test('[PW-068] an unknown key: disconnected, for good', async () => {
    const { pusherJs } = await startPusher({ app: { keys: [{ ...app.keys[0]!, key: 'other' }] } });
    const client = pusherJs();
    const error = nextEvent(client.connection, 'error');
    expect((await error).error.data).toMatchObject({ code: 4001, message: expect.stringContaining('No app') });
    expect(client.connection.state).toBe('disconnected');
  });

  test('[PW-069] a shutdown: connects again at once', async () => {
    const { pusherJs, service } = await startPusher();
    const client = pusherJs();
    await nextEvent(client.connection, 'connected');
    const [error, connecting] = [nextEvent(client.connection, 'error'), nextEvent(client.connection, 'connecting')];
    const stopped = service.stop();
    expect((await error).data.code).toBe(4200);
    const closedMs = performance.now();
    await connecting;
    expect(performance.now() - closedMs).toBeLessThan(900); // after any other end it waits for 1 s
    client.disconnect();
    await stopped;
  });

  test('[PW-070] private channels, and client events between clients', async () => {
    const { pusherJs } = await startPusher();
    const [one, two] = [pusherJs(), pusherJs()];
    const [from, to] = [one.subscribe('private-c'), two.subscribe('private-c')];
    await Promise.all([from, to].map(channel => nextEvent(channel, 'pusher:subscription_succeeded')));
    const got = nextEvent(to, 'client-x');
    from.trigger('client-x', { n: 1 });
    expect(await got).toEqual({ n: 1 });
  });

  test('a refused subscription is an error of its channel', async () => {
    const { pusherJs } = await startPusher();
    const wrong = {
      customHandler: (_: unknown, callback: (error: null, data: { auth: string }) => void) =>
        callback(null, { auth: 'a:b' }),
    };
    const client = pusherJs({ channelAuthorization: { transport: 'ajax', endpoint: '', ...wrong } });
    const channel = client.subscribe('private-c');
    expect(await nextEvent(channel, 'pusher:subscription_error')).toMatchObject({ type: 'AuthError', status: 401 });
    expect(client.connection.state).toBe('connected');
  });

  test('[PW-073] [PW-076] presence: me, the others, who comes, goes and sends', async () => {
    const { pusherJs } = await startPusher();
    const [ann, bob] = [pusherJs(asMember('ann')), pusherJs(asMember('bob'))];
    const here = ann.subscribe('presence-c') as PresenceChannel;
    await nextEvent(here, 'pusher:subscription_succeeded');
    expect([here.members.count, here.members.me]).toEqual([1, { id: 'ann', info: { name: 'ann' } }]);
    const added = nextEvent(here, 'pusher:member_added');
    const there = bob.subscribe('presence-c') as PresenceChannel;
    await nextEvent(there, 'pusher:subscription_succeeded');
    expect(await added).toEqual({ id: 'bob', info: { name: 'bob' } });
    expect([here.members.count, there.members.count]).toEqual([2, 2]);
    const got = new Promise(resolve =>
      here.bind('client-x', (data: unknown, about: unknown) => resolve([data, about])),
    );
    there.trigger('client-x', 'hello');
    expect(await got).toEqual(['hello', { user_id: 'bob' }]);
    const removed = nextEvent(here, 'pusher:member_removed');
    bob.disconnect();
    expect(await removed).toEqual({ id: 'bob', info: { name: 'bob' } });
    expect(here.members.count).toBe(1);
  });

  test('cache channels: the last event, or that there is none', async () => {
    const { pusherJs, publish } = await startPusher();
    const client = pusherJs();
    const channel = client.subscribe('cache-c');
    await nextEvent(channel, 'pusher:cache_miss');
    publish('cache-c', 'tick', '1', { keptMs: 1_800_000 });
    await nextEvent(channel, 'tick');
    const other = pusherJs().subscribe('cache-c');
    expect(await nextEvent(other, 'tick')).toBe(1);
  });

  test('[PW-082] [PW-084] [PW-085] sign-in, the user’s own events, the watchlist', async () => {
    const { pusherJs, hub } = await startPusher();
    const signingIn = (user: object) => ({
      userAuthentication: {
        transport: 'ajax' as const,
        endpoint: '',
        // biome-ignore lint/suspicious/noExplicitAny: as above
        customHandler: ({ socketId }: any, callback: any) => callback(null, userAuth(socketId, JSON.stringify(user))),
      },
    });
    const client = pusherJs(signingIn({ id: 'ann', user_info: {}, watchlist: ['bob'] }));
    const offline = nextEvent(client.user.watchlist, 'offline');
    client.signin();
    await client.user.signinDonePromise;
    expect(await offline).toMatchObject({ name: 'offline', user_ids: ['bob'] });
    const note = nextEvent(client.user, 'note');
    hub().sendToUserAs(
      'ann',
      '#server-to-user-ann',
      { dataType: 'text', bytes: Buffer.from('{"a":1}'), metadata: undefined },
      { event: 'note' },
    );
    expect(await note).toEqual({ a: 1 });
    const online = nextEvent(client.user.watchlist, 'online');
    pusherJs(signingIn({ id: 'bob' })).signin();
    expect(await online).toMatchObject({ user_ids: ['bob'] });
  });

  test('[PW-079] what the server library encrypts, the client decrypts', async () => {
    const { service, pusherJs } = await startPusher();
    const { hostname: host, port } = new URL(service.publicUrl);
    const encryptionMasterKeyBase64 = Buffer.alloc(32, 7).toString('base64');
    const server = new Pusher({ appId: app.id, key: appKey, secret: appSecret, host, port, encryptionMasterKeyBase64 });
    const client = pusherJs({
      nacl: createRequire(import.meta.url)('tweetnacl'),
      channelAuthorization: {
        transport: 'ajax',
        endpoint: '',
        // biome-ignore lint/suspicious/noExplicitAny: as above
        customHandler: ({ socketId, channelName }: any, callback: any) =>
          callback(null, server.authorizeChannel(socketId, channelName)),
      },
    });
    const channel = client.subscribe('private-encrypted-c');
    await nextEvent(channel, 'pusher:subscription_succeeded');
    const got = nextEvent(channel, 'secret');
    await server.trigger('private-encrypted-c', 'secret', { n: 1 });
    expect(await got).toEqual({ n: 1 });
  });
});
