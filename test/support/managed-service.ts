import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebPubSubManagementClient } from '@azure/arm-webpubsub';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { KeySources } from '../../src/auth/key-sources.js';
import { Keys } from '../../src/auth/keys.js';
import { developmentKey, readKeys } from '../../src/cli/key-settings.js';
import type { Clock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/load.js';
import { Service } from '../../src/service.js';
import type { ServiceOptions } from '../../src/service-options.js';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { type Dial, dialer } from './test-client.js';

export const adminToken = 'ADMIN-token-of-this-test';
export const readToken = 'READ-token-of-this-test';
export const subscription = '11111111-2222-4333-8444-555555555555';

export interface ManagedOptions extends Partial<Omit<ServiceOptions, 'config' | 'port' | 'keys'>> {
  /** Text of hubs.yaml. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of the primary and the secondary key; each becomes a file. Left out: the development key. */
  readonly keyFiles?: { readonly primary: string; readonly secondary?: string };
  readonly clock?: Clock;
  readonly hasTls?: boolean;
}

/** A whole service with an admin listener, whose hubs.yaml can be edited. Ends with the test. */
export interface ManagedService {
  readonly service: Service;
  readonly adminUrl: string;
  readonly dial: Dial;
  /** Of its hubs.yaml. */
  readonly file: string;
  readonly folder: string;
  /** What it logged. */
  readonly lines: readonly string[];
  text(): Promise<string>;
  /** The vendor's client, with the number of requests that it made. */
  client(token?: string): CountingClient;
}

export interface CountingClient {
  readonly arm: WebPubSubManagementClient;
  /** Requests since the last call. */
  taken(): number;
}

export async function startManaged(options: ManagedOptions = {}): Promise<ManagedService> {
  const { yaml = 'hubs:\n  chat: {}\n', env = {}, keyFiles, hasTls = true, ...rest } = options;
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-managed-'));
  const path = (name: string) => join(folder, name);
  const file = path('hubs.yaml');
  await writeFile(file, yaml);
  const tls = { certFile: path('tls.crt'), keyFile: path('tls.key') };
  await writeFile(tls.certFile, firstCertificate.cert);
  await writeFile(tls.keyFile, firstCertificate.key);
  const { keys, sources } = await keysIn(folder, keyFiles);
  const lines: string[] = [];
  const service = new Service({
    host: '127.0.0.1',
    port: 0,
    admin: { host: '127.0.0.1', port: 0 },
    adminAccess: { adminToken, readToken, isGenerated: false, origins: [] },
    adminTls: hasTls ? tls : undefined,
    keys,
    keySources: sources,
    endpoints: [],
    version: 'test',
    dataDirectory: path('data'),
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
    ...rest,
    config: parseConfig(yaml, { file, env }),
  });
  onTestFinished(async () => {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await service.listen();
  await service.activate();
  service.watch(file, env);
  const adminUrl = service.adminUrl ?? '';
  return {
    service,
    adminUrl,
    dial: dialer(service),
    file,
    folder,
    lines,
    text: () => readFile(file, 'utf8'),
    client: (token = adminToken) => clientOf(adminUrl, token),
  };
}

async function keysIn(folder: string, given: ManagedOptions['keyFiles']): Promise<{ keys: Keys; sources: KeySources }> {
  if (given === undefined) {
    const { sources } = readKeys({});
    return { keys: new Keys({ primary: developmentKey, secondary: undefined }), sources };
  }
  const variables: Record<string, string> = {};
  for (const [name, text] of Object.entries(given)) {
    const file = join(folder, `${name}.key`);
    await writeFile(file, `${text}\n`, { mode: 0o600 });
    variables[`HUBWIRE_${name.toUpperCase()}_KEY_FILE`] = file;
  }
  const { keys, sources } = readKeys(variables);
  return { keys: new Keys(keys), sources };
}

/** Trusts the certificate of the test. */
function clientOf(endpoint: string, token: string): CountingClient {
  let count = 0;
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const arm = new WebPubSubManagementClient(credential, subscription, {
    endpoint,
    tlsOptions: { ca: firstCertificate.cert },
    retryOptions: { maxRetries: 0 },
    additionalPolicies: [
      {
        position: 'perRetry',
        policy: {
          name: 'count',
          sendRequest: (request, next) => {
            count += 1;
            return next(request);
          },
        },
      },
    ],
  });
  const taken = () => {
    const made = count;
    count = 0;
    return made;
  };
  return { arm, taken };
}
