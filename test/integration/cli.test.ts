import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, onTestFinished, test } from 'vitest';
import { developmentKey } from '../../src/cli/settings.js';
import type { Service } from '../../src/service.js';
import { reply } from '../support/answers.js';
import { chatYaml, fileWith, HubwireProcess, runHubwire, startService } from '../support/hubwire-process.js';
import { dialer } from '../support/test-client.js';
import { inMinutes, signToken, statusOf, withToken } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const otherKey = 'another-key-of-our-own-for-these-tests-0123';
const noHubs = 'hubs: {}\n';
const freePorts = ['--port', '0', '--admin-port', 'any'];

/** Opens URLs that are complete. */
const open = dialer({} as Service);

async function upstreamForTest() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return upstream;
}

/** A port on which somebody listens. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('start', () => {
  test('[design 1] --json prints one line once it listens, and is ready from then on', async () => {
    const { process, publicUrl, adminUrl, dial } = await startService(noHubs);
    const [line = '', ...rest] = process.stdout.split('\n');
    const said = JSON.parse(line);
    expect(Object.keys(said)).toEqual(['event', 'public', 'admin', 'connectionString']);
    expect(said).toMatchObject({
      event: 'listening',
      public: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      admin: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      connectionString: `Endpoint=${publicUrl};AccessKey=${developmentKey};Version=1.0;`,
    });
    expect(rest).toEqual(['']);
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${adminUrl}/healthz`)).json()).toMatchObject({ status: 'alive' });
    const client = await dial();
    expect(await client.next()).toMatchObject({ event: 'connected' });
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^hubwire_connections\{hub="chat",protocol="json\.webpubsub\.azure\.v1"\} 1$/m);
  });

  test('[design 1] what is for operators is not on the public listener, and the reverse', async () => {
    const { publicUrl, adminUrl } = await startService(noHubs);
    for (const path of ['/healthz', '/readyz', '/metrics']) expect((await fetch(publicUrl + path)).status).toBe(404);
    expect((await fetch(`${publicUrl}/api/health`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${adminUrl}/api/health`, { method: 'HEAD' })).status).toBe(404);
  });

  test('[design 1] --admin-port 0 is no admin listener', async () => {
    const file = await fileWith(noHubs);
    const hubwire = new HubwireProcess(['--json', '--hubs', file, '--port', '0', '--admin-port', '0']);
    const [line] = await hubwire.find(/^\{.*\}\n/);
    expect(JSON.parse(line)).toMatchObject({ event: 'listening', admin: null });
  });

  test('[design 1] a person sees addresses, the well-known key, a URL that connects, and each handler’s state', async () => {
    const upstream = await upstreamForTest();
    const dead = '      - urlTemplate: http://127.0.0.1:1/dead?code=k1\n';
    const hubwire = new HubwireProcess([
      'start',
      '--hubs',
      await fileWith(chatYaml(`${upstream.origin}/{event}`, dead)),
      ...freePorts,
    ]);
    await hubwire.find(/\nnpx wscat .*\n/);
    const { stdout } = hubwire;
    expect(stdout).toMatch(/^ {2}public +http:\/\/localhost:\d+ {2}\(clients, REST\)$/m);
    expect(stdout).toMatch(/^ {2}admin +http:\/\/localhost:\d+ {2}\(health, metrics\)$/m);
    expect(stdout).toContain(`AccessKey=${developmentKey};`);
    expect(stdout).toMatch(/^ {2}access key +the well-known development key/m);
    expect(stdout).toContain(`✔ chat  ${upstream.origin}/{event}  active`);
    expect(stdout).toMatch(
      /✘ chat {2}http:\/\/127\.0\.0\.1:1\/dead\?code=\*\*\* {2}failed .*\n +connection refused; is the app running/,
    );
    const url = /\nnpx wscat \S+ \S+ -c "(ws:\S+)"\n$/.exec(stdout)?.[1] as string;
    const client = await open({ url });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'me' });
  });

  test('[design 1] without a terminal, a key of one’s own is not shown', async () => {
    const env = { HUBWIRE_PRIMARY_KEY: ownKey };
    const hubwire = new HubwireProcess(['--hubs', await fileWith(noHubs), ...freePorts], env);
    await hubwire.find(/\nnpx wscat .*\n/);
    expect(hubwire.stdout).toMatch(/^Endpoint=http:\/\/localhost:\d+;AccessKey=\*\*\*;Version=1\.0;$/m);
    expect(hubwire.stdout).toMatch(/ token --hub chat\)"\n$/);
    expect(hubwire.stdout + hubwire.stderr).not.toContain(ownKey);
    expect(hubwire.stdout).not.toMatch(/access_token|development key/);
  });

  test('a short key is warned of, with --json as well', async () => {
    const { process } = await startService(noHubs, { HUBWIRE_PRIMARY_KEY: 'short-key' });
    await process.find(/"level":"warn".*HUBWIRE_PRIMARY_KEY is shorter than 32 bytes/, 'stderr');
    expect(process.stderr).not.toContain('short-key');
  });

  test.each([
    ['no key', '--host', {}],
    ['the well-known key', '--admin-host', { HUBWIRE_PRIMARY_KEY: developmentKey }],
    ['a short key', '--host', { HUBWIRE_PRIMARY_KEY: 'short-key' }],
  ])('[design 1] [design 6] [V14] with %s, %s is refused where others could reach it', async (_, flag, env) => {
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), flag, '0.0.0.0', ...freePorts], env);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain(`hubwire: refusing to listen on 0.0.0.0 (${flag}) w`);
    expect(outcome.stderr).toMatch(/^.*set HUBWIRE_PRIMARY_KEY.*\n$/);
    expect(outcome.stderr).not.toMatch(/ABCDEFGH|short-key/);
  });

  test('[D08] Kubernetes service links are ignored with a warning each; unknown variables are told', async () => {
    const { process } = await startService(
      noHubs,
      {
        HUBWIRE_ADMIN_PORT: 'tcp://10.96.0.12:8081',
        HUBWIRE_ADMIN_SERVICE_HOST: '10.96.0.12',
        HUBWIRE_LOGLEVEL: 'debug',
      },
      [],
      ['--port', '0'],
    );
    await process.find(/HUBWIRE_ADMIN_PORT=tcp:\/\/10\.96\.0\.12:8081 is ignored/, 'stderr');
    await process.find(/HUBWIRE_LOGLEVEL is set, .*did you mean HUBWIRE_LOG_LEVEL\?/, 'stderr');
    expect(process.stderr).not.toContain('SERVICE_HOST');
  });

  test('[D08] what a variable holds is refused by its name', async () => {
    const file = await fileWith(noHubs);
    for (const [env, text] of [
      [{ HUBWIRE_PORT: '70000' }, 'hubwire: HUBWIRE_PORT must be a port number'],
      [{ HUBWIRE_LOG_LEVEL: 'loud' }, 'hubwire: HUBWIRE_LOG_LEVEL must be one of'],
      [{ HUBWIRE_HUBS: `${file}.none` }, 'name another with HUBWIRE_HUBS'],
    ] as const) {
      const outcome = await runHubwire('HUBWIRE_HUBS' in env ? [] : ['--hubs', file], env);
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toContain(text);
    }
  });

  const hasIpv6 = Object.values(networkInterfaces()).some(each => each?.some(({ address }) => address === '::1'));
  const ownAddresses: [string, RegExp][] = [['127.0.0.2', /^http:\/\/127\.0\.0\.2:\d+$/]];
  if (hasIpv6) ownAddresses.push(['[::1]', /^http:\/\/\[::1\]:\d+$/]);

  test.each(ownAddresses)(
    '[D17] [V12] --host %s: it listens, and the address that is printed answers',
    async (host, url) => {
      const hubwire = await startService(noHubs, {}, [], ['--host', host, '--port', '0', '--admin-port', '0']);
      expect(hubwire.publicUrl).toMatch(url);
      expect((await fetch(`${hubwire.publicUrl}/api/health`, { method: 'HEAD' })).status).toBe(200);
      expect(hubwire.connectionString).toContain(`Endpoint=${hubwire.publicUrl};`);
    },
  );

  test.each(['', '127.0.0.1:8080', 'no-such-host.invalid'])(
    '[D17] --host %j: exit 1, and what is wrong',
    async host => {
      const outcome = await runHubwire(['--hubs', await fileWith(noHubs), '--host', host], {
        HUBWIRE_PRIMARY_KEY: ownKey,
      });
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toMatch(
        /^hubwire: (--host must|the public listener cannot listen on no-such-host\.invalid:\d+: the host name was not found)/m,
      );
      expect(outcome.stderr).not.toMatch(/^ +at /m);
    },
  );

  test.each(['', 'hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: http://loc'])(
    '[F8] a file of %j: neither start nor validate takes it',
    async content => {
      const file = await fileWith(content);
      for (const args of [
        ['--hubs', file, ...freePorts],
        ['validate', file],
      ]) {
        const outcome = await runHubwire(args);
        expect([outcome.code, outcome.stdout]).toEqual([1, '']);
        expect(outcome.stderr).toMatch(/the file is empty|seems to be cut off/);
      }
    },
  );

  test.each([
    ['public', '--port', ['--admin-port', 'any']],
    ['admin', '--admin-port', ['--port', '0']],
  ])(
    '[F6] the %s port is taken: exit 1, and the last lines say which and what to do',
    async (listener, flag, others) => {
      const port = await takenPort();
      const outcome = await runHubwire(['--hubs', await fileWith(noHubs), flag, String(port), ...others]);
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      const [reason = '', advice = ''] = outcome.stderr.split('\n').slice(-3);
      expect(reason).toBe(
        `hubwire: the ${listener} listener cannot listen on 127.0.0.1:${port}: the port is taken (EADDRINUSE)`,
      );
      expect(advice).toMatch(
        new RegExp(`^hubwire: choose another address or port, for example: node dist/main\\.js start ${flag} \\d+$`),
      );
    },
  );

  test('[F6] every port that is taken is named at once', async () => {
    const [port, adminPort] = [await takenPort(), await takenPort()];
    const ports = ['--port', String(port), '--admin-port', String(adminPort)];
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), ...ports], { npm_lifecycle_event: 'start' });
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain(`the public listener cannot listen on 127.0.0.1:${port}: `);
    expect(outcome.stderr).toContain(`the admin listener cannot listen on 127.0.0.1:${adminPort}: `);
    expect(outcome.stderr).toMatch(/for example: npm start -- --(admin-)?port \d+ --(admin-)?port \d+\n$/);
  });

  test('[F16] an unknown command: exit 1, and the one that was meant', async () => {
    for (const [verb, advice] of [
      ['strat', 'did you mean "start"?'],
      ['chat.yaml', 'known commands are start, validate, health, token, send, init'],
    ] as const) {
      const outcome = await runHubwire([verb]);
      expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: `hubwire: unknown command "${verb}"; ${advice}\n` });
    }
  });

  test('[F16] --help lists the log levels; a flag that is nearly right is named', async () => {
    expect((await runHubwire(['start', '--help'])).stdout).toMatch(/silent, fatal, error, warn, info, debug, trace/);
    expect((await runHubwire(['start', '--prot', '1'])).stderr).toContain('Did you mean --port?');
  });

  test('[design 2] a bad file: exit 1, and a line for each mistake with file, line, column, path and reason', async () => {
    const file = await fileWith(
      'hubs:\n  chat:\n    anonymousConnectPolicy: maybe\n    eventHandlers:\n      - urlTemplate: ftp://x\n',
    );
    const outcome = await runHubwire(['--hubs', file, ...freePorts]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    const [first, second, ...rest] = outcome.stderr.split('\n');
    expect(first).toMatch(`${file}:3:29 hubs.chat.anonymousConnectPolicy: `);
    expect(second).toMatch(`${file}:5:22 hubs.chat.eventHandlers[0].urlTemplate: `);
    expect(rest).toEqual(['']);
  });

  test('[design 2] a file or a variable that is not there: exit 1 and its name', async () => {
    const missing = join(dirname(await fileWith('')), 'other.yaml');
    const nothing = await runHubwire(['--hubs', missing, ...freePorts]);
    expect([nothing.code, nothing.stderr]).toEqual([
      1,
      `${missing}:1:1: the file does not exist; create it, or choose another file with --hubs\n`,
    ]);
    const file = await fileWith(
      `hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: http://x.test/?code=\${CHAT_CODE}\n`,
    );
    const unset = await runHubwire(['--hubs', file, ...freePorts]);
    expect(unset.code).toBe(1);
    expect(unset.stderr).toContain(
      `${file}:4:22 hubs.chat.eventHandlers[0].urlTemplate: environment variable CHAT_CODE is not set`,
    );
  });

  test.each([
    [['--port', '70000'], '--port must be a port number'],
    [['--admin-port', 'x'], '--admin-port must be a port number'],
    [['--log-level', 'loud'], '--log-level must be one of'],
    [['--nonsense'], "unknown option '--nonsense'"],
  ])('%j: exit 1 and what is wrong', async (args, text) => {
    const outcome = await runHubwire(['start', '--hubs', await fileWith(noHubs), ...args]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain(text);
  });
});

describe('keys and endpoints', () => {
  const rest = (connectionString: string) =>
    new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });

  test('[design 1] keys from files; both are accepted, from clients and on REST, and no others', async () => {
    const env = {
      HUBWIRE_PRIMARY_KEY_FILE: await fileWith(`${ownKey}\n`, 'primary'),
      HUBWIRE_SECONDARY_KEY_FILE: await fileWith(otherKey, 'secondary'),
    };
    const { publicUrl, connectionString, process } = await startService(noHubs, env);
    expect(connectionString).toBe(`Endpoint=${publicUrl};AccessKey=${ownKey};Version=1.0;`);
    const aud = `${publicUrl}/client/hubs/chat`;
    const base = `${publicUrl.replace(/^http/, 'ws')}/client/hubs/chat`;
    const statuses = [];
    for (const key of [ownKey, otherKey, developmentKey]) {
      statuses.push(
        await statusOf(open, { url: `${base}?access_token=${signToken({ aud, exp: inMinutes(5) }, key)}` }),
      );
    }
    expect(statuses).toEqual([101, 101, 401]);
    for (const key of [ownKey, otherKey]) await rest(connectionString.replace(ownKey, key)).sendToAll('x');
    const refused = rest(connectionString.replace(ownKey, developmentKey)).sendToAll('x');
    await expect(refused).rejects.toMatchObject({ statusCode: 401 });
    expect(process.stderr).not.toMatch(ownKey);
  });

  test('a key file that is not there: exit 1 and its name', async () => {
    const file = await fileWith(noHubs);
    const outcome = await runHubwire(['--hubs', file, ...freePorts], { HUBWIRE_PRIMARY_KEY_FILE: `${file}.none` });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^hubwire: HUBWIRE_PRIMARY_KEY_FILE: cannot read .*\.none: ENOENT.*\n$/);
  });

  test('a secondary key without a primary one: exit 1', async () => {
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), ...freePorts], {
      HUBWIRE_SECONDARY_KEY: ownKey,
    });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('HUBWIRE_SECONDARY_KEY is set without HUBWIRE_PRIMARY_KEY');
    expect(outcome.stderr).not.toContain(ownKey);
  });

  test('[design 1] HUBWIRE_ENDPOINT is the audience of tokens, the origin for upstreams, and what is printed', async () => {
    const upstream = await upstreamForTest();
    const endpoint = 'https://pubsub.example.com/base';
    const env = { HUBWIRE_ENDPOINT: `${endpoint}, http://inside.test:8080`, HUBWIRE_PRIMARY_KEY: ownKey };
    const { publicUrl, connectionString, dial } = await startService(chatYaml(`${upstream.origin}/{event}`), env);
    expect(connectionString).toBe(`Endpoint=${endpoint};AccessKey=${ownKey};Version=1.0;`);
    const base = `${publicUrl.replace(/^http/, 'ws')}/client/hubs/chat`;
    for (const [origin, status] of [
      [endpoint, 101],
      ['http://inside.test:8080', 101],
      ['https://pubsub.example.com', 401],
      ['http://inside.test', 401],
    ] as const) {
      const token = signToken({ aud: `${origin}/client/hubs/chat`, exp: inMinutes(5) }, ownKey);
      expect([origin, await statusOf(dial, { ...withToken(token), url: `${base}?access_token=${token}` })]).toEqual([
        origin,
        status,
      ]);
    }
    const { headers } = await upstream.next('connect');
    expect(headers['webhook-request-origin']).toBe('pubsub.example.com,inside.test');
    expect(upstream.requests[0]?.headers['webhook-request-origin']).toBe('pubsub.example.com,inside.test');
  });

  test('an endpoint that is no URL: exit 1', async () => {
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), ...freePorts], {
      HUBWIRE_ENDPOINT: 'pubsub.example.com',
    });
    expect([outcome.code, outcome.stderr]).toEqual([
      1,
      'hubwire: HUBWIRE_ENDPOINT: endpoint "pubsub.example.com" is not a URL; write it like https://pubsub.example.com\n',
    ]);
  });
});

describe('validate', () => {
  test('[design 1] a good file with an app that agrees: exit 0', async () => {
    const upstream = await upstreamForTest();
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}?code=k1`));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(
      `${file}: the file is valid; 1 event handler(s)\n  ✔ chat  ${upstream.origin}/{event}?code=***  active`,
    );
    expect(upstream.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['OPTIONS /validate?code=k1']);
  });

  test('[design 1] an app that is down or does not agree: exit 1, with what to do', async () => {
    const upstream = await upstreamForTest();
    upstream.onValidate(reply(405));
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}`, '      - urlTemplate: http://127.0.0.1:1/\n'));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/✘ .*failed.*\n +answered 405; allow the method OPTIONS/);
    expect(outcome.stdout).toMatch(
      /✘ .*failed.*\n +connection refused; is the app running at http:\/\/127\.0\.0\.1:1\?/,
    );
    const json = await runHubwire(['validate', '--json', file]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      file,
      isValid: false,
      eventHandlers: [
        { hub: 'chat', state: 'failed', answered: 'answered 405' },
        { hub: 'chat', state: 'failed', answered: 'connection refused' },
      ],
    });
  });

  test('[design 2] a bad file: exit 1, its places on stderr', async () => {
    const file = await fileWith('hubs: 5\n');
    const outcome = await runHubwire(['validate', file]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(`${file}:1:7 hubs: `);
  });
});

describe('token', () => {
  test('[design 1] the printed URL connects, with the user, roles and groups asked for', async () => {
    const env = { HUBWIRE_PRIMARY_KEY: ownKey };
    const { publicUrl } = await startService(noHubs, env);
    const asked = ['--user', 'ann', '--role', 'webpubsub.sendToGroup.g', '--group', 'g', 'h', '--ttl', '5'];
    const outcome = await runHubwire(['token', '--hub', 'chat', ...asked], { ...env, HUBWIRE_ENDPOINT: publicUrl });
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout).toMatch(/^ws:\/\/\S+\n$/);
    const client = await open({ url: outcome.stdout.trim() });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });
    client.send({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(await client.next()).toMatchObject({ group: 'g', fromUserId: 'ann', data: 1 });
    expect(await client.ask({ type: 'sendToGroup', group: 'h', data: 1, ackId: 2 })).toMatchObject({ success: false });
  });

  test('--json', async () => {
    const outcome = await runHubwire(['token', '--hub', 'chat', '--json']);
    expect(JSON.parse(outcome.stdout)).toEqual({
      url: expect.stringMatching(/^ws:\/\/localhost:8080\/client\/hubs\/chat\?access_token=ey/),
    });
  });

  test.each([
    [['--hub', '9'], '--hub: "9" is not a valid hub name'],
    [['--hub', 'chat', '--group', ' '], '--group: a group name has 1 to 1024 characters'],
    [['--hub', 'chat', '--group', '..'], '--group: a group name has 1 to 1024 characters'],
    [['--hub', 'chat', '--user', 'admin '], '--user: a user id has 1 to 1024 characters, no white space at either end'],
    [['--hub', 'chat', '--user', '..'], '--user: a user id has'],
    [['--hub', 'chat', '--user', ''], '--user is empty; leave it out'],
    [
      ['--hub', 'chat', '--role', 'webpubsub.sendToGroup', 'webpubsub.joinleavegroup.g'],
      '--role "webpubsub.joinleavegroup.g": not a role of this service; did you mean "webpubsub.joinLeaveGroup.g"?',
    ],
    [['--hub', 'chat', '--ttl', '0'], '--ttl must be a whole number of minutes'],
    [[], "required option '--hub <name>' not specified"],
  ])('%j: exit 1', async (args, text) => {
    const outcome = await runHubwire(['token', ...args]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr.replaceAll("'s name", '’s name')).toContain(text);
  });
});
