import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { WebhookEntry } from '../../src/webhooks/options.js';
import { AppServer } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import {
  appSettings,
  eventsOf,
  memberOf,
  startWebhooks,
  told,
  type WebhookHarnessOptions,
} from '../support/webhook-harness.js';

interface Given extends WebhookHarnessOptions {
  readonly endpoint?: Partial<WebhookEntry>;
  readonly lingerMs?: number;
}

async function start({ endpoint = {}, lingerMs, ...options }: Given = {}) {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const entry = { url: `${app.url}/hooks`, event_types: ['*'], max_concurrency: 1, ...endpoint };
  const settings = appSettings([entry], lingerMs === undefined ? {} : { linger_ms: lingerMs });
  const harness = await startWebhooks(settings, options);
  /** What has arrived once nothing is under way any more. */
  const arrived = async () => {
    await harness.clock.advanceAsync(0);
    await harness.webhooks.settled();
    const count = async () =>
      (await harness.outbox.status()).reduce((sum, { depth }) => sum + depth.ready + depth.inFlight, 0);
    while ((await count()) > 0) await new Promise(resolve => void setImmediate(resolve));
    return told(app.posts);
  };
  /** Lets time pass in steps: a request takes real time, and would be given up if a minute passed at once. */
  const pass = async (ms: number) => {
    for (let leftMs = ms; leftMs > 0; leftMs -= 1_000) {
      await arrived();
      await harness.clock.advanceAsync(Math.min(leftMs, 1_000));
    }
    return await arrived();
  };
  return { app, entry, ...harness, arrived, pass };
}

const channels = { event_types: ['channel_occupied', 'channel_vacated'] };
const members = { event_types: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'] };
const ann = memberOf('ann');

describe('a channel', () => {
  test('[PW-014] is occupied by its first subscriber only', async () => {
    const { connect, arrived } = await start({ endpoint: channels });
    connect().join('a');
    connect().join('a');
    expect(await arrived()).toEqual(['channel_occupied a']);
  });

  test('[PW-018] is vacated three seconds after the last one left', async () => {
    const { connect, arrived, clock } = await start({ endpoint: channels });
    const client = connect();
    client.join('a');
    await arrived();
    client.close();
    await clock.advanceAsync(2_900);
    expect(await arrived()).toEqual(['channel_occupied a']);
    await clock.advanceAsync(1_100);
    expect(await arrived()).toEqual(['channel_occupied a', 'channel_vacated a']);
  });

  test('is not vacated while one of three subscribers remains, whether the others leave or are lost', async () => {
    const { connect, pass } = await start({ endpoint: channels });
    const [first, second, third] = [connect(), connect(), connect()];
    for (const client of [first, second, third]) client.join('a');
    first.leave('a');
    second.close();
    expect(await pass(60_000)).toEqual(['channel_occupied a']);
    third.leave('a');
    expect(await pass(4_000)).toEqual(['channel_occupied a', 'channel_vacated a']);
  });

  test('[PW-019] [PW-020] tells nothing when the same or another client comes back within that time', async () => {
    const { connect, arrived, clock, pass } = await start({ endpoint: channels });
    const client = connect();
    client.join('a');
    client.leave('a');
    await clock.advanceAsync(1_000);
    client.join('a');
    client.leave('a');
    await clock.advanceAsync(1_000);
    connect().join('a');
    await pass(60_000);
    expect(await arrived()).toEqual(['channel_occupied a']);
  });

  test('[PW-021] is vacated once, counted from the last time', async () => {
    const { connect, arrived, clock, app, pass } = await start({ endpoint: channels });
    const client = connect();
    client.join('a');
    await arrived();
    const startMs = clock.now();
    client.leave('a');
    await clock.advanceAsync(1_000);
    client.join('a');
    await clock.advanceAsync(500);
    client.leave('a');
    await pass(60_000);
    expect(await arrived()).toEqual(['channel_occupied a', 'channel_vacated a']);
    const { time_ms } = JSON.parse(app.posts[1]!.body.toString()) as { time_ms: number };
    expect(time_ms - startMs).toBe(4_500);
  });

  test('[PW-025] is vacated at once without a linger time', async () => {
    const { connect, arrived } = await start({ endpoint: channels, lingerMs: 0 });
    const client = connect();
    client.join('a');
    client.leave('a');
    client.join('a');
    expect(await arrived()).toEqual(['channel_occupied a', 'channel_vacated a', 'channel_occupied a']);
  });

  test('is told to nobody when it is a user’s own', async () => {
    const { connect, arrived } = await start({ endpoint: channels });
    connect().join('#server-to-user-7');
    expect(await arrived()).toEqual([]);
  });
});

describe('a presence channel', () => {
  test('[PW-028] is occupied before its member is added, and vacated after its member is removed', async () => {
    const { connect, arrived, clock } = await start({ endpoint: members });
    const client = connect();
    client.join('presence-a', ann);
    client.close();
    await clock.advanceAsync(3_001);
    expect(await arrived()).toEqual([
      ...['channel_occupied presence-a', 'member_added presence-a ann'],
      ...['member_removed presence-a ann', 'channel_vacated presence-a'],
    ]);
  });

  test('[PW-022] has a member for all tabs of a user', async () => {
    const { connect, arrived, clock, pass } = await start({ endpoint: members });
    connect().join('presence-a', memberOf('bob'));
    const tabs = [connect(), connect()];
    for (const tab of tabs) tab.join('presence-a', ann);
    tabs[0]?.close();
    const before = await pass(10_000);
    expect(before).toEqual([
      'channel_occupied presence-a',
      'member_added presence-a bob',
      'member_added presence-a ann',
    ]);
    tabs[1]?.close();
    await clock.advanceAsync(3_001);
    expect((await arrived()).slice(before.length)).toEqual(['member_removed presence-a ann']);
  });

  test('two tabs that close in the same turn are one departure', async () => {
    const { connect, arrived, clock } = await start({ endpoint: members });
    const tabs = [connect(), connect()];
    for (const tab of tabs) tab.join('presence-a', ann);
    for (const tab of tabs) tab.close();
    await clock.advanceAsync(3_001);
    expect((await arrived()).slice(2)).toEqual(['member_removed presence-a ann', 'channel_vacated presence-a']);
  });

  test('[PW-023] tells nothing of a user that reconnects within the time', async () => {
    const { connect, arrived, clock, pass } = await start({ endpoint: members });
    const client = connect();
    client.join('presence-a', ann);
    client.close();
    await clock.advanceAsync(2_000);
    connect().join('presence-a', ann);
    await pass(60_000);
    expect(await arrived()).toEqual(['channel_occupied presence-a', 'member_added presence-a ann']);
  });

  test('[PW-013] has numbers for user ids as text, and 7 and "7" are one member', async () => {
    const { connect, arrived, app } = await start({ endpoint: { event_types: ['member_added'] } });
    connect().join('presence-a', memberOf(7));
    connect().join('presence-a', memberOf('7'));
    await arrived();
    expect(eventsOf(app.posts)).toEqual([{ name: 'member_added', channel: 'presence-a', user_id: '7' }]);
  });
});

describe('a restart', () => {
  const folder = async () => {
    const path = await mkdtemp(join(tmpdir(), 'webhooks-'));
    onTestFinished(() => rm(path, { recursive: true }));
    return path;
  };

  test('[PW-026] while a channel lingers still tells that it was vacated, once', async () => {
    const queue = { driver: 'file', directory: await folder() } as const;
    const clock = new ManualClock();
    const first = await start({ endpoint: members, queue, clock, stopsItself: true });
    const client = first.connect();
    client.join('presence-a', ann);
    expect(await first.arrived()).toHaveLength(2);
    client.close();
    await first.stop();
    const second = await start({ endpoint: { ...members, url: first.entry.url }, queue, clock });
    await second.pass(900); // the stop has taken two seconds
    expect(first.app.posts).toHaveLength(2);
    await clock.advanceAsync(100);
    await eventually(async () => {
      await clock.advanceAsync(1);
      expect(first.app.posts).toHaveLength(4);
    });
    await second.pass(5_000);
    expect(told(first.app.posts).slice(2)).toEqual(['member_removed presence-a ann', 'channel_vacated presence-a']);
  });

  test('within that time, after which everybody comes back, tells nothing', async () => {
    const queue = { driver: 'file', directory: await folder() } as const;
    const clock = new ManualClock();
    const first = await start({ endpoint: members, queue, clock, stopsItself: true });
    const client = first.connect();
    client.join('presence-a', ann);
    await first.arrived();
    client.close();
    await first.stop();
    const second = await start({ endpoint: { ...members, url: first.entry.url }, queue, clock });
    second.connect().join('presence-a', ann);
    await second.pass(10_000);
    await second.arrived();
    expect(told(first.app.posts)).toEqual(['channel_occupied presence-a', 'member_added presence-a ann']);
  });
});

describe('a process that ends while clients are there', () => {
  const fileQueue = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'webhooks-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    return { driver: 'file', directory } as const;
  };
  /** Ann in two channels, and then no process any more. @returns what starts the next one */
  const ended = async () => {
    const [queue, clock] = [await fileQueue(), new ManualClock()];
    const first = await start({ endpoint: members, queue, clock, stopsItself: true });
    first.connect().join('presence-a', ann);
    first.connect().join('b');
    await first.arrived();
    await first.stop();
    const before = first.app.posts.length;
    const next = async () => {
      const started = await start({ endpoint: { ...members, url: first.entry.url }, queue, clock, stopsItself: true });
      return { ...started, told: () => told(first.app.posts.slice(before)) };
    };
    return { next, clock };
  };

  test('is followed by one that tells of those who have not come back, once', async () => {
    const { next, clock } = await ended();
    const second = await next();
    await second.pass(2_900);
    expect(second.told()).toEqual([]);
    await second.pass(200);
    await eventually(async () => {
      await clock.advanceAsync(1);
      expect(second.told()).toHaveLength(3);
    });
    const gone = ['member_removed presence-a ann', 'channel_vacated presence-a'];
    expect(second.told().filter(text => text.includes('presence-a'))).toEqual(gone);
    expect(second.told().toSorted()).toEqual(['channel_vacated b', ...gone].toSorted());
    await eventually(async () => {
      const [status] = await second.outbox.status(); // its receiver has got all, but a stop before it is noted repeats some
      expect(status!.depth).toMatchObject({ ready: 0, delayed: 0, inFlight: 0 });
    });
    await second.stop();
    const third = await next();
    await third.pass(10_000);
    expect(third.told()).toHaveLength(3);
    await third.stop();
  });

  test('is followed by one that tells nothing of those who have come back, until they leave', async () => {
    const { next, clock } = await ended();
    const second = await next();
    await second.pass(1_000);
    const client = second.connect();
    client.join('presence-a', ann);
    client.join('b');
    await second.pass(10_000);
    expect(second.told()).toEqual([]);
    client.close();
    await second.pass(4_000);
    await eventually(async () => {
      await clock.advanceAsync(1);
      expect(second.told()).toHaveLength(3);
    });
    await second.stop();
  });

  test('without a linger time, those who left before are not told again', async () => {
    const [queue, clock] = [await fileQueue(), new ManualClock()];
    const first = await start({ endpoint: channels, lingerMs: 0, queue, clock, stopsItself: true });
    const client = first.connect();
    client.join('a');
    client.close();
    expect(await first.arrived()).toEqual(['channel_occupied a', 'channel_vacated a']);
    await first.stop();
    const second = await start({ endpoint: { ...channels, url: first.entry.url }, lingerMs: 0, queue, clock });
    await second.pass(1_000);
    expect(first.app.posts).toHaveLength(2);
  });
});

test('[PW-029] a cache miss is told after what came before on its channel', async () => {
  const { connect, arrived, tell } = await start({ endpoint: { event_types: ['cache_miss', 'channel_occupied'] } });
  const client = connect();
  client.join('cache-a');
  tell({ kind: 'cacheMissed', hub: 'app:42', connection: client.connection, group: 'cache-a' });
  expect(await arrived()).toEqual(['channel_occupied cache-a', 'cache_miss cache-a']);
});

test('[PW-033] counts are told, and not those of presence channels', async () => {
  const { tell, arrived, app } = await start({ endpoint: { event_types: ['subscription_count'] } });
  for (const group of ['a', 'presence-a']) tell({ kind: 'counted', hub: 'app:42', group, count: 250 });
  await arrived();
  expect(eventsOf(app.posts)).toEqual([{ name: 'subscription_count', channel: 'a', subscription_count: 250 }]);
});

describe('connections', () => {
  test('[PW-034] are told only where they are listed', async () => {
    const { connect, arrived } = await start({ endpoint: members });
    connect().close();
    expect(await arrived()).toEqual([]);
  });

  test('[PW-034] have their times', async () => {
    const { connect, arrived, app, clock } = await start({
      endpoint: { event_types: ['connection_established', 'connection_terminated'] },
    });
    const client = connect();
    await clock.advanceAsync(1_500);
    client.close('bye', 4200);
    await arrived();
    const nowMs = clock.now();
    expect(eventsOf(app.posts)).toEqual([
      { name: 'connection_established', socket_id: '8181.1', time_ms: nowMs - 1_500 },
      {
        name: 'connection_terminated',
        socket_id: '8181.1',
        code: 4200,
        reason: 'bye',
        duration_ms: 1_500,
        time_ms: nowMs,
      },
    ]);
  });

  test('[PW-034] the code of a connection that was lost is 1006, as its client sees it', async () => {
    const { connect, arrived, app } = await start({ endpoint: { event_types: ['connection_terminated'] } });
    connect().close('The connection was lost.');
    await arrived();
    expect(eventsOf(app.posts)).toMatchObject([{ code: 1006, reason: 'The connection was lost.' }]);
  });
});

test('[PW-011] [PW-012] a client event has its sender on presence channels, after what came before on its channel', async () => {
  const types = { event_types: ['channel_occupied', 'client_event'] };
  const { connect, arrived, app, tell } = await start({ endpoint: types });
  const payload = { dataType: 'text', bytes: Buffer.from('{"x":4}'), metadata: undefined } as const;
  for (const group of ['presence-a', 'private-a']) {
    const client = connect('app:42', 'signed-in');
    client.join(group);
    const memberId = group === 'presence-a' ? 'ann' : undefined;
    const { connection } = client;
    tell({ kind: 'clientEvent', hub: 'app:42', connection, group, event: 'client-x', payload, memberId });
  }
  const events = await arrived();
  const of = (channel: string) => events.filter(text => text.includes(channel));
  expect(of('presence-a')).toEqual(['channel_occupied presence-a', 'client_event presence-a ann']);
  expect(of('private-a')).toEqual(['channel_occupied private-a', 'client_event private-a']);
  const sample = eventsOf(app.posts).find(({ name }) => name === 'client_event');
  expect(sample).toMatchObject({ event: 'client-x', data: '{"x":4}', socket_id: '8181.1' });
});

test('a hub tells of its connections, groups and users', async () => {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const webhooks = [{ url: app.url, event_types: ['*'] }];
  const {
    connect,
    clock,
    webhooks: room,
    outbox,
  } = await startWebhooks({
    general: {},
    apps: [],
    hubs: [{ hub: 'Chat', key: 'chat', webhooks }],
  });
  const client = connect('chat', 'ann');
  connect('chat', 'ann').close('done');
  client.join('news');
  client.close('');
  connect('other').join('news');
  await clock.advanceAsync(3_001);
  await room.settled();
  await app.until(({ posts }) => posts.length === 8);
  expect(told(app.posts).toSorted()).toEqual([
    ...['connected 8181.1 ann', 'connected 8181.2 ann', 'disconnected 8181.1 ann', 'disconnected 8181.2 ann'],
    ...['group_occupied news', 'group_vacated news', 'user_connected ann', 'user_disconnected ann'],
  ]);
  expect(JSON.parse(app.posts[0]!.body.toString())).toMatchObject({ hub: 'Chat' });
  expect(app.posts[0]?.headers).not.toHaveProperty('x-pusher-signature');
  expect((await outbox.status()).map(({ depth }) => depth.dead)).toEqual([0]);
});
