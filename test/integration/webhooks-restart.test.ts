import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { outboxDirectory } from '../support/outbox-directory.js';
import {
  appYaml,
  endpoints,
  idsOf,
  isSigned,
  linger,
  openClient,
  signingSecret,
  startOn,
  startReceiver,
  stopped,
  toldBy,
} from '../support/webhook-service.js';

const soonAgain = 'retry: { initial_backoff_ms: 50, max_backoff_ms: 200 }';

describe('what is not delivered', () => {
  test('is delivered after kill -9 with the same ids, and a channel that lingered is vacated once', async () => {
    const directory = await outboxDirectory();
    const receiver = await startReceiver(503);
    const settings = `event_types: [channel_occupied, channel_vacated], signing_secret: ${signingSecret}, max_concurrency: 1, batching: { enabled: false }, ${soonAgain}`;
    const yaml = appYaml(receiver.url, '', linger(3_000)).replace('event_types: ["*"]', settings);
    const first = await startOn(directory, yaml);
    const client = await openClient(first);
    await client.subscribe('lingering');
    client.send('pusher:unsubscribe', { channel: 'lingering' });
    await client.subscribe('later'); // kept after the deadline of the other channel
    await eventually(async () => expect(total(await endpoints(first))).toBe(2));
    await receiver.until(({ posts }) => posts.length > 0);
    await stopped(first, 'SIGKILL');
    const refused = new Set(idsOf(receiver.posts));
    const before = receiver.posts.length;
    expect(toldBy(receiver.posts)).not.toContain('channel_vacated lingering'); // its time is still running

    receiver.onPost = response => response.writeHead(200).end();
    const second = await startOn(directory, yaml);
    const later = () => receiver.posts.slice(before);
    await receiver.until(() => toldBy(later()).includes('channel_vacated lingering'));
    expect(
      toldBy(later())
        .filter(text => text !== 'channel_vacated later')
        .toSorted(),
    ).toEqual([...['channel_occupied later', 'channel_occupied lingering', 'channel_vacated lingering']]);
    expect(idsOf(later())).toEqual(expect.arrayContaining([...refused]));
    expect(later().map(isSigned)).not.toContain(false);
    await receiver.until(() => toldBy(later()).includes('channel_vacated later')); // whose client has not come back
    await eventually(async () => expect(total(await endpoints(second))).toBe(0));
    expect(await stopped(second, 'SIGTERM')).toEqual({ code: 0, signal: null });
    expect(toldBy(later())).toHaveLength(4);
  });

  test('[PW-059] is delivered once, in order, when it waited for its batch at kill -9', async () => {
    const directory = await outboxDirectory();
    const receiver = await startReceiver();
    const batched = 'event_types: [channel_occupied], batching: { enabled: true, duration: 60000, size: 10 }';
    const second = `      - { id: second, url: "${receiver.url}/second", ${batched} }\n`;
    const yaml = appYaml(`${receiver.url}/first`, '', second).replace('event_types: ["*"]', batched);
    const before = await startOn(directory, yaml);
    const client = await openClient(before);
    const channels = Array.from({ length: 11 }, (_, index) => `c${index}`);
    for (const channel of channels.slice(0, 10)) await client.subscribe(channel);
    await receiver.until(({ posts }) => posts.length === 2); // a full batch of each endpoint
    await eventually(async () => expect(total(await endpoints(before))).toBe(0));
    await client.subscribe('c10');
    await eventually(async () => expect((await endpoints(before)).map(({ queued }) => queued.ready)).toEqual([1, 1]));
    expect(receiver.posts.map(post => toldBy([post]).length)).toEqual([10, 10]);
    await stopped(before, 'SIGKILL');

    const after = await startOn(directory, yaml);
    await eventually(async () => expect(total(await endpoints(after))).toBe(0));
    for (const path of ['/first', '/second']) {
      const own = receiver.posts.filter(post => post.path === path);
      expect(toldBy(own)).toEqual(channels.map(channel => `channel_occupied ${channel}`));
      expect(own.map(isSigned)).not.toContain(false);
    }
    expect(new Set(idsOf(receiver.posts)).size).toBe(receiver.posts.length);
  });

  test('[PW-059] [PW-028] is delivered once, in order, when it had lingered and waited for its batch at kill -9', async () => {
    const directory = await outboxDirectory();
    const receiver = await startReceiver();
    const types = 'event_types: [member_removed, channel_vacated], max_concurrency: 1';
    const batched = `${types}, batching: { enabled: true, duration: 60000, size: 10 }`;
    const yaml = appYaml(receiver.url, '', linger(300)).replace('event_types: ["*"]', batched);
    const before = await startOn(directory, yaml);
    const client = await openClient(before);
    await client.join('presence-room', 'ann');
    const channels = Array.from({ length: 4 }, (_, index) => `c${index}`);
    for (const channel of channels) await client.subscribe(channel);
    for (const channel of channels) client.send('pusher:unsubscribe', { channel });
    await client.settle();
    await client.client.close();
    await eventually(async () => expect(total(await endpoints(before))).toBe(6));
    expect(receiver.posts).toEqual([]);
    await stopped(before, 'SIGKILL');

    const after = await startOn(directory, yaml);
    await eventually(async () => expect(total(await endpoints(after))).toBe(0));
    expect(toldBy(receiver.posts)).toEqual([
      ...channels.map(channel => `channel_vacated ${channel}`),
      ...['member_removed presence-room', 'channel_vacated presence-room'],
    ]);
    expect(receiver.posts.map(isSigned)).not.toContain(false);
  });

  test('is kept by SIGTERM, which does not wait for a receiver that does not answer', async () => {
    const directory = await outboxDirectory();
    const receiver = await startReceiver();
    receiver.onPost = () => {}; // never answered
    const yaml = appYaml(receiver.url, 'filter: { channel_prefix: kept }');
    const first = await startOn(directory, yaml);
    await (await openClient(first)).subscribe('kept');
    await receiver.until(({ posts }) => posts.length === 1);
    const signalledMs = Date.now();
    expect(await stopped(first, 'SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledMs).toBeLessThan(9_000); // five seconds of grace, and the close of the clients
    receiver.onPost = response => response.writeHead(200).end();
    await startOn(directory, yaml);
    await receiver.until(({ posts }) => posts.length === 2);
    expect(receiver.posts[1]?.body.toString()).toBe(receiver.posts[0]?.body.toString());
  });
});

/** Envelopes that wait for delivery. */
function total(all: readonly { readonly queued: Record<string, number> }[]): number {
  return all.reduce((sum, { queued: { ready = 0, delayed = 0, inFlight = 0 } }) => sum + ready + delayed + inFlight, 0);
}
