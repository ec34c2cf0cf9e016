import { basename, dirname } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { HubsFileEditor } from '../../src/config/edit/hubs-file-editor.js';
import type { SharedHubs } from '../../src/config/shared-hubs.js';
import { parseNatsUrls } from '../../src/nats/options.js';
import { SharedConfig, SharedConfigAccess } from '../../src/shared-config.js';
import { eventually } from '../support/eventually.js';
import { type Environment, fileWith, HubwireProcess, runHubwire } from '../support/hubwire-process.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';
import { runVerb } from '../support/run-verb.js';

beforeEach(requireNats);

const token = 'a-token-of-the-operators';
const applied = /the new configuration is applied: ([^"]*)"/g;

interface Node {
  readonly process: HubwireProcess;
  readonly adminUrl: string;
  /** What it says of each change, in order. */
  readonly changes: () => readonly string[];
}

/** A node that has the configuration of the server. */
async function startNode({ url }: NatsServer, env: Environment = {}, more: readonly string[] = []): Promise<Node> {
  const cwd = dirname(await fileWith('', 'empty'));
  const ports = ['--port', '0', '--admin-port', 'any'];
  const args = ['start', '--json', ...ports, '--config', 'nats', '--nats', url, ...more];
  const hubwire = new HubwireProcess(args, { HUBWIRE_ADMIN_TOKEN: token, ...env }, { cwd });
  const { 1: adminUrl = '' } = await hubwire.find(/"admin":"([^"]*)"/);
  return {
    process: hubwire,
    adminUrl,
    changes: () => Array.from(hubwire.stderr.matchAll(applied), ([, line = '']) => line),
  };
}

async function push({ url }: NatsServer, yaml: string, env: Environment = {}) {
  const file = await fileWith(yaml);
  return { file, ...(await runVerb(['config', 'push', file, '--nats', url], env)) };
}

/** The shared configuration, as any client of NATS sees it. */
async function stored({ url }: NatsServer, write?: string): Promise<string | undefined> {
  const connection = await connect({ servers: url });
  const bucket = await new Kvm(connection).open('hw_config');
  if (write !== undefined) await bucket.put('hubs.yaml', write);
  const entry = await bucket.get('hubs.yaml');
  await connection.close();
  return entry?.string();
}

function hub({ adminUrl }: Node, verb: string, ...args: readonly string[]) {
  return runVerb(['hub', verb, ...args, '--admin', adminUrl], { HUBWIRE_ADMIN_TOKEN: token });
}

/** `${NAME}` */
function variable(name: string): string {
  return `$\{${name}}`;
}

describe('[CL-111] config push', () => {
  test('writes the file by revision', async context => {
    const server = await startNats(context);
    const first = await push(server, 'hubs: { chat: {} }\n');
    expect(first).toMatchObject({
      code: 0,
      stdout: `${first.file} is the configuration of cluster hw now (revision 1)\n`,
    });
    expect(await stored(server)).toBe('hubs: { chat: {} }\n');
    expect((await push(server, 'hubs: { chat: {} }\n')).stdout).toBe('cluster hw has this configuration already\n');
    expect((await push(server, 'hubs: { news: {} }\n')).stdout).toContain('(revision 2)');
  });

  test('refuses an invalid file, and names variables that are not set here', async context => {
    const server = await startNats(context);
    await push(server, 'hubs: { chat: {} }\n');
    const bad = await push(server, 'hubs:\n  chat: { anonymous: allow }\n');
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/hubs\.yaml:2:11 hubs\.chat\.anonymous/);
    expect(await stored(server)).toBe('hubs: { chat: {} }\n');
    const yaml = `hubs: { chat: { eventHandlers: [{ urlTemplate: "http://a/${variable('CODE')}", userEventPattern: "*" }] } }\n`;
    expect((await push(server, yaml)).stdout).toMatch(/\nvariables that every node has to have: CODE\n$/);
    expect((await push(server, `${yaml}# set\n`, { CODE: '1' })).stdout).not.toContain('variables');
  });

  test('refuses what NATS does not take', async context => {
    const server = await startNats(context, { settings: 'max_payload: 64KB' });
    const { code, stderr } = await push(server, `hubs: {}\n# ${'x'.repeat(65_000)}\n`);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'hubwire: the configuration of 65012 bytes is larger than NATS takes (max_payload there: 65536); nothing was written\n',
    });
  });

  test('says what is missing: NATS, its address, JetStream', async context => {
    const server = await startNats(context, { jetStream: false });
    const noJetStream = await push(server, 'hubs: {}\n');
    expect(noJetStream.stderr).toMatch(/^hubwire: NATS at 127.0.0.1:\d+ runs without JetStream: [^\n]*\n$/);
    await server.kill();
    const file = await fileWith('hubs: {}\n');
    const [away, none] = await Promise.all([
      runHubwire(['config', 'push', file, '--nats', server.url]),
      runHubwire(['config', 'push', file]),
    ]);
    expect(away.stderr).toBe(
      `hubwire: NATS cannot be reached (127.0.0.1:${server.port}: connection refused); nothing was written\n`,
    );
    expect(none.stderr).toBe('hubwire: config push needs --nats (or HUBWIRE_NATS)\n');
    expect([away.code, none.code]).toEqual([1, 1]);
  });
});

describe('[CL-111] an edit at the moment at which another one comes in', () => {
  const yaml = (...hubs: readonly string[]) => `hubs:\n${hubs.map(name => `  ${name}: {}\n`).join('')}`;

  test('is refused, and takes nothing of the other one away', async context => {
    const server = await startNats(context);
    await push(server, yaml('chat'));
    const nats = { servers: parseNatsUrls(server.url), clusterName: 'hw', nodeName: 'test' };
    const said: string[] = [];
    const parts = { clock: systemClock, tell: () => {}, say: (text: string) => void said.push(text) };
    const [shared, other] = await Promise.all([SharedConfig.open(nats, parts), SharedConfigAccess.open(nats, parts)]);
    onTestFinished(async () => void (await Promise.all([shared.stop(), other.close()])));
    let refreshed = Promise.resolve();
    const replace = async (before: string, after: string) => {
      const { revision } = (await other.read()) ?? { revision: 0 };
      await other.write(yaml('chat', 'theirs'), revision);
      refreshed = shared.refresh();
      for (let turn = 0; turn < 20; turn += 1) await other.read(); // it had the time to take the other one
      await shared.replace(before, after);
    };
    const late: SharedHubs = {
      ...{ replace, refresh: () => shared.refresh(), onChanged: listener => shared.onChanged(listener) },
      get name() {
        return shared.name;
      },
      get text() {
        return shared.text;
      },
    };
    const edited = { file: 'hubs.yaml', env: {}, clock: systemClock };
    const editor = new HubsFileEditor({ ...edited, shared: late });
    await expect(editor.put('ours', {})).rejects.toThrow(/changed by somebody else at the same time/);
    await refreshed;
    expect([shared.text, shared.name]).toEqual([yaml('chat', 'theirs'), 'NATS, bucket hw_config (revision 2)']);
    expect(await stored(server)).toBe(yaml('chat', 'theirs'));

    // It is edited again from what both have now.
    const next = new HubsFileEditor({ ...edited, shared });
    await next.put('ours', {});
    await next.put('more', {});
    expect(await stored(server)).toBe(yaml('chat', 'theirs', 'ours', 'more'));
    await shared.refresh();
    expect([shared.text, shared.name]).toEqual([
      yaml('chat', 'theirs', 'ours', 'more'),
      'NATS, bucket hw_config (revision 4)',
    ]);
    expect(said).toEqual([]);
  });
});

describe('[CL-111] when NATS has lost the shared configuration', () => {
  const yaml = (...hubs: readonly string[]) => `hubs:\n${hubs.map(name => `  ${name}: {}\n`).join('')}`;

  /** Time without the looks of each second. */
  const stillClock: Clock = {
    ...systemClock,
    after: (ms, task) => (ms === 1_000 ? () => {} : systemClock.after(ms, task)),
  };

  /** What nodes have, at revision 3, and what it says. */
  async function startShared(context: TestContext, clock = systemClock) {
    const server = await startNats(context);
    for (const name of ['one', 'two', 'three']) await push(server, yaml(name));
    const said: string[] = [];
    const nats = { servers: parseNatsUrls(server.url), clusterName: 'hw', nodeName: 'test' };
    const parts = { clock, tell: () => {}, say: (text: string) => void said.push(text) };
    const shared = await SharedConfig.open(nats, parts);
    onTestFinished(() => shared.stop());
    const offered: string[] = [];
    shared.onChanged(() => void offered.push(shared.text));
    return { server, shared, said, offered };
  }

  async function deleteBucket({ url }: NatsServer): Promise<void> {
    const connection = await connect({ servers: url });
    await (await jetstreamManager(connection)).streams.delete('KV_hw_config');
    await connection.close();
  }

  test('the one in use is kept until another one is pushed, whose revision is lower', async context => {
    const { server, shared, said, offered } = await startShared(context);
    await server.kill();
    await server.forget();
    await server.start();
    const lost =
      'NATS has lost the shared configuration, the one in use is kept; write it again with: hubwire config push FILE';
    await eventually(() => expect(said).toContain(lost));
    expect([shared.text, shared.name]).toEqual([yaml('three'), 'NATS, bucket hw_config']);
    await push(server, yaml('four'));
    await eventually(() => expect(offered).toEqual([yaml('four')]));
    expect(shared.name).toBe('NATS, bucket hw_config (revision 1)');
    await shared.replace(shared.text, yaml('four', 'edited'));
    expect(await stored(server)).toBe(yaml('four', 'edited'));
    expect(said.filter(text => text === lost)).toHaveLength(1);
  });

  test('a bucket that was made anew between two looks is told of and followed, also with the same revision', async context => {
    const { server, shared, said, offered } = await startShared(context, stillClock);
    await deleteBucket(server);
    for (const name of ['four', 'five', 'six']) await push(server, yaml(name));
    await shared.refresh();
    await deleteBucket(server);
    await push(server, yaml('seven'));
    await shared.refresh();
    expect(offered).toEqual([yaml('six'), yaml('seven')]);
    const line = (now: number, before: number) =>
      `bucket hw_config is another one: its configuration of revision ${now} replaces revision ${before} of the one before`;
    expect(said).toEqual([line(3, 3), line(1, 3)]);
  });

  test('an edit writes it anew, with the bucket', async context => {
    const { server, shared } = await startShared(context, stillClock);
    await deleteBucket(server);
    await shared.refresh();
    await shared.replace(yaml('three'), yaml('three', 'edited'));
    expect(await stored(server)).toBe(yaml('three', 'edited'));
    expect([shared.text, shared.name]).toEqual([yaml('three', 'edited'), 'NATS, bucket hw_config (revision 1)']);
  });
});

describe('[CL-111] a node with --config nats', () => {
  test('waits for NATS and for a configuration, and says so', async context => {
    const server = await startNats(context);
    await server.kill();
    const args = ['start', '--json', '--port', '0', '--admin-port', '0', '--config', 'nats', '--nats', server.url];
    const node = new HubwireProcess(args);
    await node.find(/"reason":"connection refused","msg":"NATS: waiting for a server/, 'stderr');
    await server.start();
    const missing = 'waiting for a configuration: cluster hw has none yet; write it with: hubwire config push FILE';
    await node.find(new RegExp(`"msg":"${missing}"`), 'stderr');
    expect(node.stdout).toBe('');
    await push(server, 'hubs: { chat: {} }\n');
    await node.find(/"event":"listening"/);
  });

  test('follows what all share, and edits it through the management API', { timeout: 60_000 }, async context => {
    const server = await startNats(context);
    await push(server, 'hubs: # ours\n  chat: {}\n');
    const one = await startNode(server);
    const two = await startNode(server);
    const nodes = [one, two];
    const changesOf = (count: number) =>
      eventually(() => {
        for (const node of nodes) expect(node.changes()).toHaveLength(count);
        expect(one.changes()).toEqual(two.changes());
        return one.changes().at(-1);
      });

    // Pushed.
    await push(server, 'hubs: # ours\n  chat: {}\n  news: {}\n');
    expect(await changesOf(1)).toBe('hub news added');

    // Edited at one of them.
    expect(await hub(one, 'create', '--hub-name', 'more')).toMatchObject({ code: 0 });
    expect(one.changes()).toHaveLength(2);
    expect(await stored(server)).toBe('hubs: # ours\n  chat: {}\n  news: {}\n  more: {}\n');
    expect(await changesOf(2)).toBe('hub more added');

    // Edited at both at the same time.
    const outcomes = await Promise.all([
      hub(one, 'create', '--hub-name', 'first'),
      hub(two, 'create', '--hub-name', 'second'),
    ]);
    const [failure, ...more] = outcomes.filter(({ code }) => code !== 0);
    expect(more).toEqual([]);
    expect(failure?.stderr).toMatch(/changed by somebody else at the same time|differs from the configuration in use/);
    expect(await changesOf(3)).toMatch(/^hub (?:first|second) added$/);

    // Invalid, and not by `push`.
    await stored(server, 'hubs: { chat: { anonymous: allow } }\n');
    const kept =
      /hubs\.yaml not applied, the previous configuration is kept:\\nNATS, bucket hw_config \(revision \d+\):1:17 hubs\.chat\.anonymous/;
    for (const { process } of nodes) await process.find(kept, 'stderr');

    // NATS is away.
    await server.kill();
    expect(JSON.parse((await hub(one, 'list')).stdout)).toHaveLength(4);
    expect((await hub(two, 'create', '--hub-name', 'away')).code).toBe(1);
    await server.start();
    await push(server, 'hubs: { chat: {} }\n');
    expect(await changesOf(4)).toMatch(/hub news removed/);
  });

  test('is the same for its workers', { timeout: 60_000 }, async context => {
    const server = await startNats(context);
    await push(server, 'hubs: { chat: {} }\n');
    const node = await startNode(server, {}, ['--workers', '2']);
    await push(server, 'hubs: { chat: {}, news: {} }\n');
    await eventually(() => expect(node.changes()).toEqual(['hub news added', 'hub news added']));
    // The primary, which has the management API, follows for itself: edits of what it has not seen are refused.
    await eventually(async () => expect(JSON.parse((await hub(node, 'list')).stdout)).toHaveLength(2));
    expect(await hub(node, 'create', '--hub-name', 'more')).toMatchObject({ code: 0 });
    expect(node.changes().slice(2)).toEqual(['hub more added', 'hub more added']);
    expect(await stored(server)).toContain('more: {}');
  });

  test('needs no folder that it may write, and fills in its own variables', async context => {
    const server = await startNats(context);
    await push(server, `limits: { maxConnections: "${variable('MOST')}" }\n`);
    const node = await startNode(server, { MOST: '7', TMPDIR: '/proc' });
    node.process.signal('SIGTERM');
    expect(await node.process.exit).toEqual({ code: 0, signal: null });
    const refused = new HubwireProcess([
      ...['start', '--json', '--port', '0', '--admin-port', '0', '--config', 'nats', '--nats', server.url],
    ]);
    expect((await refused.exit).code).toBe(1);
    expect(refused.stderr).toMatch(/^NATS, bucket hw_config \(revision 1\):1:27 limits\.maxConnections: .*MOST/m);
  });

  test('has in its banner where its configuration is', async context => {
    const server = await startNats(context);
    await push(server, 'hubs: { chat: {} }\n');
    const node = new HubwireProcess([
      ...['start', '--port', '0', '--admin-port', 'any', '--config', 'nats', '--nats', server.url],
    ]);
    await node.find(/\n {2}hubs {15}NATS, bucket hw_config \(revision 1\)\n/);
  });

  test('of another cluster has another one', async context => {
    const server = await startNats(context);
    await push(server, 'hubs: { chat: {} }\n');
    const file = await fileWith('hubs: { news: {} }\n');
    const pushed = await runVerb(['config', 'push', file, '--nats', server.url, '--cluster-name', 'blue'], {});
    expect(pushed.stdout).toBe(`${file} is the configuration of cluster blue now (revision 1)\n`);
    expect(await stored(server)).toBe('hubs: { chat: {} }\n');
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const streams = await (await jetstreamManager(connection)).streams.names().next();
    expect(streams.sort()).toEqual(['KV_blue_config', 'KV_hw_config']);
    expect(basename(file)).toBe('hubs.yaml');
  });
});
