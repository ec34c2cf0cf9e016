import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { chatYaml, fileWith, type RunningService, runHubwire, startService } from '../support/hubwire-process.js';
import { subscription } from '../support/managed-service.js';
import { requireNats } from '../support/nats-server.js';
import { startUpstream } from '../support/upstream.js';

const openYaml = 'hubs:\n  chat:\n    anonymousConnectPolicy: allow\n';
const adminToken = 'a-token-of-the-tests';

/** Two workers on a private nats-server. */
async function startWorkers(yaml = openYaml, args: readonly string[] = []): Promise<RunningService> {
  return startService(yaml, { HUBWIRE_ADMIN_TOKEN: adminToken }, ['--workers', '2', ...args]);
}

async function metric({ adminUrl }: RunningService, series: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? Number.NaN);
}

const ready = (service: RunningService) => metric(service, 'hubwire_workers{state="ready"}');
const connections = (service: RunningService) =>
  metric(service, 'hubwire_connections{hub="chat",protocol="json.webpubsub.azure.v1"}');

/** Process ids of the workers, as the log says. */
function workersOf({ process }: RunningService): number[] {
  return [...process.stderr.matchAll(/worker \d+ is process (\d+)/g)].map(([, pid]) => Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const management = (service: RunningService, path: string, init: RequestInit = {}) =>
  fetch(
    `${service.adminUrl}/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.SignalRService/webPubSub/name${path}?api-version=2024-03-01`,
    { ...init, headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' } },
  );

describe('--workers', { timeout: 90_000 }, () => {
  test('serves with several processes behind one port; one admin listener sums up and changes all of them', async context => {
    requireNats(context);
    const service = await startWorkers('hubs:\n  chat:\n    anonymousConnectPolicy: deny\n');
    expect((await fetch(`${service.adminUrl}/readyz`)).status).toBe(200);
    expect(service.process.stdout.match(/\n/g)).toHaveLength(1);
    expect(service.process.stderr).not.toContain('"level":"warn"');
    const body = JSON.stringify({ properties: { anonymousConnectPolicy: 'allow' } });
    const response = await management(service, '/hubs/chat', { method: 'PUT', body });
    expect([response.status, await response.text()]).toMatchObject([200, expect.stringContaining('allow')]);
    // In use by all of them when it is answered: connections go to each in turn.
    const clients = await Promise.all(Array.from({ length: 6 }, () => service.dial({ token: null })));
    await Promise.all(clients.map(client => client.next()));
    expect([await ready(service), await connections(service)]).toEqual([2, 6]);
    await runHubwire(['send', '--hub', 'chat', 'to all', '--endpoint', service.publicUrl]);
    for (const client of clients) expect(await client.next()).toMatchObject({ from: 'server', data: 'to all' });
    service.process.signal('SIGTERM');
    for (const client of clients) expect((await client.closed).code).toBe(1001);
    expect(await service.process.exit).toEqual({ code: 0, signal: null });
    expect(workersOf(service).filter(isAlive)).toEqual([]);
  });

  test('one that is killed is started again; the others do not notice', async context => {
    requireNats(context);
    const service = await startWorkers();
    const [one, two] = [await service.dial(), await service.dial()];
    const [victim = 0] = workersOf(service);
    process.kill(victim, 'SIGKILL');
    await Promise.race([one.closed, two.closed]);
    const other = one.ws.readyState === one.ws.OPEN ? one : two;
    await service.process.find(/worker 1 \(process \d+\) has ended: SIGKILL; it is started again in 1 s/, 'stderr');
    // The port is shared: none of those that come while it starts is refused.
    while ((await ready(service)) < 2) {
      const comer = await service.dial();
      await comer.settle();
      comer.ws.close();
    }
    await other.settle();
    expect(await metric(service, 'hubwire_worker_restarts_total')).toBe(1);
    await (await service.dial()).settle();
  });

  test('one that hangs is left out of the figures, named where a change waits for it, and replaced', async context => {
    requireNats(context);
    const service = await startWorkers();
    expect(await ready(service)).toBe(2);
    const [victim = 0] = workersOf(service);
    process.kill(victim, 'SIGSTOP');
    expect(await ready(service)).toBe(1); // the question itself waits until it is silent
    expect(await metric(service, 'hubwire_workers{state="silent"}')).toBe(1);
    const body = JSON.stringify({ properties: { anonymousConnectPolicy: 'allow' } });
    const response = await management(service, '/hubs/news', { method: 'PUT', body });
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        error: {
          code: 'ServiceUnavailable',
          message: expect.stringContaining(
            `No answer from worker 1 (process ${victim}): the change is written, and the others use it.`,
          ),
        },
      },
    ]);
    // The others use it, and the file can be edited again.
    const again = await management(service, '/hubs/news', { method: 'PUT', body });
    expect(again.status).toBe(200);
    await service.process.find(/worker 1 \(process \d+\) has ended: SIGKILL; it is started again in 1 s/, 'stderr');
    await eventually(async () => expect(await ready(service)).toBe(2));
    expect(service.process.stderr.match(/has not answered for 10 s; it is killed if/g)).toHaveLength(1);
    expect(await metric(service, 'hubwire_worker_restarts_total')).toBe(1);
  });

  test('all of it ends when the parent is killed', async context => {
    requireNats(context);
    const service = await startWorkers();
    const nats = Number((await service.process.find(/nats-server \S+ is process (\d+)/, 'stderr'))[1]);
    expect([...workersOf(service), nats].filter(isRunning)).toHaveLength(3);
    service.process.signal('SIGKILL');
    await service.process.exit;
    await eventually(() => expect([...workersOf(service), nats].filter(isAlive)).toEqual([]));
  });
});

/** Where nothing takes the exit codes of orphans, one that has ended stays in the list of processes. */
function isAlive(pid: number): boolean {
  try {
    return isRunning(pid) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('--workers ends with an error', { timeout: 60_000 }, () => {
  const start = (args: readonly string[], env: Record<string, string> = {}) =>
    runHubwire(['start', '--json', '--admin-port', 'any', ...args], env);

  test('when the number is none', async () => {
    const { code, stderr } = await start(['--workers', '0']);
    expect([code, stderr]).toEqual([1, 'hubwire: --workers must be a number from 1 to 256, or auto, not "0"\n']);
  });

  test('when the nats-server that is named cannot be used', async () => {
    const file = await fileWith(openYaml);
    const env = { HUBWIRE_NATS_SERVER: '/nowhere/nats-server' };
    const { code, stderr } = await start(['--workers', '2', '--port', '0', '--hubs', file], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/hubwire: \/nowhere\/nats-server \(HUBWIRE_NATS_SERVER\) is no nats-server that can be run/);
  });

  test.each([
    ['--workers', '2'],
    ['--cluster', '2'],
  ])('%s: when its nats-server cannot have a temporary folder, as in a read-only container', async (...scale) => {
    const users = scale[0] === '--cluster' ? 'nodes' : 'workers';
    const file = await fileWith(openYaml);
    const args = ['start', ...scale, '--hubs', file, '--port', '0', '--admin-port', '0'];
    const { code, stderr } = await runHubwire(args, { TMPDIR: '/proc' });
    const todo = 'mount a tmpfs on /tmp, or set TMPDIR to a folder that this process may write';
    const last = `hubwire: the nats-server of the ${users} needs a temporary folder, and none can be made in /proc (ENOENT): ${todo}\n`;
    expect([code, stderr.slice(-last.length)]).toEqual([1, last]);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('when the port is taken', async () => {
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await start([
      '--workers',
      '1',
      '--port',
      String(port),
      '--hubs',
      await fileWith(openYaml),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(`the public listener cannot listen on 127.0.0.1:${port}: the port is taken (EADDRINUSE)`);
  });

  test('when webhooks would be kept in files, which one process can have', async () => {
    const upstream = await startUpstream();
    onTestFinished(() => upstream.stop());
    const yaml = chatYaml(`${upstream.origin}/{event}`, '        delivery: durable\n');
    const { code, stderr } = await start(['--workers', '1', '--port', '0', '--hubs', await fileWith(yaml)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/queue\.driver is file, which keeps .* for one process, and --workers runs several/);
  });
});
