import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, weaknessOf } from '../../src/config/load.js';
import { ImageStore, innermostProcess, whyNoImages } from '../support/container-image.js';
import { filesUnder, freePort } from '../support/machine.js';
import { notRun } from '../support/not-run.js';
import { copyCheckout } from '../support/package.js';

const root = join(import.meta.dirname, '../..');
const buildMs = 600_000;
const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const hubwire = ['node', '/app/dist/main.js'];
const reason = whyNoImages();

let folder: string;
let images: ImageStore;
let container: string;

function requireImage(context: TestContext): void {
  if (reason !== undefined) notRun(context, reason);
}

beforeAll(async () => {
  if (reason !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'hubwire-image-'));
  images = new ImageStore(folder);
  const checkout = join(folder, 'checkout');
  await mkdir(checkout);
  await copyCheckout(checkout);
  await images.build(checkout, 'hubwire');
  container = await images.buildah('from', '--pull-never', 'hubwire');
}, buildMs);

afterAll(async () => {
  if (reason !== undefined) return;
  await images.buildah('rm', '--all');
  await images.buildah('rmi', '--all', '--force');
  await rm(folder, { recursive: true, force: true });
}, buildMs);

describe('the image', () => {
  test('[MG-350] [MG-351] runs as a user without rights, stops on SIGTERM, and checks its health without a shell', async context => {
    requireImage(context);
    const { Docker } = JSON.parse(await images.buildah('inspect', '--type', 'image', 'hubwire'));
    expect(Docker.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: hubwire,
      Cmd: ['start'],
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['CMD', ...hubwire, 'health'] },
      WorkingDir: '/etc/hubwire',
    });
  });

  test('[MG-350] has the service and what it needs, and no source, tests or packages for development', async context => {
    requireImage(context);
    const app = join(await images.buildah('mount', container), 'app');
    const { dependencies, devDependencies } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8'));
    const files = await filesUnder(app);
    const has = (name: string) => files.some(({ path }) => path === `node_modules/${name}/package.json`);
    expect(Object.keys(dependencies).filter(name => !has(name))).toEqual([]);
    const tools = Object.keys(devDependencies).filter(name => !name.startsWith('@types/')); // libraries bring those
    expect(tools.filter(has)).toEqual([]);
    expect(files.filter(({ path }) => /^(src|test|package-lock)/.test(path))).toEqual([]);
    const megabytes = files.reduce((sum, { size }) => sum + size, 0) / 1024 ** 2;
    expect(megabytes).toBeLessThan(120);
  });

  test('[MG-352] without a key of one’s own it refuses to listen, and says what to add', async context => {
    requireImage(context);
    const child = images.start(container, {}, [...hubwire, 'start']);
    const stderr = text(child.stderr!);
    expect((await once(child, 'exit'))[0]).toBe(1);
    expect(await stderr).toContain('set HUBWIRE_PRIMARY_KEY (or HUBWIRE_PRIMARY_KEY_FILE) to a key of your own');
  });

  test('[MG-350] [MG-351] serves as that user, is healthy until it stops, and writes nothing to its file system', async context => {
    requireImage(context);
    const tree = await images.buildah('mount', container);
    const before = await filesUnder(tree);
    const ports = { PORT: String(await freePort()), HUBWIRE_ADMIN_PORT: String(await freePort()) };
    const service = images.start(container, { ...ports, HUBWIRE_PRIMARY_KEY: ownKey }, [...hubwire, 'start', '--json']);
    onTestFinished(() => void service.kill('SIGKILL'));
    const [line] = await once(service.stdout!, 'data');
    expect(JSON.parse(String(line))).toMatchObject({ event: 'listening' });
    const isHealthy = async () => {
      const check = images.start(container, ports, [...hubwire, 'health']);
      return (await once(check, 'exit'))[0] === 0;
    };
    expect(await isHealthy()).toBe(true);
    const pid = innermostProcess(service.pid!);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+65532\s/m);
    process.kill(pid, 'SIGTERM');
    expect((await once(service, 'exit'))[0]).toBe(0);
    expect(await isHealthy()).toBe(false);
    expect(await filesUnder(tree)).toEqual(before);
  }, 60_000);
});

test('[MG-355] compose.yaml builds this image, waits until it is healthy, and mounts what exists', async () => {
  const { services } = parse(await readFile(join(root, 'compose.yaml'), 'utf8'), { merge: true });
  expect(services.chat).toMatchObject({ image: services.hubwire.image, read_only: true, cap_drop: ['ALL'] });
  expect(services.chat.depends_on).toEqual({ hubwire: { condition: 'service_healthy' } });
  const [mounted] = (services.hubwire.volumes[0] as string).split(':');
  const env = { PUSHER_APP_SECRET: 'a-secret-of-our-own' };
  const config = await loadConfig(join(root, mounted!), env);
  expect(config.hubs.get('chat')!.eventHandlers[0]!.urlTemplate).toBe('http://chat:3000/eventhandler/{event}');
  // Only one variable has to be set. Both containers have the same secret.
  const secret = /^\$\{PUSHER_APP_SECRET:-\$\{HUBWIRE_PRIMARY_KEY\}\}$/;
  for (const { environment } of [services.hubwire, services.chat])
    expect(environment.PUSHER_APP_SECRET).toMatch(secret);
  const texts = JSON.stringify(services);
  expect([...new Set([...texts.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name))]).toEqual(['HUBWIRE_PRIMARY_KEY']);
  expect(config.apps.findByKey('app-key')).toMatchObject({ id: 'app', keys: [{ secret: env.PUSHER_APP_SECRET }] });
  expect(weaknessOf(config.apps)).toBeUndefined(); // the listener is not on loopback
});
