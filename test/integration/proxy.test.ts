import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { WebSocket } from 'ws';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { HubwireProcess, runHubwire, startService } from '../support/hubwire-process.js';
import { freePort } from '../support/machine.js';
import { hasProgram, notRun } from '../support/not-run.js';
import { TestClient } from '../support/test-client.js';

const deploy = join(import.meta.dirname, '../../deploy');
const howToGet = 'test/setup.sh installs it';

/** Replaces what has to be in the text. */
function replaced(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((done, [before, after]) => {
    expect(done).toContain(before);
    return done.replaceAll(before, after);
  }, text);
}

/** nginx with deploy/nginx.conf on a port of its own, in front of a service. */
class NginxSite {
  private constructor(
    /** What the service has to be told. */
    readonly endpoint: string,
    readonly certificate: string,
    private readonly folder: string,
    private readonly port: number,
    private readonly changes: readonly (readonly [string, string])[],
  ) {}

  /** @param prefix a path as `/rt`, as the file's comment says; none when empty */
  static async prepare(prefix: string): Promise<NginxSite> {
    const folder = await mkdtemp(join(tmpdir(), 'hubwire-nginx-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const port = await freePort();
    await writeFile(join(folder, 'cert.pem'), firstCertificate.cert);
    await writeFile(join(folder, 'key.pem'), firstCertificate.key);
    const location = `location ${prefix}/ {`;
    const endpoint = `https://localhost:${port}${prefix}`;
    return new NginxSite(endpoint, join(folder, 'cert.pem'), folder, port, [['  location / {', `  ${location}`]]);
  }

  /** @param service where nginx passes requests on to */
  async start(service: string): Promise<void> {
    const { folder, port } = this;
    const site = replaced(await readFile(join(deploy, 'nginx.conf'), 'utf8'), [
      ...this.changes,
      ['server 127.0.0.1:8080;', `server 127.0.0.1:${new URL(service).port};`],
      ['  listen 443 ssl;', `  listen 127.0.0.1:${port} ssl;`],
      ['  listen [::]:443 ssl;\n', ''],
      ['server_name pubsub.example.com;', 'server_name localhost;'],
      ['/etc/ssl/pubsub.example.com/fullchain.pem', this.certificate],
      ['/etc/ssl/pubsub.example.com/privkey.pem', join(folder, 'key.pem')],
      ['/var/log/nginx/hubwire.log', this.#log],
    ]);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      name => `${name}_temp_path ${join(folder, name)};`,
    );
    const whole = `daemon off; worker_processes 1; pid ${join(folder, 'pid')}; error_log stderr notice;
      events { worker_connections 256; } http { ${temporary.join(' ')}\n${site}\n}`;
    await writeFile(join(folder, 'whole.conf'), whole);
    const command = ['nginx', '-p', folder, '-e', 'stderr', '-c', join(folder, 'whole.conf')];
    const nginx = new HubwireProcess([], {}, { command });
    await nginx.find(/start worker process \d+/, 'stderr');
    onTestFinished(async () => {
      nginx.signal('SIGTERM'); // its workers end with it
      await nginx.exit;
    });
  }

  get #log(): string {
    return join(this.folder, 'access.log');
  }

  accessLog(): Promise<string> {
    return readFile(this.#log, 'utf8');
  }
}

function requireNginx(context: TestContext): void {
  if (!hasProgram('nginx', ['-v'])) notRun(context, `there is no nginx here; ${howToGet}`);
}

async function checkSite(prefix: string): Promise<void> {
  const site = await NginxSite.prepare(prefix);
  const env = { HUBWIRE_ENDPOINT: site.endpoint };
  const service = await startService('hubs: {}\n', env);
  await site.start(service.publicUrl);

  const token = await runHubwire(['token', '--hub', 'chat', '--user', 'ann', '--group', 'g'], env);
  const url = token.stdout.trim();
  expect(url).toMatch(`${site.endpoint.replace('https', 'wss')}/client/hubs/chat?`);
  const ws = new WebSocket(url, 'json.webpubsub.azure.v1', { ca: firstCertificate.cert });
  onTestFinished(() => ws.terminate());
  const client = new TestClient(ws);
  await once(ws, 'open');
  expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });

  const trusting = { ...env, NODE_EXTRA_CA_CERTS: site.certificate };
  const sent = await runHubwire(['send', '--hub', 'chat', '--group', 'g', 'through the proxy'], trusting);
  expect(sent).toMatchObject({ code: 0, stderr: '' });
  expect(await client.next()).toMatchObject({ from: 'group', group: 'g', data: 'through the proxy' });
  await client.close();

  const log = await site.accessLog();
  expect(log).toContain(`"POST ${prefix}/api/hubs/chat/groups/g/:send" 202`);
  expect(log).not.toContain('access_token');
}

test('[F18] deploy/nginx.conf: upgrades and REST over TLS; no token in its log', async context => {
  requireNginx(context);
  await checkSite('');
}, 30_000);

test('[F18] [D14] deploy/nginx.conf with a path prefix, passed on as it came', async context => {
  requireNginx(context);
  await checkSite('/rt');
}, 30_000);

test('[F18] deploy/Caddyfile is valid', context => {
  if (!hasProgram('caddy', ['version'])) notRun(context, `there is no caddy here; ${howToGet}`);
  const file = join(deploy, 'Caddyfile');
  execFileSync('caddy', ['validate', '--adapter', 'caddyfile', '--config', file], { stdio: 'pipe' });
});

test('[F18] deploy/systemd/hubwire.service is valid, and exposes little', context => {
  if (!hasProgram('systemd-analyze')) notRun(context, `there is no systemd here; ${howToGet}`);
  const unit = join(deploy, 'systemd/hubwire.service');
  execFileSync('systemd-analyze', ['verify', unit], { stdio: 'pipe' });
  // From 0, safe, to 100, unsafe.
  execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit], { stdio: 'pipe' });
});

test('deploy/systemd/hubwire.service keeps what is queued where the service may write', async () => {
  const text = await readFile(join(deploy, 'systemd/hubwire.service'), 'utf8');
  expect(text).toContain('\nProtectSystem=strict\n');
  const [, folder] = /^StateDirectory=(\w+)$/m.exec(text) ?? [];
  expect(folder).toBeDefined();
  expect(text).toContain(`\nEnvironment=HUBWIRE_DATA_DIR=/var/lib/${folder}\n`);
});
