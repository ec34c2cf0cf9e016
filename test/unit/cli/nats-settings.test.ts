import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNats } from '../../../src/cli/nats-settings.js';
import { natsCertificates } from '../../support/nats-certificates.js';
import { credsLogin, nkeyLogin } from '../../support/nats-logins.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubwire-'));
  const contents = {
    ...natsCertificates,
    creds: credsLogin().credentials,
    seed: nkeyLogin().credentials,
    text: 'hello',
  };
  for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), content);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

describe('[CL-003] without --nats', () => {
  test('a node is alone', async () => {
    expect(await readNats({}, {})).toBeUndefined();
    expect(await readNats({ nodeName: 'n1' }, { HUBWIRE_NATS: '' })).toBeUndefined();
  });

  test.each(['--nats-creds', '--nats-ca', '--nats-cert', '--nats-key', '--cluster-name'])(
    '%s is refused',
    async flag => {
      const name = flag.slice(2).replace(/-(.)/, (_, letter: string) => letter.toUpperCase());
      await expect(readNats({ [name]: 'file' }, {})).rejects.toThrow(
        `${flag} is given without --nats (or HUBWIRE_NATS): name the NATS servers, or leave it out`,
      );
    },
  );
});

test('the name of a cluster is for the workers where a NATS is started for them', async () => {
  expect(await readNats({ clusterName: 'blue' }, {}, undefined, true)).toBeUndefined();
});

test('[CL-006] no copies are missed on the one server that a parent has started for its workers', async () => {
  const env = { HUBWIRE_NATS: 'nats://u:p@127.0.0.1:4222', HUBWIRE_WORKERS_NATS: 'private' };
  expect((await readNats({}, env, 1, true))?.isPrivate).toBe(true);
  expect((await readNats({}, { ...env, HUBWIRE_WORKERS_NATS: undefined }, 1, true))?.isPrivate).toBe(false);
  expect((await readNats({}, env))?.isPrivate).toBe(false);
});

describe('[CL-120] with --nats', () => {
  test('names and files are taken from flags', async () => {
    const flags = { nats: 'tls://a:1,b', natsCreds: at('creds'), natsCa: at('ca') };
    const tls = { natsCert: at('client'), natsKey: at('clientKey') };
    expect(await readNats({ ...flags, ...tls, clusterName: 'blue', nodeName: 'n1' }, {})).toEqual({
      servers: [
        { host: 'a', port: 1, isTls: true },
        { host: 'b', port: 4222, isTls: false },
      ],
      credentialsFile: at('creds'),
      caFile: at('ca'),
      certFile: at('client'),
      keyFile: at('clientKey'),
      clusterName: 'blue',
      nodeName: 'n1',
      isPrivate: false,
    });
  });

  test('or from variables, and have defaults', async () => {
    const env = { HUBWIRE_NATS: 'nats://me:secret@a', HUBWIRE_NATS_CREDS: at('seed') };
    expect(await readNats({}, env)).toMatchObject({
      servers: [{ host: 'a', login: { user: 'me', password: 'secret' } }],
      credentialsFile: at('seed'),
      clusterName: 'hw',
      nodeName: hostname(),
    });
  });

  test.each([
    ['clusterName', 'a.b', '--cluster-name must be 1 to 32 letters, digits, - and _, not "a.b"'],
    ['clusterName', '', '--cluster-name must be 1 to 32 letters, digits, - and _, not ""'],
    ['nodeName', 'a b', '--node-name must be 1 to 100 visible ASCII characters without spaces'],
    ['nats', 'http://me:hunter2@a', '--nats: entry 1 of the NATS servers: the scheme http:// is not one of NATS'],
    ['nats', 'a,,b', '--nats: entry 2 of the NATS servers: it is empty'],
    ['natsCreds', 'nowhere', '--nats-creds names FOLDER/nowhere, which cannot be read (ENOENT)'],
    [
      'natsCreds',
      'text',
      "--nats-creds names FOLDER/text, which is neither a .creds file nor the seed of a user's nkey",
    ],
    ['natsCreds', 'clientKey', '--nats-creds names FOLDER/clientKey, which is neither a .creds file'],
    ['natsCa', 'text', '--nats-ca names FOLDER/text, which cannot be used for TLS'],
    [
      'natsCert',
      'client',
      '--nats-cert is given without --nats-key: a client certificate and its key are needed together',
    ],
    ['natsKey', 'client', '--nats-key is given without --nats-cert'],
  ])('%s %s is refused', async (name, value, message) => {
    const isFile = /Creds|Ca|Cert|Key/.test(name);
    const reading = readNats({ nats: 'a', [name]: isFile ? at(value) : value }, {});
    await expect(reading).rejects.toThrow(message.replace('FOLDER', folder));
    await expect(reading).rejects.not.toThrow('hunter2');
  });

  test('a certificate with the key of another is refused', async () => {
    const flags = { nats: 'a', natsCert: at('client'), natsKey: at('serverKey') };
    await expect(readNats(flags, {})).rejects.toThrow(
      /^--nats-cert names .*, which cannot be used for TLS: .*mismatch/,
    );
  });
});
