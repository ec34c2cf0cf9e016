import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { startNatsCluster } from '../support/nats-cluster.js';
import { natsVersion, startNats } from '../support/nats-server.js';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../setup.sh');
const tools = ['sed', 'sort', 'head', 'id'];

/** A folder with programs that print this as their version, and nothing else but what the script needs. */
async function folderWith(programs: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-path-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const tool of tools)
    await symlink((await run('sh', ['-c', `command -v ${tool}`])).stdout.trim(), join(folder, tool));
  for (const [name, version] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\necho 'nats-server: v${version}'\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

async function setUp(path: string, named?: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: path, ...(named === undefined ? {} : { NATS_SERVER_PATH: named }) };
  const shell = '/bin/sh';
  return run(shell, [script, 'nats-server'], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe('[CL-001] test/setup.sh nats-server', () => {
  test('takes the one that NATS_SERVER_PATH names, and prints its version', async () => {
    const folder = await folderWith({ 'nats-server': '2.11.3', mine: '2.10.0' });
    const { stdout, stderr } = await setUp(folder, join(folder, 'mine'));
    expect(stdout.trim()).toBe(join(folder, 'mine'));
    expect(stderr).toContain('nats-server 2.10.0 at ');
  });

  test.each(['2.9.10', '2.10.0', '2.15.3', '3.0.1'])('takes version %s from PATH', async version => {
    const folder = await folderWith({ 'nats-server': version });
    expect((await setUp(folder)).stdout.trim()).toBe(join(folder, 'nats-server'));
  });

  test.each(['2.9.9', '2.8.99', '1.4.1'])('does not take version %s, and fails with what to install', async version => {
    const { code, stdout, stderr } = await setUp(await folderWith({ 'nats-server': version }));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`is not a nats-server of version 2.9.10 or newer (found: ${version})`);
    expect(stderr).toContain('apt-get install nats-server');
  });

  test('falls back to PATH where NATS_SERVER_PATH names no program, and says so', async () => {
    const folder = await folderWith({ 'nats-server': '2.12.1' });
    const { stdout, stderr } = await setUp(folder, '/nowhere/nats-server');
    expect(stdout.trim()).toBe(join(folder, 'nats-server'));
    expect(stderr).toContain('NATS_SERVER_PATH names /nowhere/nats-server, which is no program');
  });
});

describe('[CL-004] servers of the tests', () => {
  let version: string;
  beforeAll(() => {
    version = natsVersion();
  });

  test('one, on a free port, which it keeps with what it has stored when it is killed and started again', async context => {
    const server = await startNats(context);
    const { port } = server;
    await store(server.url, 1);
    await server.kill();
    await server.start();
    expect(server.port).toBe(port);
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    expect(connection.info?.version).toBe(version);
    const { state } = await (await jetstreamManager(connection)).streams.info('kept');
    expect(state.messages).toBe(1);
  });

  test('three, which keep a stream on each', async context => {
    const cluster = await startNatsCluster(context);
    await store(cluster.urls[0]!, 3);
    const connection = await connect({ servers: cluster.urls[2]! });
    onTestFinished(() => connection.close());
    const { cluster: where } = await (await jetstreamManager(connection)).streams.info('kept');
    expect(where?.replicas).toHaveLength(2);
  });

  test('three with a delay on each route', async context => {
    const earlyMs = 1; // of each of Node's two timers
    expect(await roundTripMs(context, 30)).toBeGreaterThan(60 - 2 * earlyMs);
  });
});

async function store(url: string, replicas: number): Promise<void> {
  const connection = await connect({ servers: url });
  await (await jetstreamManager(connection)).streams.add({ name: 'kept', subjects: ['kept'], num_replicas: replicas });
  await jetstream(connection).publish('kept', 'a');
  await connection.close();
}

/** The shortest of ten, from one server to another and back. */
async function roundTripMs(context: TestContext, routeDelayMs: number): Promise<number> {
  const { urls } = await startNatsCluster(context, { jetStream: false, routeDelayMs });
  const [here, there] = await Promise.all([connect({ servers: urls[0]! }), connect({ servers: urls[1]! })]);
  onTestFinished(async () => void (await Promise.all([here.close(), there.close()])));
  there.subscribe('echo', { callback: (_error, message) => void message.respond('') });
  await there.flush();
  const rounds: number[] = [];
  while (rounds.length < 10) {
    const startedMs = performance.now();
    await here.request('echo', '', { timeout: 5_000 }).then(
      () => rounds.push(performance.now() - startedMs),
      () => {}, // not known at that server yet
    );
  }
  return Math.min(...rounds);
}
