import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { developmentKey } from '../../src/cli/key-settings.js';
import { parseTrustProxy, readTls } from '../../src/cli/settings.js';
import { ManualClock } from '../support/manual-clock.js';
import { type StartedHub, type StartOptions, startHub } from '../support/start-hub.js';
import { sign } from './rest-api-host.js';
import { firstCertificate, secondCertificate, type TestCertificate } from './rest-certificates.js';

const comparedEveryMs = 10_000;
const send = '/api/hubs/chat/:send';

async function writeFiles(certificate: TestCertificate) {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  await writeFile(files.certFile, certificate.cert);
  await writeFile(files.keyFile, certificate.key);
  return files;
}

async function startTls(options: Pick<StartOptions, 'oneProcess'> = {}) {
  const files = await writeFiles(firstCertificate);
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const clock = new ManualClock(Date.now());
  const hub = await startHub({ tls: files, clock, log, ...options } as object);
  /** Lets the service look at the files once. */
  const compare = async () => {
    await clock.whenDueIn(comparedEveryMs);
    clock.advance(comparedEveryMs);
    await clock.whenDueIn(comparedEveryMs);
  };
  return { ...hub, files, lines, compare };
}

/** The common name of the certificate that a newcomer is shown. */
async function shownName({ service }: StartedHub): Promise<string | undefined> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port: Number(new URL(service.publicUrl).port),
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject as { CN?: string };
  socket.destroy();
  return CN;
}

describe('TLS', () => {
  test('[rest-api 2.0] the SDK, clients and HSTS over https', async () => {
    const { service, connectionString } = await startTls();
    expect(connectionString).toMatch(/^Endpoint=https:\/\/localhost:\d+;/);
    const sdk = new WebPubSubServiceClient(connectionString, 'chat', { tlsOptions: { ca: firstCertificate.cert } });
    const { url } = await sdk.getClientAccessToken({ userId: 'u' });
    expect(url).toMatch(/^wss:/);
    const ws = new WebSocket(url, { ca: firstCertificate.cert });
    onTestFinished(() => ws.terminate());
    await once(ws, 'open');
    let hsts: string | undefined;
    const message = once(ws, 'message');
    await sdk.sendToAll('over TLS', {
      onResponse: ({ headers }) => {
        hsts = headers.get('strict-transport-security');
      },
    });
    expect(hsts).toBe('max-age=31536000; includeSubDomains');
    expect(String((await message)[0])).toBe('"over TLS"');
    expect(await sdk.userExists('u')).toBe(true);
    expect(service.publicUrl).toMatch(/^https:/);
  });

  test('plain HTTP has no HSTS header', async () => {
    const { service } = await startHub();
    const reply = await fetch(`${service.publicUrl}/api/health`, { method: 'HEAD' });
    expect(reply.headers.get('strict-transport-security')).toBeNull();
  });

  test('a changed certificate is shown to those who come later', async () => {
    const hub = await startTls();
    expect(await shownName(hub)).toBe('first');
    await writeFile(hub.files.certFile, secondCertificate.cert);
    await writeFile(hub.files.keyFile, secondCertificate.key);
    await hub.compare();
    expect(await shownName(hub)).toBe('second');
  });

  test('half a renewal changes nothing, is told once, and the other half completes it', async () => {
    const hub = await startTls({ oneProcess: 'fact' });
    await writeFile(hub.files.certFile, secondCertificate.cert);
    await hub.compare();
    await hub.compare();
    expect(await shownName(hub)).toBe('first');
    const told = hub.lines.filter(line => line.includes('certificate not reloaded'));
    const { certFile, keyFile } = hub.files;
    const what = `the TLS certificate ${certFile} and key ${keyFile} cannot be used: they do not belong together`;
    expect(told).toEqual([
      expect.stringMatching(/the previous one is kept \((?:public|public and admin) listener\): /),
    ]);
    expect(told[0]).toContain(what);
    await writeFile(hub.files.keyFile, secondCertificate.key);
    await hub.compare();
    expect(await shownName(hub)).toBe('second');
    expect(hub.lines.join('')).not.toContain('PRIVATE KEY');
  });

  test('files that go away and come back do no harm', async () => {
    const hub = await startTls();
    await rm(hub.files.keyFile);
    await hub.compare();
    expect(await shownName(hub)).toBe('first');
    await writeFile(hub.files.keyFile, firstCertificate.key);
    await hub.compare();
    expect(await shownName(hub)).toBe('first');
  });

  test('a certificate without its key, or with another, does not start', async () => {
    const files = await writeFiles({ cert: firstCertificate.cert, key: secondCertificate.key });
    for (const tls of [files, { ...files, keyFile: `${files.keyFile}-gone` }]) {
      await expect(startHub({ tls })).rejects.toMatchObject({ name: 'PubSubError', kind: 'invalid' });
    }
  });

  test('both options or none', () => {
    const given = (text: string | undefined) => (text === undefined ? undefined : { text, name: '--tls' });
    expect(readTls(given('a'), given('b'))).toEqual({ certFile: 'a', keyFile: 'b' });
    expect([readTls(undefined, undefined), readTls(given(''), given(''))]).toEqual([undefined, undefined]);
    for (const [cert, key] of [
      ['a', undefined],
      [undefined, 'b'],
      ['a', ''],
    ]) {
      expect(() => readTls(given(cert), given(key))).toThrow('are needed together');
    }
  });
});

describe('trustProxy', () => {
  /** As a proxy would pass the call on: `Host` is its own, the caller's is in the forwarding headers. */
  async function forwarded({ service }: StartedHub, method: string, path: string, audience: string) {
    const headers = {
      authorization: `Bearer ${sign({ aud: audience + path }, developmentKey)}`,
      host: 'inside.example',
      'x-forwarded-host': 'pubsub.example.com',
      'x-forwarded-proto': 'https',
    };
    const { port } = new URL(service.publicUrl);
    const call = request({ host: '127.0.0.1', port, method, path, headers });
    call.end();
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of reply) body += chunk;
    return { status: reply.statusCode, headers: reply.headers, body };
  }

  test('[RA-013] [rest-api 1.3] forwarding headers count only when the proxy is trusted', async () => {
    const oneProcess = 'address';
    const [trusting, wary] = [await startHub({ trustProxy: true, oneProcess }), await startHub({ oneProcess })];
    const status = async (hub: StartedHub, audience: string) => (await forwarded(hub, 'POST', send, audience)).status;
    expect(await status(trusting, 'https://pubsub.example.com')).toBe(202);
    expect(await status(trusting, 'https://inside.example')).toBe(401);
    expect(await status(wary, 'https://pubsub.example.com')).toBe(401);
    expect(await status(wary, 'https://inside.example')).toBe(202);
  });

  test('a list of addresses: only those are trusted', async () => {
    const near = await startHub({ trustProxy: '10.0.0.0/8,127.0.0.1', oneProcess: 'address' });
    const far = await startHub({ trustProxy: '10.0.0.0/8', oneProcess: 'address' });
    expect((await forwarded(near, 'POST', send, 'https://pubsub.example.com')).status).toBe(202);
    expect((await forwarded(far, 'POST', send, 'https://pubsub.example.com')).status).toBe(401);
  });

  test('[RA-013] a configured endpoint needs no forwarding headers, and is not replaced by them', async () => {
    const hub = await startHub({ trustProxy: true, endpoints: ['https://configured.example'] });
    expect((await forwarded(hub, 'POST', send, 'https://configured.example')).status).toBe(202);
    expect((await forwarded(hub, 'POST', send, 'https://pubsub.example.com')).status).toBe(401);
  });

  test('[RA-066] nextLink leads back through the proxy, and the response has HSTS', async () => {
    const hub = await startHub({ trustProxy: true, oneProcess: 'address' });
    for (let time = 0; time < 2; time += 1) await (await hub.dial({ token: { groups: ['g'] } })).next();
    const path = '/api/hubs/chat/groups/g/connections?maxpagesize=1';
    const reply = await forwarded(hub, 'GET', path, 'https://pubsub.example.com');
    expect(JSON.parse(reply.body).nextLink).toMatch(/^https:\/\/pubsub\.example\.com\/api\/hubs\/chat\/groups\/g\//);
    expect(reply.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
  });

  test('how it is written', () => {
    const parse = (text: string) => parseTrustProxy({ text, name: '--trust-proxy' });
    expect([parseTrustProxy(undefined), parse(''), parse('false')]).toEqual([false, false, false]);
    expect([parse('true'), parse('TRUE')]).toEqual([true, true]);
    expect(parse(' 10.0.0.1, fd00::/8 ')).toBe('10.0.0.1,fd00::/8');
    for (const text of ['yes', '10.0.0', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.1,', 'proxy.example', '::1/129']) {
      expect(() => parse(text)).toThrow('--trust-proxy');
    }
  });
});
