import Pusher from 'pusher';
import { type Checks, expect, expectEqual } from './checks.js';
import type { ServerBench, Webhook } from './server-bench.js';

const data = { text: 'grüße ☃', list: [1, 2.5, null] };

type Response = Awaited<ReturnType<Pusher['trigger']>>;

async function bodyOf(call: Promise<Response>): Promise<unknown> {
  const response = await call;
  expectEqual(response.status, 200, 'the status');
  return await response.json();
}

/** The status of a call that has to fail. */
async function statusOf(call: Promise<unknown>): Promise<number | undefined> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  expect(error instanceof Pusher.RequestError, 'the call succeeded');
  return error.status;
}

export const triggerChecks: Checks<ServerBench> = {
  trigger: async bench => {
    const channels = [bench.own('one'), bench.own('two')];
    const receiver = await bench.receiver();
    for (const channel of channels) await receiver.subscribe(channel);
    expectEqual(await bodyOf(bench.pusher.trigger(channels, 'greeting', data)), {}, 'the answer');
    const frames = [await receiver.next('greeting'), await receiver.next('greeting')];
    expectEqual(frames.map(({ channel }) => channel).sort(), channels.sort(), 'the channels');
    for (const frame of frames) expectEqual(frame.data, data, 'the data');
  },
  'trigger.excluded': async bench => {
    const channel = bench.own('channel');
    const [sender, other] = [await bench.receiver(), await bench.receiver()];
    await sender.subscribe(channel);
    await other.subscribe(channel);
    await bench.pusher.trigger(channel, 'greeting', 'for others', { socket_id: sender.socketId });
    await bench.pusher.trigger(channel, 'greeting', 'for all');
    expectEqual((await other.next('greeting')).data, 'for others', 'the first at the other');
    expectEqual((await sender.next('greeting')).data, 'for all', 'the first at the sender');
  },
  'trigger.info': async bench => {
    const [channel, presence] = [bench.own('channel'), bench.own('presence')];
    await (await bench.receiver()).subscribe(channel);
    await bench.member(presence, 'ann');
    const info = 'user_count,subscription_count';
    const { channels } = (await bodyOf(bench.pusher.trigger([channel, presence], 'greeting', data, { info }))) as {
      channels: Record<string, { user_count?: number; subscription_count?: number }>;
    };
    expectEqual(channels[channel]?.subscription_count, 1, 'subscribers');
    expectEqual(channels[presence]?.user_count, 1, 'users');
  },
  'trigger.tooLarge': async bench => {
    expectEqual(await statusOf(bench.pusher.trigger(bench.own('channel'), 'e', 'x'.repeat(10_241))), 413, 'the status');
  },
  triggerBatch: async bench => {
    const [one, two] = [bench.own('one'), bench.own('two')];
    const receiver = await bench.receiver();
    await receiver.subscribe(one);
    await receiver.subscribe(two);
    const batch = [
      { channel: one, name: 'first', data },
      { channel: two, name: 'second', data: 'text' },
    ];
    expectEqual(await bodyOf(bench.pusher.triggerBatch(batch)), {}, 'the answer');
    expectEqual((await receiver.next('first')).data, data, 'the data of the first');
    expectEqual((await receiver.next('second')).channel, two, 'the channel of the second');
  },
  'triggerBatch.info': async bench => {
    const [empty, channel] = [bench.own('empty'), bench.own('channel')];
    await (await bench.receiver()).subscribe(channel);
    const item = (name: string) => ({ channel: name, name: 'e', data, info: 'subscription_count' });
    const answer = await bodyOf(bench.pusher.triggerBatch([item(empty), item(channel)]));
    expectEqual(answer, { batch: [{ subscription_count: 0 }, { subscription_count: 1 }] }, 'the answer');
  },
  triggerEncrypted: async bench => {
    const channel = bench.own('private-encrypted');
    const receiver = await bench.receiver();
    const { auth } = bench.pusher.authorizeChannel(receiver.socketId, channel);
    await receiver.subscribe(channel, { auth });
    await bench.pusher.trigger(channel, 'greeting', data);
    const { nonce, ciphertext } = (await receiver.next('greeting')).data as Record<string, string>;
    expect(Boolean(nonce && ciphertext) && !ciphertext?.includes('text'), 'the data is not encrypted');
  },
  wrongSecret: async ({ place }) => {
    const stranger = new Pusher({ ...place, secret: 'of-another', useTLS: false });
    expectEqual(await statusOf(stranger.trigger('channel', 'greeting', data)), 401, 'the status');
  },
};

async function signedIn(bench: ServerBench, userId: string) {
  const receiver = await bench.receiver();
  await receiver.send('pusher:signin', bench.pusher.authenticateUser(receiver.socketId, { id: userId }));
  await receiver.next('pusher:signin_success');
  return receiver;
}

export const userChecks: Checks<ServerBench> = {
  authenticateUser: async bench => {
    await signedIn(bench, bench.own('user'));
  },
  sendToUser: async bench => {
    const userId = bench.own('user');
    const receivers = [await signedIn(bench, userId), await signedIn(bench, userId)];
    await bench.pusher.sendToUser(userId, 'greeting', data);
    for (const receiver of receivers) expectEqual((await receiver.next('greeting')).data, data, 'the data');
  },
  terminateUserConnections: async bench => {
    const userId = bench.own('user');
    const receiver = await signedIn(bench, userId);
    await bench.pusher.terminateUserConnections(userId);
    expectEqual((await receiver.closed()).code, 4009, 'the close code');
  },
  authorizeChannel: async bench => {
    const channel = bench.own('private');
    const receiver = await bench.receiver();
    await receiver.subscribe(channel, bench.pusher.authorizeChannel(receiver.socketId, channel));
  },
  'authorizeChannel.presence': async bench => {
    const channel = bench.own('presence');
    const first = await bench.member(channel, 'ann');
    await bench.member(channel, 'ben');
    expectEqual((await first.next('pusher_internal:member_added')).data, { user_id: 'ben', user_info: {} }, 'who came');
  },
};

export const queryChecks: Checks<ServerBench> = {
  channels: async bench => {
    const channel = bench.own('presence');
    await bench.member(channel, 'ann');
    const params = { filter_by_prefix: channel, info: 'user_count' };
    const answer = await bodyOf(bench.pusher.get({ path: '/channels', params }));
    expectEqual(answer, { channels: { [channel]: { user_count: 1 } } }, 'the answer');
  },
  channel: async bench => {
    const channel = bench.own('channel');
    const path = `/channels/${channel}`;
    expectEqual(await bodyOf(bench.pusher.get({ path })), { occupied: false }, 'of an empty channel');
    await (await bench.receiver()).subscribe(channel);
    const answer = await bodyOf(bench.pusher.get({ path, params: { info: 'subscription_count' } }));
    expectEqual(answer, { occupied: true, subscription_count: 1 }, 'of an occupied channel');
  },
  users: async bench => {
    const channel = bench.own('presence');
    for (const userId of ['ann', 'ann', 'ben']) await bench.member(channel, userId);
    const { users } = (await bodyOf(bench.pusher.get({ path: `/channels/${channel}/users` }))) as {
      users: { id: string }[];
    };
    expectEqual(users.map(({ id }) => id).sort(), ['ann', 'ben'], 'the users');
  },
};

function read(bench: ServerBench, { headers, body }: Webhook) {
  // As Node gives them to an app: in lower case.
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return bench.pusher.webhook({ headers: lower, rawBody: body });
}

function valid(bench: ServerBench, webhook: Webhook) {
  const found = read(bench, webhook);
  expect(found.isValid(), 'the library does not accept it');
  return found;
}

export const webhookChecks: Checks<ServerBench> = {
  webhook: async bench => {
    const channel = bench.own('channel');
    await (await bench.receiver()).subscribe(channel);
    const webhook = valid(bench, await bench.webhook('channel_occupied', channel));
    expectEqual(webhook.getEvents(), [{ name: 'channel_occupied', channel }], 'the events');
    expect(Math.abs(webhook.getTime().getTime() - Date.now()) < 5_000, `the time ${webhook.getTime().toISOString()}`);
  },
  'webhook.altered': async bench => {
    const channel = bench.own('channel');
    await (await bench.receiver()).subscribe(channel);
    const webhook = await bench.webhook('channel_occupied', channel);
    valid(bench, webhook);
    const altered = { ...webhook, body: webhook.body.replace('channel_occupied', 'channel_occupieD') };
    expect(!read(bench, altered).isValid(), 'the library accepts it');
  },
  'webhook.presence': async bench => {
    const channel = bench.own('presence');
    const member = await bench.member(channel, 'ann');
    const added = valid(bench, await bench.webhook('member_added', channel));
    expectEqual(added.getEvents(), [{ name: 'member_added', channel, user_id: 'ann' }], 'the first event');
    await bench.drop(member);
    const removed = valid(bench, await bench.webhook('member_removed', channel));
    expectEqual(removed.getEvents(), [{ name: 'member_removed', channel, user_id: 'ann' }], 'the second event');
  },
  'webhook.clientEvent': async bench => {
    const channel = bench.own('presence');
    const member = await bench.member(channel, 'ann');
    await member.send('client-note', data, channel);
    const [event] = valid(bench, await bench.webhook('client_event', channel)).getEvents();
    const expected = {
      name: 'client_event',
      channel,
      event: 'client-note',
      data: JSON.stringify(data),
      socket_id: member.socketId,
      user_id: 'ann',
    };
    expectEqual(event, expected, 'the event');
  },
  'webhook.vacated': async bench => {
    const channel = bench.own('channel');
    const receiver = await bench.receiver();
    await receiver.subscribe(channel);
    await bench.drop(receiver);
    valid(bench, await bench.webhook('channel_vacated', channel));
  },
};

export const serverChecks: Checks<ServerBench> = {
  ...triggerChecks,
  ...userChecks,
  ...queryChecks,
  ...webhookChecks,
};
