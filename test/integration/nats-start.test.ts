import { beforeEach, describe, expect, test } from 'vitest';
import { fileWith, HubwireProcess, type RunningService, runHubwire, startService } from '../support/hubwire-process.js';
import { freePort } from '../support/machine.js';
import { requireNats, startNats } from '../support/nats-server.js';

beforeEach(requireNats);

const yaml = 'hubs: { chat: {} }';

/** The arguments of a service on free ports. */
async function startArguments(...more: readonly string[]): Promise<readonly string[]> {
  return ['start', '--json', '--hubs', await fileWith(yaml), '--port', '0', '--admin-port', 'any', ...more];
}

function startOn(url: string, ...more: readonly string[]): Promise<RunningService> {
  return startService(yaml, { HUBWIRE_NATS: url }, more);
}

async function metric({ adminUrl }: RunningService, name: string): Promise<string | undefined> {
  const text = await (await fetch(new URL('/metrics', adminUrl))).text();
  return new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
}

describe('[CL-003] the client of NATS', () => {
  const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  /** Writes a line for each of its modules that a loaded file of the built service contains. */
  const hooks = `import { writeSync } from 'node:fs';
    export async function load(url, context, next) {
      const loaded = await next(url, context);
      const names = Buffer.from(loaded.source ?? '').toString().matchAll(/\\/\\/ node_modules\\/(@nats-io\\/\\S+)/g);
      for (const [, name] of names) writeSync(2, 'loaded: ' + name + '\\n');
      return loaded;
    }`;
  const listing = dataUrl(`import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))});`);

  /** How many of its modules were loaded until the service had stopped. */
  async function loadedBy(env: Readonly<Record<string, string>>): Promise<number> {
    const { process: hubwire } = await startService(yaml, { ...env, NODE_OPTIONS: `--import "${listing}"` });
    hubwire.signal('SIGTERM');
    await hubwire.exit;
    return hubwire.stderr.match(/^loaded: /gm)?.length ?? 0;
  }

  test('is loaded with --nats only', async context => {
    const { url } = await startNats(context);
    expect(await loadedBy({})).toBe(0);
    expect(await loadedBy({ HUBWIRE_NATS: url })).toBeGreaterThan(10);
  });
});

describe('a node that is started with --nats', () => {
  test('[CL-011] has a connection for what nodes send each other, and others for what it keeps', async context => {
    const port = await freePort();
    const server = await startNats(context, { settings: `http: "127.0.0.1:${port}"` });
    await startOn(server.url, '--node-name', 'n1');
    const answer = await (await fetch(`http://127.0.0.1:${port}/connz?subs=1`)).json();
    const { connections } = answer as { connections: { name: string; subscriptions_list?: string[] }[] };
    const subjectsOf = (purpose: string) =>
      connections.find(({ name }) => name === `hubwire hw n1 ${purpose}`)?.subscriptions_list ?? [];
    expect(subjectsOf('bus').filter(subject => subject.startsWith('hw.1.')).length).toBeGreaterThanOrEqual(3);
    expect(connections.map(({ name }) => name)).toContain('hubwire hw n1 store');
    expect(subjectsOf('store').filter(subject => /^hw\.1\.(all|[hgucn]\.)/.test(subject))).toEqual([]);
  });

  test('waits for NATS, says so, and lets clients in once it is there', async context => {
    const server = await startNats(context);
    await server.kill();
    const [port, adminPort] = [String(await freePort()), String(await freePort())];
    const arguments_ = ['start', '--json', '--hubs', await fileWith(yaml), '--port', port, '--admin-port', adminPort];
    const hubwire = new HubwireProcess([...arguments_, '--nats', server.url]);
    const { 1: line = '' } = await hubwire.find(/(\{.*NATS: waiting.*\})/, 'stderr');
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      purpose: expect.stringMatching(/bus|store/),
      server: `127.0.0.1:${server.port}`,
      reason: 'connection refused',
    });
    expect(hubwire.stdout).toBe('');
    const refused = await fetch(`http://127.0.0.1:${port}/client/hubs/chat`).then(({ status }) => status);
    expect(refused).toBeGreaterThanOrEqual(400);
    const reason = `waiting for NATS at 127.0.0.1:${server.port}: connection refused`;
    const probe = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect([probe.status, await probe.json()]).toMatchObject([503, { status: 'not ready', reason }]);
    const { code, stderr } = await runHubwire(['health'], { HUBWIRE_ADMIN_PORT: adminPort });
    expect([code, stderr]).toEqual([1, `hubwire: http://127.0.0.1:${adminPort}/readyz answered 503: ${reason}\n`]);
    await server.start();
    await hubwire.find(/"event":"listening"/);
  });

  test('is stopped while it waits', async context => {
    const server = await startNats(context);
    await server.kill();
    const hubwire = new HubwireProcess([...(await startArguments('--nats', server.url))]);
    await hubwire.find(/NATS: waiting/, 'stderr');
    hubwire.signal('SIGTERM');
    expect(await hubwire.exit).toEqual({ code: 0, signal: null });
    expect(hubwire.stdout).toBe('');
  });

  test('[CL-005] ends with one sentence where there is no JetStream', async context => {
    const server = await startNats(context, { jetStream: false });
    const { code, stdout, stderr } = await runHubwire(await startArguments('--nats', server.url));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const [last] = stderr.trim().split('\n').slice(-1);
    expect(last).toBe(
      `hubwire: NATS at 127.0.0.1:${server.port} runs without JetStream: start nats-server with --jetstream and --store_dir ` +
        'FOLDER, or add "jetstream { store_dir: FOLDER }" to its configuration.',
    );
  });

  test('[CL-123] says when it is cut off and back, and counts it', async context => {
    const server = await startNats(context);
    const service = await startOn(server.url, '--cluster-name', 'blue', '--node-name', 'n1');
    expect(await metric(service, 'hubwire_bus_connected')).toBe('1');
    await server.kill();
    await service.process.find(
      /"reason":"the server has closed the connection","msg":"NATS: the connection is lost/,
      'stderr',
    );
    expect(await metric(service, 'hubwire_bus_connected')).toBe('0');
    const connectedBefore = service.process.stderr.split('NATS: connected').length;
    await server.start();
    await expect
      .poll(() => service.process.stderr.split('NATS: connected').length, { timeout: 10_000 })
      .toBe(connectedBefore + 2);
    expect(await metric(service, 'hubwire_bus_connected')).toBe('1');
  });

  test('alone, it has no metrics of a cluster', async () => {
    expect(await metric(await startService(yaml), 'hubwire_bus_connected')).toBeUndefined();
  });
});

describe('[CL-120] a password in the URL', () => {
  test('is taken, and is nowhere in the log', async context => {
    const { url } = await startNats(context, { settings: 'authorization { user: me, password: "hunter2@home" }' });
    const service = await startOn(url.replace('//', '//me:hunter2%40home@'), '--log-level', 'trace');
    expect(await metric(service, 'hubwire_bus_connected')).toBe('1');
    expect(service.process.stderr).not.toContain('hunter2');
  });

  test('that the server refuses is told without it, and tried again', async context => {
    const { url, port } = await startNats(context, { settings: 'authorization { user: me, password: right }' });
    const hubwire = new HubwireProcess(await startArguments('--nats', url.replace('//', '//me:hunter2@')));
    const refusal = `"server":"127.0.0.1:${port}","reason":"the server refuses the credentials"`;
    await hubwire.find(new RegExp(refusal), 'stderr');
    expect(hubwire.stderr).not.toContain('hunter2');
  });
});
