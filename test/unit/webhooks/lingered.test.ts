import { describe, expect, test } from 'vitest';
import { MemoryTables } from '../../../src/outbox/drivers/memory-tables.js';
import { RowStore } from '../../../src/outbox/drivers/row-store.js';
import type { Tables } from '../../../src/outbox/drivers/tables.js';
import type { OutboxStore } from '../../../src/outbox/store.js';
import { readContent } from '../../../src/webhooks/envelopes.js';
import type { WebhookEntry } from '../../../src/webhooks/options.js';
import { ManualClock } from '../../support/manual-clock.js';
import { appSettings, memberOf, startWebhooks } from '../../support/webhook-harness.js';

const lingerMs = 300;
const batching = { enabled: true, duration: 50, size: 100 };

/** In memory, as a process finds them that begins after another one. */
const lastingTables = (): Tables => Object.assign(new MemoryTables(Infinity) as Tables, { isDurable: true });

interface Given {
  readonly tables: Tables | undefined;
  readonly clock?: ManualClock;
  /** For stores that answer otherwise. */
  readonly change?: (store: OutboxStore) => void;
}

/** Webhooks of the app 42, and what they have delivered: of each request `endpoint: events`. */
async function start(entries: readonly Partial<WebhookEntry>[], { tables, clock = new ManualClock(), change }: Given) {
  const delivered: string[] = [];
  const store = await RowStore.open(tables ?? new MemoryTables(Infinity));
  change?.(store);
  const settings = entries.map((entry, index) => {
    return { id: `e${index}`, url: 'https://example.com/', event_types: ['*'], ...entry };
  });
  const harness = await startWebhooks(appSettings(settings, { linger_ms: lingerMs }), {
    clock,
    store,
    deliverer: {
      async deliver({ endpoint, content }) {
        const { events } = JSON.parse(readContent(content).body.toString()) as { events: Record<string, string>[] };
        const texts = events.map(({ name, channel }) => `${name} ${channel}`);
        delivered.push(`${endpoint.replace('app:42:', '')}: ${texts.join(', ')}`);
        return { outcome: 'delivered' };
      },
    },
  });
  return { ...harness, store, delivered, pass: (ms: number) => clock.advanceAsync(ms) };
}

const vacated = { event_types: ['channel_vacated'], batching };
const channels = { event_types: ['channel_occupied', 'channel_vacated'], batching };

const requests = (...events: readonly (readonly string[])[]) => events.map(texts => `e0: ${texts.join(', ')}`);

describe.each([
  ['in memory', () => undefined],
  ['in tables that last', lastingTables],
])('what lingered, %s', (_where, newTables) => {
  test('[PW-041] leaves in batches: 40 departures that are due together, of which 15 fit, in three', async () => {
    const webhook = { ...vacated, batching: { ...batching, size: 15 } };
    const { connect, pass, delivered, enveloped, outbox } = await start([webhook], { tables: newTables() });
    const clients = Array.from({ length: 40 }, (_, index) => {
      const client = connect();
      client.join(`c${index}`);
      return client;
    });
    for (const client of clients) client.close();
    await pass(lingerMs + 49);
    expect(delivered).toHaveLength(2); // the full ones
    await pass(1);
    const all = clients.map((_, index) => `channel_vacated c${index}`);
    expect(delivered).toEqual(requests(all.slice(0, 15), all.slice(15, 30), all.slice(30)));
    expect(enveloped).toEqual([15, 15, 10]);
    const [status] = await outbox.status();
    expect(status!.depth).toEqual({ ready: 0, delayed: 0, inFlight: 0, dead: 0 });
  });

  test('does not make leave what waits: it joins that batch', async () => {
    const webhook = { ...channels, batching: { ...batching, duration: 1_000 } };
    const { connect, pass, delivered } = await start([webhook], { tables: newTables() });
    const client = connect();
    client.join('a');
    client.leave('a');
    await pass(lingerMs + 100);
    client.join('b');
    expect(delivered).toEqual([]);
    await pass(600);
    expect(delivered).toEqual(requests(['channel_occupied a', 'channel_vacated a', 'channel_occupied b']));
  });

  test('leaves alone and at once for an endpoint without batches, beside one with batches', async () => {
    const webhooks = [vacated, { ...vacated, batching: { enabled: false } }];
    const { connect, pass, delivered, enveloped } = await start(webhooks, { tables: newTables() });
    const client = connect();
    for (const channel of ['a', 'b']) client.join(channel);
    client.close();
    await pass(lingerMs);
    expect(delivered.toSorted()).toEqual(['e1: channel_vacated a', 'e1: channel_vacated b']);
    await pass(50);
    expect(delivered.slice(2)).toEqual(['e0: channel_vacated a, channel_vacated b']);
    expect(enveloped).toEqual([1, 1, 2]);
  });

  test('does not exceed max_bytes, and encrypted channels have batches of their own', async () => {
    const webhook = { ...vacated, batching: { ...batching, max_bytes: 100 } };
    const { connect, pass, delivered } = await start([webhook], { tables: newTables() });
    const client = connect();
    for (const channel of ['a', 'private-encrypted-b', 'c', 'd']) client.join(channel);
    client.close();
    await pass(lingerMs + 50);
    expect(delivered.toSorted()).toEqual(
      requests(
        ['channel_vacated a', 'channel_vacated c'],
        ['channel_vacated d'],
        ['channel_vacated private-encrypted-b'],
      ),
    );
  });

  test('[PW-028] is told in order: of a presence channel, the member before the channel', async () => {
    const webhook = { event_types: ['member_removed', 'channel_vacated'], batching };
    const { connect, pass, delivered } = await start([webhook], { tables: newTables() });
    const client = connect();
    client.join('presence-a', memberOf('ann'));
    client.close();
    await pass(lingerMs + 51);
    expect(delivered).toEqual(requests(['member_removed presence-a', 'channel_vacated presence-a']));
  });

  test('and has been cancelled is in no batch', async () => {
    const { connect, pass, delivered, raised } = await start([vacated], { tables: newTables() });
    const clients = ['a', 'b'].map(channel => {
      const client = connect();
      client.join(channel);
      return client;
    });
    for (const client of clients) client.close();
    await pass(lingerMs - 1);
    connect().join('a');
    await pass(100);
    expect([delivered, raised]).toEqual([requests(['channel_vacated b']), ['42 channel_vacated']]);
  });

  test('and that another process has cancelled is in no batch', async () => {
    const change = (store: OutboxStore) => {
      const complete = store.complete.bind(store);
      store.complete = async (deadline, successors, nowMs) => {
        if (deadline.key.includes('"a"')) await store.cancel(deadline.key); // since it was found to be due
        return await complete(deadline, successors, nowMs);
      };
    };
    const { connect, pass, delivered, raised } = await start([vacated], { tables: newTables(), change });
    const client = connect();
    for (const channel of ['a', 'b']) client.join(channel);
    client.close();
    await pass(lingerMs + 50);
    expect([delivered, raised]).toEqual([requests(['channel_vacated b']), ['42 channel_vacated']]);
  });

  /** Whoever completes a deadline learns only when the test says so that it was kept. */
  async function startSlowly() {
    let write = () => {};
    const change = (store: OutboxStore) => {
      const complete = store.complete.bind(store);
      store.complete = async (...given) => {
        const isOurs = await complete(...given);
        await new Promise<void>(resolve => {
          write = resolve;
        });
        return isOurs;
      };
    };
    const started = await start([channels], { tables: newTables(), change });
    const client = started.connect();
    client.join('a');
    client.leave('a');
    await started.pass(lingerMs);
    return { ...started, client, write: () => write() };
  }

  test('is told before the return of somebody who comes while it is being written', async () => {
    const { client, write, pass, delivered } = await startSlowly();
    client.join('a');
    await pass(0);
    write();
    await pass(50);
    expect(delivered).toEqual(requests(['channel_occupied a'], ['channel_vacated a', 'channel_occupied a']));
  });

  test('is waited for when the service ends while it is being written', async () => {
    const { write, pass, webhooks, delivered } = await startSlowly();
    const settled = webhooks.settled();
    await pass(0);
    write();
    await settled;
    await pass(0);
    expect(delivered).toEqual(requests(['channel_occupied a'], ['channel_vacated a']));
  });
});

test('what lingered and waited for its batch when the process ended is delivered by the next one, once, in order', async () => {
  const [tables, clock] = [lastingTables(), new ManualClock()];
  const webhook = { ...channels, batching: { ...batching, duration: 10_000 } };
  const first = await start([webhook], { tables, clock });
  const client = first.connect();
  for (const channel of ['a', 'b']) client.join(channel);
  client.close();
  await first.pass(lingerMs);
  expect(first.delivered).toEqual([]);
  const second = await start([webhook], { tables, clock }); // the first one does nothing more by then
  await second.pass(lingerMs);
  expect(second.delivered.join(', ').replaceAll('e0: ', '')).toBe(
    ['channel_occupied a', 'channel_occupied b', 'channel_vacated a', 'channel_vacated b'].join(', '),
  );
});
