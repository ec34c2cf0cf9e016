import { setImmediate } from 'node:timers/promises';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import {
  type GroupDataMessage,
  type OnConnectedArgs,
  WebPubSubClient,
  type WebPubSubClientOptions,
  WebPubSubJsonReliableProtocol,
} from '@azure/web-pubsub-client';
import { expect, onTestFinished, test } from 'vitest';
import { textPayload } from '../support/fake-ports.js';
import { Mailbox } from '../support/mailbox.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { type Cut, startProxy, type TcpProxy } from '../support/tcp-proxy.js';

const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

interface SdkClient {
  readonly client: WebPubSubClient;
  readonly proxy: TcpProxy;
  readonly connectionId: string;
  readonly connected: Mailbox<OnConnectedArgs>;
  /** All group messages, in the order in which the application heard them. */
  readonly heard: unknown[];
  /** The same, to be waited for. */
  readonly messages: Mailbox<GroupDataMessage>;
  /** How often the application was told that its connection ended. */
  disconnections: number;
}

/** The vendor's client with its reliable protocol, behind a proxy that can cut it off. */
async function started(
  { service }: StartedHub,
  groups: readonly string[] = [],
  options: WebPubSubClientOptions = {},
): Promise<SdkClient> {
  const proxy = await startProxy(Number(new URL(service.publicUrl).port));
  const url = new URL(service.clientUrl('chat', { roles, groups }, 60));
  url.host = `127.0.0.1:${proxy.port}`;
  const client = new WebPubSubClient(url.href, { protocol: WebPubSubJsonReliableProtocol(), ...options });
  const seen = {
    client,
    proxy,
    connectionId: '',
    connected: new Mailbox<OnConnectedArgs>(),
    heard: [] as unknown[],
    messages: new Mailbox<GroupDataMessage>(),
    disconnections: 0,
  };
  client.on('connected', args => seen.connected.put(args));
  client.on('disconnected', () => {
    seen.disconnections += 1;
  });
  client.on('group-message', ({ message }) => {
    seen.heard.push(message.data);
    seen.messages.put(message);
  });
  onTestFinished(() => client.stop());
  await client.start();
  seen.connectionId = (await seen.connected.take()).connectionId;
  return seen;
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);

test('[CP-092] cut off 50 times in the middle of traffic, the application misses nothing, hears nothing twice, and notices nothing', async () => {
  const hub = await startHub();
  const chat = hub.service.hubs.get('chat');
  const sdk = await started(hub, ['g']);
  const cuts: readonly Cut[] = ['close', 'reset', 'mixed'];
  const [rounds, perRound] = [50, 20];
  for (let round = 0; round < rounds; round += 1) {
    for (let step = 0; step < perRound; step += 1) {
      chat.sendToGroup('g', textPayload(`${round * perRound + step}`));
      // At another place in each round: before, among and after messages that are on their way.
      if (step === (round * 7) % perRound) sdk.proxy.cut(cuts[round % cuts.length]);
      await setImmediate();
    }
    const last = `${(round + 1) * perRound - 1}`;
    await sdk.messages.take(({ data }) => data === last);
  }
  expect(sdk.heard).toEqual(numbers(rounds * perRound));
  expect(sdk.proxy.accepted).toBe(rounds + 1);
  expect([sdk.disconnections, sdk.connected.rest, chat.size]).toEqual([0, [], 1]);
  expect(await chat.connectionExists(sdk.connectionId)).toBe(true);
});

test('[CP-092] [client-protocols 5.4] what it publishes while it is cut off arrives once and in order', async () => {
  const hub = await startHub();
  const sdk = await started(hub, [], { messageRetryOptions: { maxRetries: 1_000, retryDelayInMs: 5 } });
  const receiver = await hub.dial({ token: { groups: ['g'] } });
  await receiver.next();
  const sent = numbers(40);
  for (const [index, text] of sent.entries()) {
    // With an ackId of its own, a message that is sent again is known as the same one.
    const sending = sdk.client.sendToGroup('g', text, 'text', { ackId: 1_000 + index });
    if (index % 2 === 0) await setImmediate();
    sdk.proxy.cut();
    await sending;
  }
  await receiver.settle();
  expect(receiver.rest.map(({ bytes }) => JSON.parse(bytes.toString()).data)).toEqual(sent);
  expect(sdk.disconnections).toBe(0);
});

test('[CP-093] closed by the app server, it has a new connection within 2 s and is in its groups again', async () => {
  const hub = await startHub();
  const sdk = await started(hub);
  await sdk.client.joinGroup('g');
  const rest = new WebPubSubServiceClient(hub.connectionString, 'chat', { allowInsecureConnection: true });
  const closedAtMs = performance.now();
  await rest.closeConnection(sdk.connectionId, { reason: 'spring cleaning' });
  const { connectionId } = await sdk.connected.take();
  expect(performance.now() - closedAtMs).toBeLessThan(2_000);
  expect(connectionId).not.toBe(sdk.connectionId);
  expect(sdk.disconnections).toBe(1);
  await rest.group('g').sendToAll('back', { contentType: 'text/plain' });
  expect((await sdk.messages.take()).data).toBe('back');
  expect(await rest.connectionExists(sdk.connectionId)).toBe(false);
});

test('[CP-094] idle for many of its keep-alive timeouts, it stays on one transport', async () => {
  const pings = new Mailbox<number>();
  const hub = await startHub({ observer: { messageReceived: (_hub, _protocol, bytes) => pings.put(bytes) } });
  const sdk = await started(hub, ['g'], { keepAliveIntervalInMs: 40, keepAliveTimeoutInMs: 800 });
  const ping = '{"type":"ping"}'.length;
  for (let count = 0; count < 100; count += 1) await pings.take(bytes => bytes === ping);
  expect([sdk.proxy.accepted, sdk.proxy.size, sdk.disconnections]).toEqual([1, 1, 0]);
  hub.service.hubs.get('chat').sendToGroup('g', textPayload('still here'));
  expect((await sdk.messages.take()).data).toBe('still here');
});
