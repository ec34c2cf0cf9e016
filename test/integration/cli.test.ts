import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { Service } from '../../src/service.js';
import { chatYaml, fileWith, HubwireProcess, runHubwire, startService } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';
import { dialer } from '../support/test-client.js';
import { startUpstream } from '../support/upstream.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
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

/** Can a server listen on this address? macOS has 127.0.0.1 alone, and some containers have no IPv6. */
async function isLocal(host: string): Promise<boolean> {
  const server = createServer().listen(0, host);
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return isListening;
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
    expect(stdout).toMatch(/^ {2}admin +http:\/\/localhost:\d+ {2}\(health, metrics, management\)$/m);
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
    const [, args = ''] = / (token --hub chat --endpoint http:\/\/localhost:\d+)\)"\n$/.exec(hubwire.stdout) ?? [];
    const client = await open({ url: (await runHubwire(args.split(' '), env)).stdout.trim() });
    expect(await client.next()).toMatchObject({ event: 'connected' });
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
      [{ HUBWIRE_HUBS: `${file}.none` }, 'choose another file with HUBWIRE_HUBS'],
    ] as const) {
      const outcome = await runHubwire('HUBWIRE_HUBS' in env ? [] : ['--hubs', file], env);
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toContain(text);
    }
  });

  test.for([
    ['127.0.0.2', /^http:\/\/127\.0\.0\.2:\d+$/],
    ['[::1]', /^http:\/\/\[::1\]:\d+$/],
  ] as const)(
    '[D17] [V12] --host %s: it listens, and the address that is printed answers',
    async ([host, url], context) => {
      if (!(await isLocal(host.replace(/[[\]]/g, '')))) notRun(context, `${host} is no address of this machine`);
      const hubwire = await startService(noHubs, {}, [], ['--host', host, '--port', '0', '--admin-port', '0']);
      expect(hubwire.publicUrl).toMatch(url);
      expect((await fetch(`${hubwire.publicUrl}/api/health`, { method: 'HEAD' })).status).toBe(200);
      expect(hubwire.connectionString).toContain(`Endpoint=${hubwire.publicUrl};`);
    },
  );

  test.each(['', ' ', '127.0.0.1:8080', 'no-such-host.invalid'])(
    '[D17] --host %j: exit 1, and what is wrong',
    async host => {
      const outcome = await runHubwire(['--hubs', await fileWith(noHubs), '--host', host], {
        HUBWIRE_PRIMARY_KEY: ownKey,
      });
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toMatch(
        /^hubwire: (--host must|--host is empty|the public listener cannot listen on no-such-host\.invalid:\d+: the host name was not found)/m,
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
        expect(outcome.stderr).toMatch(/the file is empty|seems to be truncated/);
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
      [
        'chat.yaml',
        'known commands are start, validate, health, doctor, token, send, init, import, config, hub, key, service, client, webpubsub, completion',
      ],
    ] as const) {
      const outcome = await runHubwire([verb]);
      expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: `hubwire: unknown command "${verb}"; ${advice}\n` });
    }
  });

  test('[F16] --help lists the log levels; a flag that is nearly right is named', async () => {
    expect((await runHubwire(['start', '--help'])).stdout.replace(/\s+/g, ' ')).toContain(
      'silent, fatal, error, warn, info, debug, trace',
    );
    expect(await runHubwire(['start', '--prot', '1'])).toMatchObject({
      code: 1,
      stderr: "hubwire: unknown option '--prot'; did you mean --port?\n",
    });
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

  test('a SAMPLE_PORT that is no port is refused by its name', async () => {
    const { code, stderr } = await runHubwire(['start', '--sample', ...freePorts], { SAMPLE_PORT: 'abc' });
    expect([code, stderr]).toEqual([1, 'hubwire: SAMPLE_PORT must be a port number from 0 to 65535, not "abc"\n']);
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
