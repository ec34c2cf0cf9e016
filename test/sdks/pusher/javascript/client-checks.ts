import { type Checks, expect, expectEqual, within } from './checks.js';
import { type ClientBench, once, subscribed } from './client-bench.js';

const data = { text: 'grüße ☃', list: [1, 2.5, null], nested: { yes: true } };

async function arrives(bench: ClientBench, name: string): Promise<void> {
  const channel = await subscribed(await bench.connected(), name);
  const event = once(channel, 'greeting');
  await bench.trigger(name, 'greeting', data);
  expectEqual((await event).data, data, 'the data');
}

export const connectionChecks: Checks<ClientBench> = {
  'client.connect': async bench => {
    const { connection } = await bench.connected();
    expect(/^\d+\.\d+$/.test(connection.socket_id), `socket id ${connection.socket_id}`);
  },
  'client.unknownKey': async bench => {
    const client = bench.client({ key: 'no-such-key' });
    const [error] = await Promise.all([once(client.connection, 'error'), once(client.connection, 'disconnected')]);
    expectEqual((error.data as { data?: { code?: number } }).data?.code ?? codeIn(error.data), 4001, 'the code');
    await stays(client.connection, 'disconnected');
  },
  'client.terminated': async bench => {
    const userId = bench.own('user');
    const client = await bench.connected({ userId });
    await signIn(client);
    const disconnected = once(client.connection, 'disconnected');
    await bench.app('terminate', { user_id: userId });
    await disconnected;
    await stays(client.connection, 'disconnected');
  },
  'client.reconnect': async bench => {
    const client = await bench.connected({ port: bench.world.unsteadyPort });
    const name = bench.own('channel');
    const channel = await subscribed(client, name);
    const before = client.connection.socket_id;
    const again = within(
      new Promise<void>(resolve => channel.bind('pusher:subscription_succeeded', () => resolve())),
      'the channel after the break',
      15_000,
    );
    await bench.app('cut');
    await bench.app('mend');
    await again;
    expect(client.connection.socket_id !== before, 'the socket id is the same');
    const event = once(channel, 'greeting');
    await bench.trigger(name, 'greeting', data);
    await event;
  },
};

/** The library passes the code of a refused connection in an error of its own. */
function codeIn(error: unknown): unknown {
  return (error as { error?: { data?: { code?: number } } }).error?.data?.code;
}

async function stays(connection: { readonly state: string }, state: string): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 1_500)); // the library would try again after one second
  expectEqual(connection.state, state, 'the state later');
}

async function signIn(client: Awaited<ReturnType<ClientBench['connected']>>): Promise<void> {
  const done = once(client, 'pusher:signin_success');
  client.signin();
  await done;
}

export const channelChecks: Checks<ClientBench> = {
  'client.public': bench => arrives(bench, bench.own('channel')),
  'client.private': bench => arrives(bench, bench.own('private')),
  'client.encrypted': bench => arrives(bench, bench.own('private-encrypted')),
  'client.unsubscribe': async bench => {
    const client = await bench.connected();
    const [left, kept] = [bench.own('left'), bench.own('kept')];
    const leaving = await subscribed(client, left);
    const staying = await subscribed(client, kept);
    let count = 0;
    leaving.bind('greeting', () => {
      count += 1;
    });
    client.unsubscribe(left);
    // The second event is behind the first in the same connection, and both are behind the request to leave.
    await subscribed(client, bench.own('after'));
    const marker = once(staying, 'marker');
    await bench.trigger(left, 'greeting', data);
    await bench.trigger(kept, 'marker', data);
    await marker;
    expectEqual(count, 0, 'events after leaving');
  },
  'client.privateRefused': async bench => {
    const client = await bench.connected({ authPath: '/wrong-auth' });
    const refused = once(client.subscribe(bench.own('private')), 'pusher:subscription_error');
    expectEqual(((await refused).data as { status?: number }).status, 401, 'the status');
    await subscribed(client, bench.own('channel'));
  },
  'client.cache': async bench => {
    const name = bench.own('cache');
    const first = await bench.connected();
    const channel = first.subscribe(name);
    await once(channel, 'pusher:cache_miss');
    const event = once(channel, 'greeting');
    await bench.trigger(name, 'greeting', data);
    await event;
    const second = await bench.connected();
    expectEqual((await once(second.subscribe(name), 'greeting')).data, data, 'the data of the last event');
  },
  'client.subscriptionCount': async bench => {
    const name = bench.own('channel');
    const channel = await subscribed(await bench.connected(), name);
    const counted = new Promise<void>(resolve => {
      channel.bind('pusher:subscription_count', ({ subscription_count: count }) => {
        if (count === 2) resolve();
      });
    });
    await subscribed(await bench.connected(), name);
    await within(counted, 'a count of 2');
    expectEqual(channel.subscriptionCount, 2, 'the property of the channel');
  },
};

export const memberChecks: Checks<ClientBench> = {
  'client.presence': async bench => {
    const name = bench.own('presence');
    const [ann, ben] = [bench.own('ann'), bench.own('ben')];
    const first = await subscribed(await bench.connected({ userId: ann }), name);
    const added = once(first, 'pusher:member_added');
    const other = await bench.connected({ userId: ben });
    const second = await subscribed(other, name);
    expectEqual(second.members.count, 2, 'members at the second');
    expectEqual(second.members.me, { id: ben, info: { name: `The ${ben}` } }, 'the second itself');
    expectEqual(second.members.get(ann)?.info, { name: `The ${ann}` }, 'the first at the second');
    expectEqual((await added).data, { id: ben, info: { name: `The ${ben}` } }, 'who came');
    const removed = once(first, 'pusher:member_removed');
    other.disconnect();
    expectEqual(((await removed).data as { id: string }).id, ben, 'who went');
    expectEqual(first.members.count, 1, 'members in the end');
  },
  'client.clientEvent': async bench => {
    const name = bench.own('presence');
    const ann = bench.own('ann');
    const sender = await subscribed(await bench.connected({ userId: ann }), name);
    const receiver = await subscribed(await bench.connected({ userId: bench.own('ben') }), name);
    let own = 0;
    sender.bind('client-note', () => {
      own += 1;
    });
    const event = once(receiver, 'client-note');
    expect(sender.trigger('client-note', data), 'the library did not send it');
    const { data: received, metadata } = await event;
    expectEqual(received, data, 'the data');
    expectEqual(metadata.user_id, ann, 'the user id');
    const marker = once(sender, 'marker');
    await bench.trigger(name, 'marker', data);
    await marker;
    expectEqual(own, 0, 'events at the sender');
  },
  'client.signin': async bench => {
    const userId = bench.own('user');
    const client = await bench.connected({ userId });
    await signIn(client);
    const event = once(client.user, 'greeting');
    await bench.app('send-to-user', { user_id: userId, name: 'greeting', data: JSON.stringify(data) });
    expectEqual((await event).data, data, 'the data');
  },
  'client.watchlist': async bench => {
    const ben = bench.own('ben');
    const watching = await bench.connected({ userId: bench.own('ann'), watchlist: [ben] });
    const { watchlist } = watching.user;
    const offline = once(watchlist, 'offline');
    await signIn(watching);
    expectEqual(((await offline).data as { user_ids: string[] }).user_ids, [ben], 'who is offline at first');
    const online = once(watchlist, 'online');
    const watched = await bench.connected({ userId: ben });
    await signIn(watched);
    expectEqual(((await online).data as { user_ids: string[] }).user_ids, [ben], 'who came');
    const gone = new Promise<void>(resolve => watchlist.bind('offline', () => resolve()));
    watched.disconnect();
    await within(gone, 'offline');
  },
};

export const clientChecks: Checks<ClientBench> = { ...connectionChecks, ...channelChecks, ...memberChecks };
