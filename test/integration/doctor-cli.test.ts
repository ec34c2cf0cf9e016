import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import { findingsFor } from '../../src/cli/doctor.js';
import { systemClock } from '../../src/clock.js';
import { NatsClusterStore } from '../../src/cluster/nats-store.js';
import { AppServer } from '../support/app-server.js';
import { express, handlerYaml, inShort, listen, middleware, serve } from '../support/doctor.js';
import { type Environment, fileWith, runHubwire, startService } from '../support/hubwire-process.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { newLink } from '../support/nats-link.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { runVerb } from '../support/run-verb.js';
import { signToken } from '../support/tokens.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
/** Nothing listens on port 9, and there is no admin listener. */
const stopped = { HUBWIRE_PORT: '9', HUBWIRE_ADMIN_PORT: '0' };

interface Item {
  readonly code: string;
  readonly level: string;
  readonly hub: string | null;
  readonly url: string | null;
  readonly seen: string;
  readonly advice: string | null;
  readonly line: number | null;
}

async function doctor(args: readonly string[], env: Environment = {}) {
  const ended = await runHubwire(['doctor', '-o', 'json', ...args], { ...stopped, ...env });
  return { ...ended, items: JSON.parse(ended.stdout) as Item[] };
}

/** The same in this process, which starts faster. */
function foundFor(args: Parameters<typeof findingsFor>[0], env: Environment = {}) {
  return findingsFor(args, { ...stopped, ...env });
}

async function healthyApp(): Promise<string> {
  const app = express();
  app.use(middleware({ handleConnect: (_, response) => response.success() }));
  return `${await serve(app)}/eventhandler/{event}`;
}

describe('hubwire doctor', () => {
  test('[MG-241] a healthy set-up: ✔ lines only, exit code 0', async () => {
    const yaml = handlerYaml(await healthyApp(), ['systemEvents: [connect]']);
    const { file, publicUrl, adminUrl } = await startService(yaml);
    const env = { HUBWIRE_PORT: new URL(publicUrl).port, HUBWIRE_ADMIN_PORT: new URL(adminUrl).port };
    const { code, stdout } = await runHubwire(['doctor', '--hubs', file, '--connect'], env);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter(line => /^[!✘]/.test(line))).toEqual([]);
    expect(lines.filter(line => line.startsWith('✔')).length).toBe(8);
    expect(code).toBe(0);
  });

  test.each([
    [{ admin: 'foo' }, '--admin must be a URL such as https://localhost:8081, not "foo"'],
    [{ url: 'foo' }, '--url: endpoint "foo" is not a URL'],
  ])('%j: what is no URL is a fault that names the flag', async (args, seen) => {
    const found = await foundFor({ hubs: await fileWith('hubs: {}\n'), ...args });
    expect(found).toContainEqual(expect.objectContaining({ level: 'error', seen: expect.stringContaining(seen) }));
  });

  test('looks at NATS where the service uses it, and says when the file is not what the service uses', async context => {
    requireNats(context);
    const hubs = await fileWith('hubs: {}\n');
    const server = await startNats(context);
    const there = await foundFor({ hubs }, { HUBWIRE_NATS: server.url, HUBWIRE_CONFIG: 'nats' });
    expect(there).toContainEqual(expect.objectContaining({ code: 'nats', level: 'ok' }));
    const unused = expect.stringMatching(
      /^HUBWIRE_CONFIG is nats: the service does not use .*hubs\.yaml, but what its /,
    );
    expect(there).toContainEqual(expect.objectContaining({ code: 'hubs-file', level: 'warning', seen: unused }));
    await server.kill();
    const away = await foundFor({ hubs }, { HUBWIRE_NATS: server.url });
    const seen = `NATS cannot be used: 127.0.0.1:${server.port}: connection refused`;
    expect(away).toContainEqual(expect.objectContaining({ code: 'nats', level: 'error', seen }));
  });

  test('[CL-006] lists what nodes share that has fewer replicas than it should', { timeout: 60_000 }, async context => {
    const { urls } = await startNatsCluster(context, { size: 2 });
    const { link, told } = newLink(urls, { purpose: 'store' });
    const store = { link, clusterName: 'hw', leaseMs: 20_000, clock: systemClock };
    await new NatsClusterStore({ ...store, storing: { replicas: 1, parts: told.parts } }).open();
    const warnings = async (yaml: string) => {
      const found = await foundFor({ hubs: await fileWith(yaml) }, { HUBWIRE_NATS: urls.join(',') });
      return found.filter(({ code, level }) => code === 'nats' && level === 'warning');
    };
    const [auto, ...others] = await warnings('hubs: {}\n');
    expect(others).toEqual([]);
    expect(auto?.seen).toMatch(/fewer servers of NATS than 3, .*: hw_ledger \(1\), KV_hw_nodes \(1\)$/);
    expect(auto?.advice).toEqual([
      expect.stringMatching(/^connect three servers/),
      expect.stringMatching(/replicas: 1/),
    ]);
    const [three] = await warnings('cluster: { replicas: 3 }\n');
    expect(three?.advice).toEqual([expect.stringContaining('nats stream update hw_ledger --replicas 3')]);
    expect(await warnings('cluster: { replicas: 1 }\n')).toEqual([]);
  });

  test('says when the account in NATS is almost full', async context => {
    const settings = 'accounts { A { jetstream { max_file: 1MB, max_mem: 1MB }, users: [{ user: a, password: b }] } }';
    const { url } = await startNats(context, { settings });
    const login = url.replace('//', '//a:b@');
    const { streams } = await jetstreamManager(await newLink([login], { purpose: 'store' }).link.start());
    await streams.add({ name: 'orders', subjects: ['orders'] });
    const { link } = newLink([login], { purpose: 'store' });
    const client = jetstream(await link.start());
    const seen = async () => {
      const found = await foundFor({ hubs: await fileWith('hubs: {}\n') }, { HUBWIRE_NATS: login });
      return found.filter(({ code }) => code === 'nats').map(({ level, seen }) => `${level}: ${seen}`);
    };
    expect(await seen()).toEqual([expect.stringMatching(/^ok: /)]);
    await client.publish('orders', Buffer.alloc(900_000));
    expect(await seen()).toEqual([
      expect.stringMatching(/^ok: /),
      expect.stringMatching(/^warning: the account in NATS has stored 9\d{5} of the 1048576 bytes that it may/),
    ]);
  });

  test.each([['validate'], ['hub', 'list', '--hubs']])('%s: says so as well', async (...args) => {
    const { stdout, stderr } = await runVerb([...args, await fileWith('hubs: {}\n')], { HUBWIRE_CONFIG: 'nats' });
    expect(stdout + stderr).toMatch(
      /HUBWIRE_CONFIG is nats: the service does not use .*; make the file what they share /,
    );
  });

  test('[MG-242] JSON: the fields of each finding, for a fault and for what is well', async () => {
    const hubs = await fileWith(handlerYaml('http://127.0.0.1:9/{event}'));
    const { code, items } = await doctor(['--hubs', hubs]);
    for (const item of items) {
      expect(Object.keys(item).toSorted()).toEqual(['advice', 'code', 'hub', 'level', 'line', 'seen', 'url']);
    }
    expect(items[0]).toMatchObject({ code: 'settings', level: 'ok', hub: null, url: null, advice: null, line: null });
    expect(items.find(item => item.code === 'refused')).toMatchObject({
      level: 'error',
      hub: 'chat',
      url: 'http://127.0.0.1:9/{event}',
      seen: 'connection refused',
      advice: expect.stringMatching(/^start the app\n/),
      line: 4,
    });
    expect(code).toBe(1);
  });

  test('apps are named by their ids, without their keys', async () => {
    const apps = ['42', 'shop'].map(id => `  - { id: "${id}", key: key-of-${id}, secret: HIDDEN-${id} }\n`).join('');
    const [file] = await foundFor({ hubs: await fileWith(`apps:\n${apps}`) });
    expect(file?.seen).toMatch(/: 0 hub\(s\), 0 event handler\(s\), 2 app\(s\): 42, shop$/);
  });

  test('[MG-242] no token, key or code is in any output', async () => {
    const app = await AppServer.start();
    app.onOptions = (response, { path }) => response.writeHead(307, { Location: `/elsewhere${path}` }).end();
    const secrets = [
      'planted-code-1234',
      'planted-key-0123456789-0123456789-01',
      'planted-other-key-0123456789-0123456789',
    ];
    const [hookCode = '', key = '', otherKey = ''] = secrets;
    const { url } = JSON.parse(
      (await runHubwire(['token', '--json', '--hub', 'chat'], { HUBWIRE_PRIMARY_KEY: otherKey })).stdout,
    ) as { url: string };
    const token = new URL(url).searchParams.get('access_token')!;
    const yaml = handlerYaml(`${app.url}/hook?code=\${CODE}`);
    const { publicUrl, adminUrl, file } = await startService(yaml, { CODE: hookCode, HUBWIRE_PRIMARY_KEY: key });
    const env = {
      CODE: hookCode,
      HUBWIRE_PRIMARY_KEY: key,
      WebPubSubConnectionString: `Endpoint=http://a.example;AccessKey=${otherKey}`,
      HUBWIRE_PORT: new URL(publicUrl).port,
      HUBWIRE_ADMIN_PORT: new URL(adminUrl).port,
    };
    for (const format of ['table', 'json']) {
      const args = ['doctor', '-o', format, '--hubs', file, '--connect', '--token', url];
      const { stdout, stderr, code } = await runHubwire(args, env);
      expect(code).toBe(1);
      expect(stdout).toContain('redirect');
      for (const secret of [...secrets, token, token.split('.')[2]!]) expect(stdout + stderr).not.toContain(secret);
    }
    await app.close();
  });

  test('the lines fit 80 columns, and name code, place, what was seen, why, and what to do', async () => {
    const hubs = await fileWith(handlerYaml('http://127.0.0.1:9/{event}'));
    const { stdout } = await runHubwire(['doctor', '--hubs', hubs], stopped);
    const lines = stdout.split('\n');
    expect(lines.filter(line => line.length > 80 && !line.includes('- curl ') && !line.includes(hubs))).toEqual([]);
    const at = lines.findIndex(line => line.startsWith('✘ refused  chat  http://127.0.0.1:9/{event}'));
    expect(lines[at]).toMatch(/hubs\.yaml:4$/);
    expect(lines.slice(at + 1, at + 4)).toEqual([
      '    seen  connection refused',
      '    why   no event reaches the app: each one fails',
      '    do    start the app',
    ]);
  });

  test('an invalid file: each problem with its line, and the rest is looked at', async () => {
    const text = 'hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: nowhere\n    anonymus: x\n';
    const found = await foundFor({ hubs: await fileWith(text) });
    expect(found.slice(0, 2)).toMatchObject([
      { code: 'settings', level: 'error', line: 4, advice: ['write `http://host/path` or `https://host/path`'] },
      { code: 'settings', level: 'error', line: 5, seen: expect.stringContaining('anonymus') },
    ]);
    expect(inShort(found.slice(2))).toEqual(['ok key', 'error listener start']);
  });

  test.each([
    ['is short', { HUBWIRE_PRIMARY_KEY: 'short' }, 'warning key generate'],
    ['is empty', { HUBWIRE_PRIMARY_KEY: '' }, 'warning key give'],
    ['is blank', { HUBWIRE_PRIMARY_KEY: '  ' }, 'error key correct'],
    ['is not for other machines', { HUBWIRE_HOST: '0.0.0.0' }, 'error key set'],
    ['is set twice', { HUBWIRE_PRIMARY_KEY: ownKey, HUBWIRE_PRIMARY_KEY_FILE: '/x' }, 'error key unset'],
  ])('[MG-227] key: one that %s', async (_, env, expected) => {
    const found = await foundFor({ hubs: await fileWith('hubs: {}\n') }, env);
    expect(inShort(found.filter(({ code }) => code === 'key'))).toEqual([expected]);
  });

  test('[MG-219] entra-token: which source was tried, and what is to be set', async () => {
    const identity = await listen(
      createServer((_, response) => response.writeHead(400, { 'Content-Type': 'application/json' }).end('{}')),
    );
    const app = await healthyApp();
    const auth = 'auth: { type: ManagedIdentity, managedIdentity: { resource: "api://my-app" } }';
    const hubs = await fileWith(handlerYaml(app, ['userEventPattern: "*"', auth]));
    const env = { IDENTITY_ENDPOINT: `${identity}/token`, IDENTITY_HEADER: 'planted-identity-header' };
    const { items, stdout } = await doctor(['--hubs', hubs], env);
    expect(items.find(({ code }) => code === 'entra-token')).toMatchObject({
      level: 'error',
      hub: 'chat',
      line: 4,
      seen: expect.stringContaining('no Entra ID token for api://my-app'),
      advice: expect.stringMatching(
        /^tried first: the managed identity of App Service \(IDENTITY_ENDPOINT\)\n.*AZURE_TENANT_ID/,
      ),
    });
    expect(stdout).not.toContain('planted-identity-header');
  });

  test('[MG-220] no-handler: with --hub and --event', async () => {
    const hubs = await fileWith(handlerYaml(await healthyApp(), ['userEventPattern: "order"']));
    const found = await foundFor({ hubs, hub: 'chat', event: 'odrer' });
    const finding = found.find(({ code }) => code === 'no-handler');
    expect(finding).toMatchObject({ level: 'error', line: 4 });
    expect(finding!.advice[0]).toBe('did you mean "order"?');
  });

  test('a hub that the file does not have, and --event without --hub', async () => {
    const hubs = await fileWith('hubs: { chat: {} }\n');
    const found = await foundFor({ hubs, hub: 'caht' });
    expect(found[1]).toMatchObject({
      code: 'hub',
      level: 'warning',
      hub: 'caht',
      advice: ['did you mean "chat"?'],
    });
    await expect(foundFor({ hubs, event: 'x' })).rejects.toThrow('--event needs --hub');
  });

  test('no hubs.yaml, and a token that has expired: why each matters', async () => {
    const cwd = dirname(await fileWith('', 'other.yaml'));
    const exp = Math.floor(Date.now() / 1000) - 3_600;
    const token = signToken({ aud: 'http://localhost:9/client/hubs/chat', exp });
    const { code, stdout } = await runHubwire(['doctor', '--token', token], stopped, { cwd });
    expect(stdout).toMatch(
      /^! hubs-file\n {4}seen {2}there is no hubs\.yaml: [^✘]*why {3}event handlers are those of this file\n/m,
    );
    expect(stdout).toMatch(
      /✘ token-time\n {4}seen {2}the token has expired, 36\d\d s ago [^✘]*why {3}a token is valid for a time/,
    );
    expect(code).toBe(1);
  });

  test('a variable that no setting has, and a file that is missing', async () => {
    const folder = dirname(await fileWith(''));
    const found = await foundFor({ hubs: await fileWith('hubs: {}\n') }, { HUBWIRE_HOTS: 'x' });
    expect(inShort(found).slice(0, 2)).toEqual(['ok settings', 'warning variable did']);
    await expect(foundFor({ hubs: join(folder, 'none.yaml') })).resolves.toMatchObject([
      { code: 'settings', level: 'error', seen: 'the file does not exist' },
      ...[{ code: 'key' }, { code: 'listener' }],
    ]);
  });

  test('addresses are taken from --url and --admin', async () => {
    const { publicUrl, adminUrl, file } = await startService('hubs: {}\n');
    const found = await foundFor({ hubs: file, url: `${publicUrl}/`, admin: `${adminUrl}/` });
    expect(inShort(found)).toEqual(['ok settings', 'ok key', 'ok listener', 'ok listener', 'ok admin']);
  });
});
