import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { AppServer } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { appKey, appSecret, PusherClient, socketUrl } from '../support/pusher.js';
import { startHub } from '../support/start-hub.js';
import { told } from '../support/webhook-harness.js';

interface Rule {
  readonly group: string;
  readonly channel: string;
  readonly direction?: string;
}

const news: Rule = { group: 'news.*', channel: 'news-*' };

async function start(rules: readonly Rule[]) {
  const receiver = await AppServer.start();
  onTestFinished(() => receiver.close());
  const textOf = (bridge: readonly Rule[]) => {
    const webhooks = [{ url: `${receiver.url}/hooks`, event_types: ['*'], max_concurrency: 1 }];
    const app = { id: '42', key: appKey, secret: appSecret, hub: 'chat', bridge, webhooks, linger_ms: 0 };
    return JSON.stringify({ hubs: { chat: {} }, apps: [app], queue: { driver: 'memory' } });
  };
  const { service, dial } = await startHub({ yaml: textOf(rules) });
  return {
    subscriber: async (channel: string) => {
      const client = await PusherClient.on(await dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] }));
      await client.subscribe(channel);
      return client;
    },
    member: async (group: string) => {
      const client = await dial({ token: { groups: [group] } });
      await client.next();
      return client;
    },
    reload: (bridge: readonly Rule[]) => service.reload(parseConfig(textOf(bridge), { file: 'hubs.yaml', env: {} })),
    /** What has been told of channels; waits until it is as many. */
    told: (count: number) =>
      eventually(() => {
        const events = told(receiver.posts).filter(event => event.startsWith('channel_'));
        expect(events.length).toBeGreaterThanOrEqual(count);
        return events;
      }),
  };
}

describe('[PW-107] webhooks of a channel that a group is joined with', () => {
  test('it is occupied by the first of both, and vacated by the last of both', async () => {
    const { member, subscriber, told } = await start([news]);
    const inGroup = await member('news.a');
    expect(await told(1)).toEqual(['channel_occupied news-a']);
    const client = await subscriber('news-a');
    const second = await member('news.a');
    inGroup.ws.close();
    second.ws.close();
    await Promise.all([inGroup.closed, second.closed]);
    await subscriber('news-mark');
    expect(await told(2)).toEqual(['channel_occupied news-a', 'channel_occupied news-mark']);
    client.client.ws.close();
    expect((await told(3)).at(-1)).toBe('channel_vacated news-a');
  });

  test('its last subscriber does not vacate it while the group has members', async () => {
    const { member, subscriber, told } = await start([news]);
    const client = await subscriber('news-a');
    const inGroup = await member('news.a');
    client.client.ws.close();
    await client.client.closed;
    await subscriber('news-mark');
    expect(await told(2)).toEqual(['channel_occupied news-a', 'channel_occupied news-mark']);
    inGroup.ws.close();
    expect((await told(3)).at(-1)).toBe('channel_vacated news-a');
  });

  test('members of a group that receives nothing from the channel do not count', async () => {
    const { member, subscriber, told } = await start([{ ...news, direction: 'to_channel' }]);
    await member('news.a');
    await subscriber('news-mark');
    expect(await told(1)).toEqual(['channel_occupied news-mark']);
  });

  test('rules that come and go occupy and vacate channels', async () => {
    const { member, subscriber, reload, told } = await start([]);
    await member('news.a');
    await member('news.b');
    await subscriber('news-b');
    await reload([news]);
    expect(await told(2)).toEqual(['channel_occupied news-b', 'channel_occupied news-a']);
    await reload([]);
    expect((await told(3)).slice(2)).toEqual(['channel_vacated news-a']);
  });
});
