import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readNats } from '../../src/cli/nats-settings.js';
import type { Flags } from '../../src/cli/variables.js';
import { Link } from '../../src/nats/link.js';
import { eventually } from '../support/eventually.js';
import { natsCertificates } from '../support/nats-certificates.js';
import { ToldEvents } from '../support/nats-link.js';
import { credsLogin, nkeyLogin } from '../support/nats-logins.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { notRun } from '../support/not-run.js';

let folder: string;
/** Names of files with the certificates and keys. */
let files: Record<keyof typeof natsCertificates, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubwire-'));
  const written = Object.entries(natsCertificates).map(async ([name, content]) => [name, await write(name, content)]);
  files = Object.fromEntries(await Promise.all(written));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(requireNats);

async function write(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

/** A link with the settings of these flags, and what it tells. It is closed with the test. */
async function linkWith(flags: Flags): Promise<{ link: Link; told: ToldEvents }> {
  const options = await readNats(flags, {});
  const told = new ToldEvents();
  const link = new Link(options!, 'bus', told.parts);
  onTestFinished(() => link.close());
  return { link, told };
}

async function connectWith(flags: Flags): Promise<ToldEvents> {
  const { link, told } = await linkWith(flags);
  await (await link.start()).flush();
  return told;
}

/** Why it cannot connect. */
async function refusalWith(flags: Flags): Promise<string> {
  const { link, told } = await linkWith(flags);
  link.start().catch(() => {}); // it is closed first
  return eventually(() => {
    const [event] = told.all;
    if (event?.kind !== 'unreachable') throw new Error(`not refused: ${told.lines.join(', ')}`);
    return event.reason;
  });
}

describe('[CL-120] a NATS server is told', () => {
  test.for([
    ['a user and a password', 'authorization { user: me, password: "hunter2@home" }', 'me:hunter2%40home@'],
    ['a token', 'authorization { token: "hunter2" }', 'hunter2@'],
  ] as const)('%s of the URL', async ([, settings, login], context) => {
    const { url } = await startNats(context, { settings });
    const told = await connectWith({ nats: url.replace('//', `//${login}`) });
    expect(JSON.stringify(told.all)).not.toContain('hunter2');
    const refusal = await refusalWith({ nats: url.replace('//', '//me:hunter3@') });
    expect(refusal).toBe('the server refuses the credentials');
    expect(await refusalWith({ nats: url })).toMatch(/^the server requires a login, and none is given: write user /);
  });

  test.for([
    ['those of a .creds file', credsLogin],
    ['the seed of an nkey', nkeyLogin],
  ] as const)('%s', async ([, login], context) => {
    const { settings, credentials, secrets } = login();
    const { url } = await startNats(context, { settings });
    const told = await connectWith({ nats: url, natsCreds: await write('own', credentials) });
    for (const secret of secrets) expect(JSON.stringify(told.all)).not.toContain(secret);
    const other = await write('other', login().credentials);
    expect(await refusalWith({ nats: url, natsCreds: other })).toBe('the server refuses the credentials');
  });

  test('those of a file that was replaced while it was away', async context => {
    const [first, second] = [nkeyLogin(), nkeyLogin()];
    const { url } = await startNats(context, { settings: second.settings });
    const file = await write('replaced', first.credentials);
    const { link, told } = await linkWith({ nats: url, natsCreds: file });
    const started = link.start();
    await eventually(() => expect(told.all.at(-1)?.kind).toBe('unreachable'));
    await write('replaced', second.credentials);
    await (await started).flush();
  });
});

describe('[CL-120] TLS', () => {
  const tls = (more = '') => `tls { cert_file: "${files.server}", key_file: "${files.serverKey}"${more} }`;

  test('with an authority of its own, by name and by address', async context => {
    const { port } = await startNats(context, { settings: tls() });
    for (const host of ['127.0.0.1', 'localhost'])
      await connectWith({ nats: `tls://${host}:${port}`, natsCa: files.ca });
    await connectWith({ nats: `nats://127.0.0.1:${port}`, natsCa: files.ca });
  });

  test('with a client certificate that the server wants', async context => {
    const { port } = await startNats(context, { settings: tls(`, ca_file: "${files.ca}", verify: true`) });
    const nats = `tls://127.0.0.1:${port}`;
    await connectWith({ nats, natsCa: files.ca, natsCert: files.client, natsKey: files.clientKey });
    expect(await refusalWith({ nats, natsCa: files.ca })).toBe(
      'the server requires a client certificate: name it with --nats-cert, and its key with --nats-key',
    );
    // Whose key usage is that of a server.
    const other = { natsCert: files.server, natsKey: files.serverKey };
    expect(await refusalWith({ nats, natsCa: files.ca, ...other })).toMatch(/certificate/);
  });

  test('refuses a server of another authority, or of another name', async context => {
    const { port } = await startNats(context, { settings: tls(), host: '0.0.0.0' });
    expect(await refusalWith({ nats: `tls://127.0.0.1:${port}` })).toMatch(/certificate/);
    expect(await refusalWith({ nats: `tls://127.0.0.2:${port}`, natsCa: files.ca })).toMatch(/127\.0\.0\.2/);
    expect(await refusalWith({ nats: `nats://127.0.0.1:${port}` })).toMatch(/certificate/);
  });

  test('refuses a server without it where it is wanted', async context => {
    const { url } = await startNats(context);
    for (const nats of [url.replace('nats:', 'tls:'), url]) {
      expect(await refusalWith({ nats, natsCa: files.ca })).toBe("server does not support 'tls'");
    }
  });
});

describe('[CL-120] a server elsewhere', () => {
  test.for([
    ['with neither TLS nor authentication', '', 'TLS or authentication'],
    ['without TLS', 'authorization { user: me, password: secret }', 'TLS'],
  ] as const)('%s: one clear warning', async ([, settings, missing], context) => {
    const address = ownAddress();
    if (address === undefined) return notRun(context, 'this machine has no other address than loopback');
    const { port } = await startNats(context, { host: '0.0.0.0', settings });
    const login = settings === '' ? '' : 'me:secret@';
    const told = await connectWith({ nats: `nats://${login}${address}:${port}` });
    expect(told.lines.filter(line => line.startsWith('warned'))).toEqual([
      `warned: NATS at ${address}:${port} is used without ${missing}: others on that network can read what hubs send, and send ` +
        'in their place. Use tls:// and --nats-creds, or a user and a password.',
    ]);
    const own = await connectWith({ nats: `nats://${login}127.0.0.1:${port}` });
    expect(own.lines).toEqual([`connected 127.0.0.1:${port}`]);
  });
});

/** An address under which other machines reach this one. */
function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find(found => found?.family === 'IPv4' && !found.internal)?.address;
}
