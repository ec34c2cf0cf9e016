import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { fileWith, type RunningService, runHubwire } from '../support/hubwire-process.js';
import { outboxDirectory } from '../support/outbox-directory.js';
import { appKey, appSecret } from '../support/pusher.js';
import {
  adminToken,
  appYaml,
  endpoints,
  idsOf,
  isSigned,
  linger,
  openClient,
  operate,
  signingSecret,
  startOn,
  startReceiver,
  stopped,
  toldBy,
} from '../support/webhook-service.js';

async function metrics({ adminUrl }: RunningService): Promise<string> {
  return (await fetch(`${adminUrl}/metrics`)).text();
}

describe('webhooks of an app in hubs.yaml', () => {
  test('arrive signed', async () => {
    const receiver = await startReceiver();
    const service = await startOn(await outboxDirectory(), appYaml(receiver.url, '', linger(100)));
    const client = await openClient(service);
    await client.join('presence-room', 'ann');
    await client.client.close();
    const told = () => toldBy(receiver.posts);
    await receiver.until(() => told().includes('channel_vacated presence-room'));
    expect(told().filter(text => !text.startsWith('connection_'))).toEqual([
      ...['channel_occupied presence-room', 'member_added presence-room'],
      ...['member_removed presence-room', 'channel_vacated presence-room'],
    ]);
    expect(receiver.posts.map(isSigned)).not.toContain(false);
    expect(receiver.posts.every(({ headers }) => headers['x-pusher-key'] === appKey)).toBe(true);
  });

  test('arrive after a reload that adds the first endpoint, before which nothing is on disk', async () => {
    const receiver = await startReceiver();
    const directory = join(await outboxDirectory(), 'data');
    const service = await startOn(directory, appYaml(undefined));
    await (await openClient(service)).subscribe('before');
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    await writeFile(service.file, appYaml(receiver.url, 'filter: { channel_prefix: after }'));
    await service.process.find(/the new configuration is applied/, 'stderr');
    await (await openClient(service)).subscribe('after');
    await receiver.until(({ posts }) => posts.length > 0);
    expect(toldBy(receiver.posts)).toEqual(['channel_occupied after']);
    expect(receiver.posts.map(isSigned)).toEqual([true]);
    expect(await readdir(directory)).toContain('outbox.pid');
  });
});

describe('a reload that needs the queue for the first time', () => {
  test('is refused as a whole when the queue cannot be opened, and applied once it can', async () => {
    const receiver = await startReceiver();
    const directory = await outboxDirectory();
    const blocked = join(directory, 'data');
    await writeFile(blocked, '');
    const service = await startOn(blocked, appYaml(undefined));
    const changed = appYaml(receiver.url, '', 'limits: { maxConnections: 1 }\n');
    await writeFile(service.file, changed);
    const refused = /the previous configuration is kept: The outbox in .* cannot be opened \(.*\)\. Give this user/;
    await service.process.find(refused, 'stderr');
    const clients = [await openClient(service), await openClient(service)];
    expect(clients).toHaveLength(2); // the limit is not in use either
    await rm(blocked);
    await writeFile(service.file, `${changed}# again\n`);
    await service.process.find(/the new configuration is applied: .*maxConnections/, 'stderr');
    await clients[0]?.subscribe('kept');
    await receiver.until(({ posts }) => posts.length > 0);
  });
});

test('webhooks of a hub and a durable event handler go through the same queue', async () => {
  const directory = await outboxDirectory();
  const [receiver, upstream] = [await startReceiver(), await startReceiver(204)];
  const service = await startOn(
    directory,
    `hubs:
  chat:
    webhooks:
      - { id: audit, url: "${receiver.url}", event_types: [connected, disconnected], signing_secret: ${signingSecret} }
    eventHandlers:
      - urlTemplate: ${upstream.url}/{event}
        systemEvents: [connected, disconnected]
        delivery: durable
`,
  );
  await service.process.find(/event handler is active/, 'stderr');
  const client = await service.dial();
  const { connectionId } = await client.next();
  await client.close();
  await Promise.all([receiver, upstream].map(app => app.until(({ posts }) => posts.length === 2)));
  expect(toldBy(receiver.posts).toSorted()).toEqual(['connected', 'disconnected']);
  expect(idsOf(receiver.posts).every(id => id.startsWith('whm_'))).toBe(true);
  expect(upstream.posts.map(({ path }) => path)).toEqual(['/connected', '/disconnected']);
  expect(upstream.posts.map(({ headers }) => headers['ce-connectionid'])).toEqual([connectionId, connectionId]);
  const listed = (await endpoints(service)).map(({ id }) => id.replace(/[0-9a-f]{12}$/, '…'));
  expect(listed.toSorted()).toEqual(['event:chat:…', 'hub:chat:audit']);
  expect(await readdir(directory)).toContain('data.mdb');
});

test('routes for operators want the token; dead letters are replayed; nothing secret is logged', async () => {
  const receiver = await startReceiver(500);
  const once = `retry: { max_attempts: 1 }, signing_secret: ${signingSecret}, filter: { channel_prefix: dead }`;
  const service = await startOn(await outboxDirectory(), appYaml(receiver.url, once), ['--log-level', 'trace']);
  await (await openClient(service)).subscribe('dead');

  for (const token of ['', 'wrong']) expect((await operate(service, 'endpoints', token)).status).toBe(401);
  const letters = async () => {
    const answer = await operate(service, 'dead-letters');
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { deadLetters: { id: string }[] }).deadLetters;
  };
  await eventually(async () => expect(await letters()).toHaveLength(1));
  receiver.onPost = response => response.writeHead(200).end();
  const [{ id } = { id: '' }] = await letters();
  expect((await operate(service, 'dead-letters/replay', 'wrong', { ids: [id] })).status).toBe(401);
  const replayed = await operate(service, 'dead-letters/replay', adminToken, { ids: [id] });
  expect(await replayed.json()).toEqual({ replayed: [id] });
  await receiver.until(({ posts }) => posts.length === 2);
  expect(idsOf(receiver.posts)).toEqual([id, id]);
  expect(receiver.posts.map(isSigned)).toEqual([true, true]);
  await eventually(async () => expect(await letters()).toEqual([]));

  for (const url of [service.adminUrl, service.publicUrl]) {
    const usage = await (await fetch(`${url}/usage`)).json();
    expect(usage).toMatchObject({ memory: { used: expect.any(Number), percent: expect.any(Number) } });
  }
  const lines = (await metrics(service)).split('\n').filter(line => line.includes('webhook'));
  expect(lines).toContain('hubwire_webhook_deliveries_total{endpoint="app:42:orders",outcome="success"} 1');
  await stopped(service, 'SIGTERM');
  const secrets = [adminToken, appSecret, signingSecret, signingSecret.slice('whsec_'.length)];
  for (const text of [service.process.stderr, lines.join('\n')]) {
    expect(secrets.filter(secret => text.includes(secret))).toEqual([]);
  }
  expect(service.process.stderr).toContain('an envelope became a dead letter');
});

test('dead letters are logged with what to do, and no more than twenty of them in ten seconds', async () => {
  const yaml = appYaml('http://10.1.2.3/', 'filter: { channel_prefix: c }');
  const service = await startOn(await outboxDirectory(), yaml);
  const client = await openClient(service);
  for (let channel = 0; channel < 25; channel += 1) await client.subscribe(`c${channel}`);
  await eventually(async () => {
    const { deadLetters } = (await (await operate(service, 'dead-letters')).json()) as { deadLetters: unknown[] };
    expect(deadLetters).toHaveLength(25);
  });
  await stopped(service, 'SIGTERM');
  const lines = service.process.stderr.split('\n').filter(line => line.includes('became a dead letter'));
  expect(lines).toHaveLength(20);
  expect(lines[0]).toMatch(/app:42:orders.*blocked_address.*list its network in webhooks\.egress\.allow/);
});

describe('a start ends with one sentence', () => {
  const startOnce = async (directory: string) => {
    const file = await fileWith(appYaml('http://127.0.0.1:1/'));
    return runHubwire(['start', '--hubs', file, '--data-dir', directory, '--port', '0', '--admin-port', '0']);
  };

  test('when another process has the data directory: with its number', async () => {
    const directory = await outboxDirectory();
    const first = await startOn(directory, appYaml('http://127.0.0.1:1/'));
    const { code, stdout, stderr } = await startOnce(directory);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^hubwire: ${directory} is in use by process ${first.process.pid} on `, 'm'));
    expect(stderr).not.toMatch(/^ +at /m);
    expect((await fetch(`${first.adminUrl}/readyz`)).status).toBe(200);
  });

  test('when the data directory cannot be written to', async () => {
    const directory = await outboxDirectory();
    await writeFile(join(directory, 'file'), '');
    const { code, stdout, stderr } = await startOnce(join(directory, 'file', 'data'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^hubwire: The outbox in .* cannot be opened \(.*ENOTDIR.*\)\. Give this user the right to/m,
    );
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.runIf(process.platform === 'linux')('when the data directory is in a folder that takes none', async () => {
    const { code, stdout, stderr } = await startOnce('/proc/nope');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^hubwire: The outbox in \/proc\/nope cannot be opened \(ENOENT.*\)\. Give this user the right/m,
    );
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
