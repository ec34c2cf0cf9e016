import type { SendMessageError, WebPubSubClient } from '@azure/web-pubsub-client';
import { type Bench, type Check, type Checks, expect, expectEqual, failureOf, until } from './checks.js';
import { Inbox } from './inbox.js';

export type ClientModule = typeof import('@azure/web-pubsub-client');

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

export interface Joined {
  readonly client: WebPubSubClient;
  readonly inbox: Inbox;
  readonly group: string;
}

/** A started client that is in a group of its own. */
export async function joined(bench: Bench, sdk: ClientModule): Promise<Joined> {
  const group = bench.own('group');
  const { client, inbox } = await started(bench, sdk, await bench.url({ roles, userId: bench.own('user') }));
  await client.joinGroup(group);
  return { client, inbox, group };
}

export async function started(bench: Bench, sdk: ClientModule, url: string, isReliable = false) {
  const protocol = isReliable ? sdk.WebPubSubJsonReliableProtocol() : sdk.WebPubSubJsonProtocol();
  // What the service refuses would be tried again three times, with seconds in between.
  const client = new sdk.WebPubSubClient(url, { protocol, messageRetryOptions: { maxRetries: 0 } });
  const inbox = new Inbox(client);
  bench.later(() => client.stop());
  await client.start();
  return { client, inbox, ...(await inbox.connected()) };
}

const bytes = Uint8Array.of(0, 1, 128, 255).buffer;
const samples = { text: 'héllo', json: { n: 1, list: [true, null] }, binary: bytes } as const;
type Format = keyof typeof samples;

/** Bytes as numbers, so that they compare; all else as it is. */
const comparable = (data: unknown) => (data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data);

const sendToGroup = (sdk: ClientModule, format: Format): Check => {
  return async bench => {
    const { client, inbox, group } = await joined(bench, sdk);
    await client.sendToGroup(group, samples[format], format);
    const { dataType, data, fromUserId, group: from } = await inbox.groupMessage();
    expectEqual([dataType, comparable(data)], [format, comparable(samples[format])], 'what arrived');
    expectEqual([from, fromUserId], [group, bench.own('user')], 'group and sender');
  };
};

const sendEvent = (sdk: ClientModule, format: Format): Check => {
  return async bench => {
    const { client, inbox } = await joined(bench, sdk);
    await client.sendEvent('echo', samples[format], format);
    const { dataType, data } = await inbox.serverMessage();
    expectEqual([dataType, comparable(data)], [format, comparable(samples[format])], 'what the upstream sent back');
  };
};

/** `errorDetail.name` of a call that the service refuses. */
async function refusal(call: Promise<unknown>): Promise<string | undefined> {
  return ((await failureOf(call)) as SendMessageError).errorDetail?.name;
}

export const clientChecks = (sdk: ClientModule): Checks => ({
  async 'client.start'(bench) {
    const userId = bench.own('user');
    const { connected } = await started(bench, sdk, await bench.url({ userId }));
    expectEqual(connected.userId, userId, 'userId');
    expectEqual(await bench.service.connectionExists(connected.connectionId), true, 'exists');
  },
  async 'client.stop'(bench) {
    const { client, inbox, connected } = await started(bench, sdk, await bench.url());
    client.stop();
    await inbox.stopped();
    await until(async () => !(await bench.service.connectionExists(connected.connectionId)), 'the connection is gone');
  },
  async 'client.joinGroup'(bench) {
    const { inbox, group } = await joined(bench, sdk);
    await bench.service.group(group).sendToAll({ n: 1 });
    expectEqual((await inbox.groupMessage()).data, { n: 1 }, 'what arrived');
  },
  async 'client.leaveGroup'(bench) {
    const { client, group } = await joined(bench, sdk);
    await client.leaveGroup(group);
    expectEqual(await bench.service.groupExists(group), false, 'the group has a member');
  },
  'client.sendToGroup.text': sendToGroup(sdk, 'text'),
  'client.sendToGroup.json': sendToGroup(sdk, 'json'),
  'client.sendToGroup.binary': sendToGroup(sdk, 'binary'),
  async 'client.sendToGroup.noEcho'(bench) {
    const { client, inbox, group } = await joined(bench, sdk);
    const other = await bench.receiver({ groups: [group] });
    await client.sendToGroup(group, 'not for me', 'text', { noEcho: true });
    await client.sendToGroup(group, 'for all', 'text');
    expectEqual((await other.next()).data, 'not for me', 'the other got first');
    expectEqual((await inbox.groupMessage()).data, 'for all', 'the sender got first');
  },
  async 'client.sendToGroup.fireAndForget'(bench) {
    const { client, inbox, group } = await joined(bench, sdk);
    await client.sendToGroup(group, 'no ack', 'text', { fireAndForget: true });
    expectEqual((await inbox.groupMessage()).data, 'no ack', 'what arrived');
  },
  'client.sendEvent.text': sendEvent(sdk, 'text'),
  'client.sendEvent.json': sendEvent(sdk, 'json'),
  'client.sendEvent.binary': sendEvent(sdk, 'binary'),
  async 'client.sendEvent.failed'(bench) {
    const { client } = await joined(bench, sdk);
    expectEqual(await refusal(client.sendEvent('refuse', 'x', 'text')), 'InternalServerError', 'error of the ack');
  },
  async 'client.ack.forbidden'(bench) {
    const { client } = await started(bench, sdk, await bench.url());
    expectEqual(await refusal(client.joinGroup(bench.own('group'))), 'Forbidden', 'error of the ack');
  },
  async 'client.ack.duplicate'(bench) {
    const { client, inbox, group } = await joined(bench, sdk);
    const first = await client.sendToGroup(group, 'once', 'text', { ackId: 77 });
    const second = await client.sendToGroup(group, 'twice', 'text', { ackId: 77 });
    expectEqual([first.isDuplicated, second.isDuplicated], [false, true], 'isDuplicated');
    await client.sendToGroup(group, 'last', 'text');
    expectEqual([(await inbox.groupMessage()).data, (await inbox.groupMessage()).data], ['once', 'last'], 'arrived');
  },
  async 'client.largeMessage'(bench) {
    const { inbox, connected } = await started(bench, sdk, await bench.url());
    const text = 'é'.repeat(100_000);
    await bench.service.sendToConnection(connected.connectionId, text, { contentType: 'text/plain' });
    expectEqual((await inbox.serverMessage()).data === text, true, 'all of it arrived');
  },
  async 'client.serverMessage'(bench) {
    const { inbox, connected } = await started(bench, sdk, await bench.url());
    await bench.service.sendToConnection(connected.connectionId, 'héllo', { contentType: 'text/plain' });
    await bench.service.sendToConnection(connected.connectionId, { n: 1 });
    await bench.service.sendToConnection(connected.connectionId, bytes);
    const got = [await inbox.serverMessage(), await inbox.serverMessage(), await inbox.serverMessage()];
    expectEqual(
      got.map(({ dataType, data }) => [dataType, comparable(data)]),
      [
        ['text', 'héllo'],
        ['json', { n: 1 }],
        ['binary', comparable(bytes)],
      ],
      'what arrived',
    );
  },
  async 'client.disconnected'(bench) {
    const { inbox, connected } = await started(bench, sdk, await bench.url());
    await bench.service.closeConnection(connected.connectionId, { reason: 'maintenance' });
    const { connectionId, message } = await inbox.disconnected();
    expectEqual(connectionId, connected.connectionId, 'connectionId');
    expect(message?.message?.endsWith(' Reason: maintenance') === true, `message: ${message?.message}`);
  },
});
