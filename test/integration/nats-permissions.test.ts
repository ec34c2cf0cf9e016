import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { describe, expect, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { clusterOn } from '../../src/clustering.js';
import { requireJetStream } from '../../src/nats/jetstream.js';
import { buckets, storeName, streams, subjectRoot } from '../../src/nats/names.js';
import { ensureBucket, ensureStream } from '../../src/nats/streams.js';
import { repository } from '../support/doc-pages.js';
import { eventually } from '../support/eventually.js';
import { natsOptions, newLink, ToldEvents } from '../support/nats-link.js';
import { startNats } from '../support/nats-server.js';
import { startHub } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';

const file = readFileSync(join(repository, 'deploy/nats/permissions.conf'), 'utf8');
const settings = `${file}\nauthorization { users: [ { user: hw, password: a, permissions: $HUBWIRE } ] }`;

/** A connection of cluster `hw` that may do what the file allows. */
async function connectAsNode(context: TestContext, clusterName = 'hw'): Promise<NatsConnection> {
  const { url } = await startNats(context, { settings });
  return newLink([url.replace('//', '//hw:a@')], { purpose: 'store', clusterName }).link.start();
}

/** The server's refusals of what the connection does in `work`. */
async function refusalsOf(connection: NatsConnection, work: () => Promise<unknown>): Promise<readonly string[]> {
  const refusals: string[] = [];
  const statuses = connection.status();
  await work().catch(() => {});
  connection.publish('last'); // is refused, after all others
  for await (const status of statuses) {
    if (status.type !== 'error') continue;
    if (status.error.message.includes('"last"')) break;
    refusals.push(String(status.error));
  }
  return refusals;
}

function once(connection: NatsConnection, subject: string): Promise<string> {
  return new Promise(resolve => {
    connection.subscribe(subject, { max: 1, callback: (_error, message) => resolve(message.string()) });
  });
}

const storing = { replicas: 'auto', parts: new ToldEvents().parts } as const;

describe('[CL-122] the permissions of deploy/nats/permissions.conf', () => {
  test.for(streams)('suffice for stream %s', async (name, context) => {
    const connection = await connectAsNode(context);
    const stream = storeName('hw', name);
    const refusals = await refusalsOf(connection, async () => {
      await requireJetStream(connection, systemClock);
      await ensureStream(connection, { name: stream, subjects: [`${subjectRoot('hw')}.x.>`] }, storing);
      await jetstream(connection).publish(`${subjectRoot('hw')}.x.y`, 'a');
      const consumer = await jetstream(connection).consumers.get(stream);
      expect((await consumer.next())?.string()).toBe('a');
      const manager = await jetstreamManager(connection);
      expect((await manager.streams.getMessage(stream, { seq: 1 }))?.string()).toBe('a');
      await manager.streams.purge(stream);
      await manager.streams.update(stream, { num_replicas: 1 });
    });
    expect(refusals).toEqual([]);
    const { state } = await (await jetstreamManager(connection)).streams.info(stream);
    expect(state).toMatchObject({ last_seq: 1, messages: 0 });
  });

  test.for(buckets)('suffice for bucket %s', async (name, context) => {
    const connection = await connectAsNode(context);
    const refusals = await refusalsOf(connection, async () => {
      const kv = await ensureBucket(connection, storeName('hw', name), { history: 1 }, storing);
      const watch = await kv.watch();
      await kv.put('a', 'b');
      for await (const entry of watch) if (entry.key === 'a') break;
      expect((await kv.get('a'))?.string()).toBe('b');
      await kv.delete('a');
      const manager = await jetstreamManager(connection);
      await manager.streams.update(`KV_${storeName('hw', name)}`, { num_replicas: 1 });
    });
    expect(refusals).toEqual([]);
    const { state } = await (await jetstreamManager(connection)).streams.info(`KV_${storeName('hw', name)}`);
    expect(state.last_seq).toBe(2);
  });

  test('suffice for what nodes send to each other', async context => {
    const connection = await connectAsNode(context);
    const refusals = await refusalsOf(connection, async () => {
      connection.subscribe('hw.1.g.chat.*', { callback: (_error, message) => void message.respond('pong') });
      const answer = once(connection, 'hw.1.n.tag1.a');
      connection.publish('hw.1.g.chat.news', 'ping', { reply: 'hw.1.n.tag1.a' });
      expect(await answer).toBe('pong');
    });
    expect(refusals).toEqual([]);
  });

  test('allow nothing of another cluster', async context => {
    const connection = await connectAsNode(context);
    const refusals = await refusalsOf(connection, async () => {
      connection.publish('blue.1.all');
      connection.subscribe('blue.1.>');
      connection.subscribe('>');
      connection.publish('$KV.blue_nodes.a');
      connection.publish('$JS.API.STREAM.INFO.KV_blue_nodes');
      connection.publish('$JS.API.STREAM.NAMES');
      connection.publish('$JS.API.STREAM.DELETE.hw_ledger');
    });
    expect(refusals).toHaveLength(7);
  });

  test('are told when they do not suffice', async context => {
    const connection = await connectAsNode(context, 'blue');
    await expect(requireJetStream(connection, systemClock)).rejects.toThrow(
      /^JetStream of NATS does not answer \(.*\): check the permissions of this user\.$/,
    );
  });
});

describe('[CL-122] whole nodes', () => {
  /** A client of a node of this cluster, in group `news`. It has had its first message. */
  async function startMember(url: string, clusterName: string): Promise<TestClient> {
    const cluster = clusterOn(natsOptions([url], { clusterName }));
    const { dial } = await startHub({ cluster, endpoints: ['http://hubs.example'] });
    const client = await dial({ token: { groups: ['news'], roles: ['webpubsub.sendToGroup'] } });
    expect(await client.next()).toMatchObject({ event: 'connected' });
    return client;
  }

  function send(client: TestClient, data: string): void {
    client.send({ type: 'sendToGroup', group: 'news', dataType: 'text', data });
  }

  test('work together with these permissions', async context => {
    const server = await startNats(context, { settings });
    const login = server.url.replace('//', '//hw:a@');
    const one = await startMember(login, 'hw');
    const two = await startMember(login, 'hw');
    send(one, 'hello');
    for (const client of [one, two]) expect(await client.next()).toMatchObject({ data: 'hello' });
    expect(server.logged).not.toContain('Violation');
    const other = await newLink([login]).link.start();
    other.publish('blue.1.all'); // so that it is known what a refusal looks like
    await eventually(() => expect(server.logged).toMatch(/Publish Violation .*blue\.1\.all/));
  });

  test('keep their queue in NATS with these permissions', async context => {
    const server = await startNats(context, { settings });
    const handler = '{ urlTemplate: "UPSTREAM/{event}", systemEvents: [connected], delivery: durable }';
    const { dial, upstream } = await startHub({
      yaml: `queue: { driver: nats }\nhubs: { chat: { eventHandlers: [${handler}] } }\n`,
      cluster: clusterOn(natsOptions([server.url.replace('//', '//hw:a@')])),
    });
    await dial();
    expect(await upstream.next('connected')).toBeDefined();
    expect(server.logged).not.toContain('Violation');
  });

  test('of clusters with different names share nothing on one NATS', async context => {
    const { url } = await startNats(context);
    const [red, alsoRed, blue] = [
      await startMember(url, 'red'),
      await startMember(url, 'red'),
      await startMember(url, 'blue'),
    ];
    send(red, 'of red');
    expect(await alsoRed.next()).toMatchObject({ data: 'of red' });
    send(blue, 'of blue');
    expect(await blue.next()).toMatchObject({ data: 'of blue' });
    send(alsoRed, 'again');
    expect(await red.next()).toMatchObject({ data: 'of red' });
    expect(await red.next()).toMatchObject({ data: 'again' });
    for (const client of [red, blue]) expect(client.rest).toEqual([]);
  });
});
