import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { NatsSetupError, requireJetStream } from '../../src/nats/jetstream.js';
import { ensureBucket, ensureStream, openBucket, type Storing } from '../../src/nats/streams.js';
import { eventually } from '../support/eventually.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { newLink, ToldEvents } from '../support/nats-link.js';
import { NatsServer, natsProgram, requireNats, startNats } from '../support/nats-server.js';

let single: NatsServer;
let cluster: NatsCluster;
beforeAll(async () => {
  if (natsProgram === undefined) return;
  [single, cluster] = await Promise.all([NatsServer.start(), NatsCluster.start()]);
});
afterAll(async () => void (await Promise.all([single?.stop(), cluster?.stop()])));
beforeEach(requireNats);

let names = 0;
/** A name that no other test has used. */
function freshName(): string {
  names += 1;
  return `s${names}`;
}

function connectTo(url: string): Promise<NatsConnection> {
  return newLink([url], { purpose: 'store' }).link.start();
}

/** How things are stored, and what is told about it. */
function storing(replicas: Storing['replicas'] = 'auto', clock?: Clock): Storing & { readonly told: ToldEvents } {
  const told = new ToldEvents(clock);
  return { replicas, parts: told.parts, told };
}

function streamOf(name: string): { readonly name: string; readonly subjects: string[] } {
  return { name, subjects: [`${name}.>`] };
}

/** An answer of JetStream. */
const failureOf = (code: number, errorCode: number, description: string) => ({
  error: { code, err_code: errorCode, description },
});

/** In place of a server's JetStream: gives these answers to requests of one kind, in turn. */
async function answerAs(server: NatsServer, kind: string, answers: readonly object[]): Promise<void> {
  const connection = await connectTo(server.url);
  const left = [...answers];
  connection.subscribe(`$JS.API.${kind}`, {
    callback: (_error, request) => void request.respond(JSON.stringify(left.shift())),
  });
  await connection.flush();
}

const singleCopy = [expect.stringMatching(/^warned: What nodes share is kept by one NATS server/)];

describe('[CL-005] JetStream', () => {
  test('is there', async () => {
    await requireJetStream(await connectTo(single.url), systemClock);
    await requireJetStream(await connectTo(cluster.urls[1]!), systemClock);
  });

  test('is not there: one sentence says how to turn it on', async context => {
    const server = await startNats(context, { jetStream: false });
    const failure = requireJetStream(await connectTo(server.url), systemClock);
    await expect(failure).rejects.toThrow(NatsSetupError);
    await expect(failure).rejects.toThrow(
      `NATS at 127.0.0.1:${server.port} runs without JetStream: start nats-server with --jetstream and --store_dir FOLDER, ` +
        'or add "jetstream { store_dir: FOLDER }" to its configuration.',
    );
  });

  test('is not there for the account: one sentence says how to allow it', async context => {
    const settings = 'accounts { A: { users: [{ user: a, password: b }] } }';
    const server = await startNats(context, { settings });
    const connection = await connectTo(server.url.replace('//', '//a:b@'));
    await expect(requireJetStream(connection, systemClock)).rejects.toThrow(
      /^The account of this user has no JetStream on NATS at 127.0.0.1:\d+: add "jetstream: enabled" to the account/,
    );
  });
});

describe('[CL-006] what is missing is created', () => {
  test('once, on one server, with one warning, where there is no cluster', async () => {
    const connection = await connectTo(single.url);
    const [stream, bucket, how] = [freshName(), freshName(), storing()];
    const { config } = await ensureStream(connection, streamOf(stream), how);
    expect(config).toMatchObject({ num_replicas: 1, storage: 'file', subjects: [`${stream}.>`] });
    await (await ensureBucket(connection, bucket, { history: 1 }, how)).put('key', 'value');
    expect(how.told.lines).toEqual(singleCopy);
    await ensureStream(connection, streamOf(stream), how);
    const again = await ensureBucket(connection, bucket, { history: 1 }, how);
    expect((await again.get('key'))?.string()).toBe('value');
    expect(how.told.lines).toHaveLength(1);
  });

  test('on three where three have JetStream, without a warning', async () => {
    const connection = await connectTo(cluster.urls[2]!);
    const [stream, bucket, how] = [freshName(), freshName(), storing()];
    expect((await ensureStream(connection, streamOf(stream), how)).config.num_replicas).toBe(3);
    await ensureBucket(connection, bucket, { history: 1 }, how);
    const { config } = await (await jetstreamManager(connection)).streams.info(`KV_${bucket}`);
    expect(config).toMatchObject({ num_replicas: 3, storage: 'file', max_msgs_per_subject: 1, allow_direct: false });
    expect(how.told.lines).toEqual([]);
  });

  test('on two where there are two, on one: there is no majority of two', async context => {
    requireNats(context);
    const two = await NatsCluster.start({ size: 2 });
    try {
      let waits = 0;
      const after: Clock['after'] = (ms, run) => {
        waits += 1;
        return systemClock.after(ms, run);
      };
      const how = storing('auto', { ...systemClock, after });
      const connection = await connectTo(two.urls[0]!);
      const { config } = await ensureStream(connection, streamOf('s'), how);
      expect(config.num_replicas).toBe(1);
      expect(how.told.lines).toEqual(singleCopy);
      // A third server is waited for once, 20 times 250 ms, not for each stream.
      waits = 0;
      for (const name of ['t', 'u', 'v']) await ensureStream(connection, streamOf(name), how);
      await ensureBucket(connection, 'b', { history: 1 }, how);
      expect(waits).toBeLessThan(20);
    } finally {
      await two.stop();
    }
  });

  test('on as many as are named', async () => {
    const connection = await connectTo(cluster.urls[0]!);
    expect((await ensureStream(connection, streamOf(freshName()), storing(1))).config.num_replicas).toBe(1);
    expect((await ensureStream(connection, streamOf(freshName()), storing(3))).config.num_replicas).toBe(3);
    await expect(ensureStream(connection, streamOf(freshName()), storing(5))).rejects.toThrow(
      /^Stream s\d+ can be neither found nor created in NATS: no suitable peers/,
    );
  });

  test('once by many nodes at a time, with any numbers of replicas', async () => {
    const [stream, bucket] = [freshName(), freshName()];
    const nodes = await Promise.all([0, 1, 2, 0, 1, 2].map(index => connectTo(cluster.urls[index]!)));
    const hows = nodes.map((_, index) => storing(index % 2 === 0 ? 'auto' : 1));
    await Promise.all(
      nodes.map(async (connection, index) => {
        await ensureBucket(connection, bucket, { history: 1 }, hows[index]!);
        await ensureStream(connection, streamOf(stream), hows[index]!);
      }),
    );
    // Each node may be shown the settings that its own request would have had, until the servers have settled on one.
    const seen = () =>
      Promise.all(nodes.map((connection, index) => ensureStream(connection, streamOf(stream), hows[index]!)));
    await eventually(async () => expect(new Set((await seen()).map(({ config }) => config.num_replicas)).size).toBe(1));
  });

  test('by another node at the same moment, which the server may take for an overlap with itself', async context => {
    const server = await startNats(context, { jetStream: false });
    const config = { ...streamOf('s'), storage: 'file', num_replicas: 1 };
    const missing = failureOf(404, 10_059, 'stream not found');
    await answerAs(server, 'STREAM.INFO.s', [missing, { config, state: {} }]);
    await answerAs(server, 'STREAM.CREATE.s', [failureOf(400, 10_065, 'subjects overlap with an existing stream')]);
    expect((await ensureStream(await connectTo(server.url), streamOf('s'), storing(1))).config).toMatchObject(config);
  });

  test('in a cluster, and the time of its creation is the one that stands, whichever is told first', async context => {
    const server = await startNats(context, { jetStream: false });
    const told = (second: number, atSecond: number) => ({
      config: { ...streamOf('s'), storage: 'file', num_replicas: 1 },
      state: {},
      cluster: { name: 'c' },
      created: `2026-01-01T00:00:0${second}.123456789Z`,
      ts: `2026-01-01T00:00:0${atSecond}.5Z`,
    });
    const young = [told(2, 2), told(1, 2), told(1, 2), told(3, 3)];
    const old = [told(1, 9), told(2, 9)];
    await answerAs(server, 'STREAM.INFO.s', [...young, ...old]);
    const connection = await connectTo(server.url);
    const met: string[] = [];
    const how = { ...storing(1), onMet: ({ created }: { created: string }) => void met.push(created) };
    const { created } = await ensureStream(connection, streamOf('s'), how);
    expect([created, met]).toEqual([told(1, 2).created, [told(1, 2).created]]);
    await (await jetstreamManager(connection, { checkAPI: false })).streams.info('s');
    expect((await ensureStream(connection, streamOf('s'), how)).created).toBe(told(1, 9).created);
  });

  test('unless its subjects are those of another stream', async () => {
    const connection = await connectTo(single.url);
    const [stream, other] = [freshName(), freshName()];
    await ensureStream(connection, streamOf(other), storing());
    await expect(ensureStream(connection, { ...streamOf(other), name: stream }, storing())).rejects.toThrow(
      `Stream ${stream} can be neither found nor created in NATS: subjects overlap with an existing stream.`,
    );
  });

  test('and what is there with other settings is used as it is, with one warning that says which', async () => {
    const connection = await connectTo(single.url);
    const { streams } = await jetstreamManager(connection);
    const [stream, bucket, how] = [freshName(), freshName(), storing(3)];
    await streams.add({ ...streamOf(stream), storage: 'memory' });
    await streams.add({ name: `KV_${bucket}`, subjects: [`$KV.${bucket}.>`], max_msgs_per_subject: 5, max_age: 1e12 });
    await ensureStream(connection, streamOf(stream), how);
    await ensureStream(connection, streamOf(stream), how);
    const kv = await ensureBucket(connection, bucket, { history: 1 }, how);
    await kv.put('key', 'value');
    expect(how.told.lines).toEqual([
      `warned: Stream ${stream} of NATS exists with other settings and is used as it is: storage is "memory" instead of "file", ` +
        'num_replicas is 1 instead of 3.',
      `warned: Stream KV_${bucket} of NATS exists with other settings and is used as it is: max_msgs_per_subject is 5 instead of 1, ` +
        'max_age is 1000000000000 instead of 0, num_replicas is 1 instead of 3.',
    ]);
    expect((await streams.info(stream)).config.storage).toBe('memory');
  });
});

test('a bucket is opened on another connection without a request', async () => {
  const bucket = freshName();
  await (await ensureBucket(await connectTo(single.url), bucket, { history: 1 }, storing())).put('key', 'value');
  const other = await connectTo(single.url);
  const before = other.stats().outMsgs;
  const kv = await openBucket(other, bucket);
  expect(other.stats().outMsgs).toBe(before);
  expect((await kv.get('key'))?.string()).toBe('value');
});
