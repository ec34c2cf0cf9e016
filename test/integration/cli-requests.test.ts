import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileWith, program, runHubwire, startService } from '../support/hubwire-process.js';
import { runVerb } from '../support/run-verb.js';

const noHubs = 'hubs: {}\n';
const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';

describe('health', () => {
  test('[MG-351] exit 0 while the service takes clients, 1 when nobody answers', async () => {
    const { adminUrl, process } = await startService(noHubs);
    const env = { HUBWIRE_ADMIN_HOST: '0.0.0.0', HUBWIRE_ADMIN_PORT: new URL(adminUrl).port };
    expect(await runHubwire(['health'], env)).toMatchObject({ code: 0, stdout: 'ready\n', stderr: '' });
    expect(await runHubwire(['health', '--live', '--url', adminUrl])).toMatchObject({ code: 0, stdout: 'alive\n' });
    process.signal('SIGTERM');
    await process.exit;
    const gone = await runHubwire(['health'], env);
    expect([gone.code, gone.stdout]).toEqual([1, '']);
    expect(gone.stderr).toMatch(
      /^hubwire: cannot reach http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED; is the service running, .* Set its URL with --url, or .*\n$/,
    );
  });

  test('[MG-351] exit 1 for an answer that is not 200', async () => {
    const { publicUrl } = await startService(noHubs);
    const outcome = await runHubwire(['health', '--url', publicUrl]);
    const stderr = expect.stringMatching(
      /\/readyz answered 404; is it the admin listener of a Hubwire service\? Set its URL /,
    );
    expect(outcome).toMatchObject({ code: 1, stderr });
  });

  test.each(['0', 'any'])('[MG-351] an admin port of "%s" cannot be looked at', async port => {
    const outcome = await runHubwire(['health'], { HUBWIRE_ADMIN_PORT: port });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('set its address with --url');
  });
});

describe('start', () => {
  test.each([
    [
      ['start', '--port', '9090', '--admin-port', '9090'],
      '--port and --admin-port are both 9090: each listener needs a port of its own',
    ],
    [['start', 'extra'], 'start takes no argument, and "extra" is one; --help lists its flags'],
    [
      ['start', '--cluster-name', 'x'],
      '--cluster-name is given without --nats (or HUBWIRE_NATS): name the NATS servers, or leave it out',
    ],
  ])('%j is refused', async (args, message) => {
    expect(await runVerb(args)).toEqual({ code: 1, stdout: '', stderr: `hubwire: ${message}\n` });
  });
});

describe('validate --json', () => {
  test('prints JSON for a file that cannot be used, too', async () => {
    const file = await fileWith('hubs:\n  chat: { anonymous: allow }\n');
    const { code, stdout } = await runVerb(['validate', file, '--json']);
    const problem = { line: 2, column: 11, path: 'hubs.chat.anonymous', reason: expect.any(String) };
    expect([code, JSON.parse(stdout)]).toEqual([1, { file, isValid: false, problems: [problem] }]);
  });
});

describe('what is no URL or host', () => {
  const url = 'must be a URL such as https://localhost:8081, not "foo"';
  const endpoint = 'endpoint "foo" is not a URL; write it like https://pubsub.example.com';
  test.each([
    [['health', '--url', 'foo'], {}, `--url ${url}`],
    [
      ['health'],
      { HUBWIRE_ADMIN_HOST: 'foo bar' },
      'HUBWIRE_ADMIN_HOST must be a host name or an IP address, not "foo bar"',
    ],
    [
      ['health'],
      { HUBWIRE_ADMIN_PORT: '99999' },
      'HUBWIRE_ADMIN_PORT must be a port number from 0 to 65535, not "99999"',
    ],
    [['token', '--hub', 'chat', '--endpoint', 'foo'], {}, `--endpoint: ${endpoint}`],
    [
      ['token', '--hub', 'chat', '--endpoint', ','],
      {},
      '--endpoint is empty: write the URL of the service, or leave it out',
    ],
    [['token', '--rest', 'GET', '/api/health', '--endpoint', 'foo'], {}, `--endpoint: ${endpoint}`],
    [['send', '--hub', 'chat', 'hello', '--endpoint', 'foo'], {}, `--endpoint: ${endpoint}`],
    [['hub', 'list', '--admin', 'foo'], {}, `--admin ${url}`],
    [
      ['init', '/dev/null/app'],
      {},
      '/dev/null/app cannot be written (ENOTDIR); choose another folder: hubwire init FOLDER',
    ],
  ])('%j with %j: one line names the flag or variable', async (args, env, message) => {
    expect(await runVerb(args, env)).toEqual({ code: 1, stdout: '', stderr: `hubwire: ${message}\n` });
  });
});

describe('init', () => {
  const schema = 'node_modules/hubwire/hubs.schema.json';

  /** A folder in which hubwire is installed, or so it looks. */
  async function installation(): Promise<string> {
    const cwd = await mkdtemp(join(tmpdir(), 'hubwire-init-'));
    onTestFinished(() => rm(cwd, { recursive: true, force: true }));
    await mkdir(join(cwd, 'node_modules/hubwire'), { recursive: true });
    await writeFile(join(cwd, schema), '{}');
    await writeFile(join(cwd, 'package.json'), '{"name":"mine"}');
    return cwd;
  }

  test('writes a folder into which npm installs, and prints what is to be typed', async () => {
    const cwd = await installation();
    const { code, stdout } = await runHubwire(['init', 'my-app'], { npm_command: 'exec' }, { cwd });
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'wrote my-app/hubs.yaml, my-app/app.mjs and my-app/package.json',
      'next:',
      '  cd my-app',
      '  npm install express @azure/web-pubsub @azure/web-pubsub-express',
      '  node app.mjs',
      'and in another terminal:',
      '  cd my-app',
      '  npx hubwire start',
      'then open http://localhost:3000 in two tabs',
      '',
    ]);
    const manifest = JSON.parse(await readFile(join(cwd, 'my-app/package.json'), 'utf8'));
    expect(manifest).toEqual({ private: true, type: 'module' });
    expect(await readFile(join(cwd, 'my-app/hubs.yaml'), 'utf8')).toContain(`$schema=../${schema}\n`);
  });

  test('keeps a package.json, and names another folder where it cannot write', async () => {
    const cwd = await installation();
    expect(await runHubwire(['init'], {}, { cwd })).toMatchObject({ code: 0 });
    expect(await readFile(join(cwd, 'package.json'), 'utf8')).toBe('{"name":"mine"}');
    expect(await readFile(join(cwd, 'hubs.yaml'), 'utf8')).toContain(`$schema=./${schema}\n`);
    const again = await runHubwire(['init'], { npm_command: 'exec' }, { cwd });
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(
      / exist already, and nothing was written; choose another folder: npx hubwire init my-app\n$/,
    );
  });
});

describe('standard output', () => {
  test.skipIf(!existsSync('/dev/full'))('that cannot be written: one line says so', async () => {
    const shell = { command: ['sh', '-c', 'exec "$@" > /dev/full', 'sh', process.execPath, program] };
    const { code, stderr } = await runHubwire(['token', '--hub', 'chat'], {}, shell);
    expect([code, stderr]).toEqual([
      1,
      'hubwire: standard output cannot be written (ENOSPC); free room there, or write to another file\n',
    ]);
  });
});

describe('send', () => {
  test('with a key that is not the service’s: one line says why and what to do', async () => {
    const { publicUrl } = await startService(noHubs, { HUBWIRE_PRIMARY_KEY: ownKey });
    const { code, stderr } = await runHubwire(['send', '--hub', 'chat', 'x'], { HUBWIRE_ENDPOINT: publicUrl });
    expect([code, stderr]).toEqual([
      1,
      `hubwire: ${publicUrl}/api/hubs/chat/:send answered 401: the token is not signed with an access key of this service; the key must be one of the service: set HUBWIRE_PRIMARY_KEY\n`,
    ]);
  });

  test('[F16] reaches the hub, a group, a user or a connection, as text or JSON', async () => {
    const env = { HUBWIRE_PRIMARY_KEY: ownKey };
    const { publicUrl, dial } = await startService(noHubs, env);
    const ann = await dial({ token: { userId: 'ann', groups: ['a/b'] } });
    const { connectionId } = (await ann.next()) as { connectionId: string };
    const send = (...args: string[]) =>
      runHubwire(['send', '--hub', 'chat', ...args], { ...env, HUBWIRE_ENDPOINT: publicUrl });
    for (const [args, target, seen] of [
      [['hello all'], 'hub chat', { from: 'server', dataType: 'text', data: 'hello all' }],
      [['--group', 'a/b', 'g'], 'group a/b of hub chat', { group: 'a/b', data: 'g' }],
      [['--user', 'ann', '--type', 'json', '{"a":1}'], 'user ann of hub chat', { dataType: 'json', data: { a: 1 } }],
      [['--connection', connectionId, 'c'], `connection ${connectionId} of hub chat`, { data: 'c' }],
    ] as const) {
      expect(await send(...args)).toMatchObject({ code: 0, stdout: `sent to ${target}\n`, stderr: '' });
      expect(await ann.next()).toMatchObject(seen);
    }
  });

  test('[F16] says what the service answered, and where it looked for one', async () => {
    const { publicUrl } = await startService(noHubs);
    const refused = await runHubwire(['send', '--hub', 'chat', '--endpoint', publicUrl, 'x'], {
      HUBWIRE_PRIMARY_KEY: ownKey,
    });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/^hubwire: \S+\/api\/hubs\/chat\/:send answered 401: /);
    const nobody = await runHubwire(['send', '--hub', 'chat', '--endpoint', 'http://127.0.0.1:1', 'x']);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toMatch(/^hubwire: cannot reach http:\/\/127\.0\.0\.1:1: .*is the service running there\?/);
  });

  test.each([
    [['--group', 'g', '--user', 'u', 'x'], "option '--group <name>' cannot be used with option '--user <id>'"],
    [['--type', 'json', '{'], 'the message is not JSON'],
    [['--type', 'xml', 'x'], 'Allowed choices are text, json'],
  ])('[F16] %j: exit 1', async (args, text) => {
    const outcome = await runHubwire(['send', '--hub', 'chat', ...args]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain(text);
  });
});

describe('token --rest', () => {
  test('[F16] the token is good for that request, with any query, and for no other', async () => {
    const { publicUrl } = await startService(noHubs);
    const path = '/api/hubs/chat/:send';
    const outcome = await runHubwire(['token', '--rest', 'POST', path], { HUBWIRE_ENDPOINT: publicUrl });
    expect(outcome).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^ey\S+\n$/) });
    const post = (target: string) =>
      fetch(publicUrl + target, {
        method: 'POST',
        headers: { authorization: `Bearer ${outcome.stdout.trim()}`, 'content-type': 'text/plain' },
        body: 'x',
      });
    expect((await post(`${path}?api-version=2024-12-01`)).status).toBe(202);
    expect((await post('/api/hubs/other/:send')).status).toBe(401);
  });

  test('[F16] --json names the request too', async () => {
    const outcome = await runHubwire(['token', '--rest', 'get', '/api/hubs/chat/groups/g?top=1', '--json']);
    const url = 'http://localhost:8080/api/hubs/chat/groups/g?top=1';
    expect(JSON.parse(outcome.stdout)).toMatchObject({ method: 'GET', url });
  });

  test.each([
    [['--rest'], '--rest needs a method'],
    [['--rest', 'FETCH', '/api/hubs/chat/:send'], '--rest needs a method'],
    [['--rest', 'POST', '/hubs/chat/:send'], 'its paths start with /api/'],
    [['--rest', 'POST', 'http://other/api/hubs'], 'is not a path of the REST API at http://localhost:8080'],
    [['POST', '/api/hubs/chat/:send'], 'a method and a path are allowed only with --rest'],
  ])('[F16] %j: exit 1', async (args, text) => {
    const outcome = await runHubwire(['token', ...args]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain(text);
  });
});
