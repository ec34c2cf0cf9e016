import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstCertificate } from '../../conformance/rest-certificates.js';
import { workerArgs } from '../../support/service-nodes.js';
import { startServiceProcess } from '../../support/service-process.js';
import type { Stage } from '../stage.js';

/** A service with TLS on its admin listener, with keys in files, and one whose admin listener speaks plain HTTP. */
export async function startManagementStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-management-'));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const ca = await write('tls.crt', firstCertificate.cert);
  const tokens = { HUBWIRE_ADMIN_TOKEN: newSecret(), HUBWIRE_ADMIN_READ_TOKEN: newSecret() };
  const secured = await startServiceProcess('hubs:\n  chat: {}\n', {
    adminPort: 'any',
    args: workerArgs,
    env: {
      ...tokens,
      HUBWIRE_PRIMARY_KEY_FILE: await write('primary', newSecret()),
      HUBWIRE_SECONDARY_KEY_FILE: await write('secondary', newSecret()),
      HUBWIRE_ADMIN_TLS_CERT: ca,
      HUBWIRE_ADMIN_TLS_KEY: await write('tls.key', firstCertificate.key),
    },
  });
  const plain = await startServiceProcess('hubs:\n  chat: {}\n', { adminPort: 'any', args: workerArgs, env: tokens });
  return {
    environment: {
      ...tokens,
      HUBWIRE_CA: ca,
      HUBWIRE_ADMIN_URL: secured.adminUrl ?? '',
      HUBWIRE_PLAIN_ADMIN_URL: plain.adminUrl ?? '',
    },
    log: () => secured.log() + plain.log(),
    async stop() {
      await Promise.all([secured.stop(), plain.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function newSecret(): string {
  return randomBytes(32).toString('hex');
}
