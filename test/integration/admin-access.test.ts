import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { fileWith, HubwireProcess, runHubwire, startService } from '../support/hubwire-process.js';

const path = '/subscriptions?api-version=2022-12-01';
const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';

async function statusWith(adminUrl: string, token: string): Promise<number> {
  return (await fetch(adminUrl + path, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('[MG-120] on loopback with the development key a token is made and printed; it is in no log line', async () => {
  const file = await fileWith('hubs: {}\n');
  const hubwire = new HubwireProcess(['start', '--hubs', file, '--port', '0', '--admin-port', 'any']);
  const [, adminUrl = '', token = ''] = await hubwire.find(/^(http:\/\/localhost:\d+)\/#token=([\da-f]{48})$/m);
  expect(await statusWith(adminUrl, token)).toBe(200);
  expect(await statusWith(adminUrl, `${token}0`)).toBe(401);
  expect(hubwire.stderr).not.toContain(token);
  expect(hubwire.stdout).toContain(developmentKey);
});

test.each([
  ['with a token that is set', { HUBWIRE_ADMIN_TOKEN: 'a-token-of-our-own' }],
  ['with a read token alone', { HUBWIRE_ADMIN_READ_TOKEN: 'a-token-of-our-own' }],
  ['with a key of one’s own, where nobody looks', { HUBWIRE_PRIMARY_KEY: ownKey }],
])('[MG-120] %s none is made', async (_when, env) => {
  const file = await fileWith('hubs: {}\n');
  const hubwire = new HubwireProcess(['start', '--hubs', file, '--port', '0', '--admin-port', 'any'], env);
  await hubwire.find(/npx wscat/);
  expect(hubwire.stdout).not.toContain('#token=');
  expect(hubwire.stdout + hubwire.stderr).not.toContain('a-token-of-our-own');
});

test('[MG-120] on other addresses, without a token, health and metrics are served, and the log says so', async () => {
  const ports = ['--port', '0', '--admin-host', '0.0.0.0', '--admin-port', 'any'];
  const { adminUrl, process } = await startService('hubs: {}\n', { HUBWIRE_PRIMARY_KEY: ownKey }, [], ports);
  await process.find(
    /the admin listener on 0\.0\.0\.0 serves health and metrics only: set HUBWIRE_ADMIN_TOKEN/,
    'stderr',
  );
  for (const shown of ['/healthz', '/readyz', '/metrics']) expect((await fetch(adminUrl + shown)).status).toBe(200);
  expect(await statusWith(adminUrl, 'anything')).toBe(401);
  expect((await fetch(`${adminUrl}/admin/webhooks/endpoints`)).status).toBe(401);
});

test('the same token for both, and one with blanks, end the start with what to do', async () => {
  const same = await runHubwire(['start'], {
    HUBWIRE_ADMIN_TOKEN: 'one-token-for-both',
    HUBWIRE_ADMIN_READ_TOKEN: 'one-token-for-both',
  });
  expect(same.stderr).toContain('give the read token a value of its own');
  expect(same.stderr).not.toContain('one-token-for-both');
  const blank = await runHubwire(['start'], { HUBWIRE_ADMIN_TOKEN: 'one two' });
  expect([blank.code, blank.stderr]).toEqual([1, expect.stringContaining('openssl rand -hex 24')]);
  const origin = await runHubwire(['start'], { HUBWIRE_ADMIN_ORIGINS: 'admin.example.com' });
  expect(origin.stderr).toContain('HUBWIRE_ADMIN_ORIGINS must be URLs');
});

test('[MG-351] hubwire health finds the admin listener behind TLS', async () => {
  const file = await fileWith(firstCertificate.cert, 'tls.crt');
  const key = join(dirname(file), 'tls.key');
  await writeFile(key, firstCertificate.key);
  const tls = { HUBWIRE_TLS_CERT: file, HUBWIRE_TLS_KEY: key };
  const { adminUrl, process } = await startService('hubs: {}\n', tls);
  expect(adminUrl).toMatch(/^https:/);
  const env = { ...tls, HUBWIRE_ADMIN_PORT: new URL(adminUrl).port };
  expect(await runHubwire(['health'], env)).toMatchObject({ code: 0, stdout: 'ready\n', stderr: '' });
  process.signal('SIGTERM');
  await process.exit;
  expect((await runHubwire(['health'], env)).code).toBe(1);
});
