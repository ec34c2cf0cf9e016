import { type Check, type Checks, expectEqual, type NotOffered, notOffered, until } from './checks.js';
import { type ClientModule, joined, started } from './client-checks.js';

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** What came with version 1.1.0; older ones have no such methods, and their types say so. */
interface NewerClient {
  invokeEvent?(event: string, data: unknown, type: 'json'): Promise<{ dataType?: string; data?: unknown }>;
  openGroupStream?(group: string): Promise<{
    readonly streamId: string;
    write(data: string, type: 'text'): Promise<void>;
    end(): Promise<void>;
  }>;
  onGroupStream?(each: (stream: AsyncIterable<{ data: unknown }> & { streamId: string }) => void): unknown;
}

const isOffered = (sdk: ClientModule, method: keyof NewerClient) => method in sdk.WebPubSubClient.prototype;

const ifOffered = (sdk: ClientModule, method: keyof NewerClient, check: Check): Check | NotOffered =>
  isOffered(sdk, method) ? check : notOffered('this version has no such method');

export const sessionChecks = (sdk: ClientModule): Checks => ({
  async 'client.reconnect'(bench) {
    const group = bench.own('group');
    const { client, inbox, connected } = await started(bench, sdk, await bench.unsteadyUrl({ roles }));
    await client.joinGroup(group);
    await bench.cut();
    expectEqual((await inbox.disconnected()).connectionId, connected.connectionId, 'the one that ended');
    await bench.mend();
    const again = await inbox.connected();
    expectEqual(again.connected.connectionId === connected.connectionId, false, 'the same connection');
    await until(() => bench.service.groupExists(group), 'the client is in its group again');
    await bench.service.group(group).sendToAll('back', { contentType: 'text/plain' });
    expectEqual((await inbox.groupMessage()).data, 'back', 'what arrived');
  },
  async 'client.reliable.start'(bench) {
    const group = bench.own('group');
    const { client, inbox } = await started(bench, sdk, await bench.url({ roles }), true);
    await client.joinGroup(group);
    for (const n of [1, 2, 3]) await client.sendToGroup(group, { n }, 'json');
    const got = [await inbox.groupMessage(), await inbox.groupMessage(), await inbox.groupMessage()];
    expectEqual(
      got.map(({ data, sequenceId }) => [data, sequenceId]),
      [1, 2, 3].map(n => [{ n }, n]),
      'data and sequence ids',
    );
  },
  async 'client.reliable.recovery'(bench) {
    const group = bench.own('group');
    const { inbox, connected } = await started(bench, sdk, await bench.unsteadyUrl({ groups: [group] }), true);
    const send = (data: string) => bench.service.group(group).sendToAll(data, { contentType: 'text/plain' });
    await send('before');
    expectEqual((await inbox.groupMessage()).data, 'before', 'what arrived before');
    await bench.cut();
    await send('missed 1');
    await send('missed 2');
    await bench.mend();
    expectEqual((await inbox.groupMessage()).data, 'missed 1', 'first after the recovery');
    expectEqual((await inbox.groupMessage()).data, 'missed 2', 'second after the recovery');
    await bench.service.sendToConnection(connected.connectionId, { n: 1 });
    expectEqual((await inbox.serverMessage()).data, { n: 1 }, 'sent to the same connection id');
  },
  'client.invokeEvent': ifOffered(sdk, 'invokeEvent', async bench => {
    const { client } = await joined(bench, sdk);
    const { dataType, data } = (await (client as NewerClient).invokeEvent?.('echo', { n: 1 }, 'json')) ?? {};
    expectEqual([dataType, data], ['json', { n: 1 }], 'what the upstream answered');
  }),
  'client.groupStream': ifOffered(sdk, 'openGroupStream', async bench => {
    const { client, group } = await joined(bench, sdk);
    const newer = client as NewerClient;
    const received = new Promise<unknown[]>((resolve, reject) => {
      newer.onGroupStream?.(stream => void readAll(stream).then(resolve, reject));
    });
    received.catch(() => undefined); // it is awaited below, unless the writer fails first
    const writer = await newer.openGroupStream?.(group);
    await writer?.write('one', 'text');
    await writer?.write('two', 'text');
    await writer?.end();
    expectEqual(await received, ['one', 'two'], 'what the subscriber read');
  }),
});

/** What a stream brought, without the empty text that ends it. */
async function readAll(stream: AsyncIterable<{ data: unknown }>): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const { data } of stream) if (data !== '') read.push(data);
  return read;
}
