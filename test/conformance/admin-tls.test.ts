import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readAdminTls } from '../../src/cli/admin-settings.js';
import { ManualClock } from '../support/manual-clock.js';
import { startHub } from '../support/start-hub.js';
import { firstCertificate, secondCertificate, type TestCertificate } from './rest-certificates.js';

const comparedEveryMs = 10_000;
const admin = { host: '127.0.0.1', port: 0 };

async function filesOf(certificate: TestCertificate) {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  const write = async ({ cert, key }: TestCertificate) => {
    await writeFile(files.certFile, cert);
    await writeFile(files.keyFile, key);
  };
  await write(certificate);
  return { files, write };
}

/** The common name of the certificate that a newcomer is shown. */
async function shownName(url: string | undefined): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url ?? '').port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject as { CN?: string };
  socket.destroy();
  return CN;
}

describe('TLS of the admin listener', () => {
  test.each(['of its own', 'of the public listener'])('a pair %s is followed', async kind => {
    const own = await filesOf(firstCertificate);
    const clock = new ManualClock(Date.now());
    const isShared = kind === 'of the public listener';
    const { service } = await startHub({ admin, clock, adminTls: own.files, ...(isShared && { tls: own.files }) });
    expect(service.adminUrl).toMatch(/^https:/);
    expect(service.publicUrl).toMatch(isShared ? /^https:/ : /^http:/);
    expect(await shownName(service.adminUrl)).toBe('first');
    await own.write(secondCertificate);
    await clock.whenDueIn(comparedEveryMs);
    clock.advance(comparedEveryMs);
    await clock.whenDueIn(comparedEveryMs);
    expect(await shownName(service.adminUrl)).toBe('second');
    if (isShared) expect(await shownName(service.publicUrl)).toBe('second');
  });

  test('two pairs are two', async () => {
    const { files } = await filesOf(firstCertificate);
    const { files: adminTls } = await filesOf(secondCertificate);
    const { service } = await startHub({ admin, tls: files, adminTls });
    expect([await shownName(service.publicUrl), await shownName(service.adminUrl)]).toEqual(['first', 'second']);
  });
});

describe('the setting', () => {
  const publicTls = { certFile: 'p.crt', keyFile: 'p.key' };

  test.each([
    [{}, publicTls],
    [
      { HUBWIRE_ADMIN_TLS_CERT: 'a.crt', HUBWIRE_ADMIN_TLS_KEY: 'a.key' },
      { certFile: 'a.crt', keyFile: 'a.key' },
    ],
    [{ HUBWIRE_ADMIN_TLS_CERT: 'off' }, undefined],
  ])('%j', (env, expected) => {
    expect(readAdminTls({}, env, publicTls)).toEqual(expected);
  });

  test('needs both files', () => {
    expect(() => readAdminTls({}, { HUBWIRE_ADMIN_TLS_CERT: 'a.crt' }, undefined)).toThrow(
      'HUBWIRE_ADMIN_TLS_CERT is given without --admin-tls-key (or HUBWIRE_ADMIN_TLS_KEY)',
    );
  });
});
