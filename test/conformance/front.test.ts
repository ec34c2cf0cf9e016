import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { Held, reply } from '../support/answers.js';
import { ConnectionLog } from '../support/connection-log.js';
import { ManualClock } from '../support/manual-clock.js';
import { exchange, RawPeer } from '../support/raw-http.js';
import { openSession, recoveryCloseCode, takeUp } from '../support/reliable-client.js';
import { startHub } from '../support/start-hub.js';
import { signToken, statusOf, withToken } from '../support/tokens.js';

const inAnHour = () => Math.floor(Date.now() / 1000) + 3_600;

const upgradeLines = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The head of the answer to an upgrade with this target; the socket is left to the end of the test. */
async function upgraded(url: string, target: string, lines: Readonly<Record<string, string>> = {}): Promise<string> {
  const peer = new RawPeer(Number(new URL(url).port));
  const all = Object.entries({ Host: new URL(url).host, ...upgradeLines, ...lines });
  peer.write([`GET ${target} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'));
  return peer.head();
}

/** What a POST without a body is answered with. */
function posted(url: string, target: string, token: string, host = 'a'): Promise<string> {
  const lines = [`POST ${target} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${token}`, 'Content-Length: 0'];
  return exchange(url, [...lines, 'Connection: close', '', ''].join('\r\n'));
}

describe('what stands where no operation is', () => {
  test.each(['/api/health', '/api/health/', '/API/Health'])('[D06] GET and HEAD %s answer alike', async path => {
    const { service } = await startHub();
    const [get, head] = await Promise.all(['GET', 'HEAD'].map(method => fetch(service.publicUrl + path, { method })));
    expect([get?.status, head?.status, await get?.text()]).toEqual([200, 200, '']);
    const ofTheHop = ['connection', 'keep-alive'];
    const headersOf = (answer: Response | undefined) =>
      [...(answer?.headers.keys() ?? [])].filter(name => !ofTheHop.includes(name));
    expect(headersOf(get)).toEqual(headersOf(head));
  });

  test('[D06] GET / says what this is: JSON, or a page for a browser', async () => {
    const { service } = await startHub({
      admin: { host: '127.0.0.1', port: 0 },
      documentation: 'https://docs.example/',
    });
    const json = await fetch(service.publicUrl);
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await json.json()).toMatchObject({
      name: 'hubwire',
      version: 'test',
      description: expect.stringMatching(/\/client\/hubs\/{hub}.* \/app\/{key}.* \/apps\/{id}\.$/),
      links: { health: '/api/health', openapi: '/api/openapi.json', documentation: 'https://docs.example/' },
    });
    const page = await fetch(service.publicUrl, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toMatch(/<h1>Hubwire test<\/h1>[\s\S]*href="\/api\/openapi\.json"/);
    const admin = await fetch(service.adminUrl ?? '');
    expect(await admin.json()).toMatchObject({
      links: { healthz: '/healthz', readyz: '/readyz', metrics: '/metrics' },
    });
  });

  test('[D06] a 404 has one shape, whatever the path and the listener', async () => {
    const { service } = await startHub({ admin: { host: '127.0.0.1', port: 0 } });
    const urls = ['/x', '/api/x', '/clients/socketio/hubs/x'].map(path => service.publicUrl + path);
    for (const url of [...urls, `${service.adminUrl}/x`, `${service.adminUrl}/api/health`]) {
      const answer = await fetch(url);
      expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([404, 'Error.NotFound']);
      expect(await answer.json()).toEqual({
        code: 'Error.NotFound',
        message: expect.any(String),
        target: 'Request',
        details: null,
        inner: null,
      });
    }
  });
});

test('the admin listener names the public one to those that call it in its place', async () => {
  const { service } = await startHub({ admin: { host: '127.0.0.1', port: 0 } });
  const message = `This is the admin listener. Clients and REST calls use ${service.publicUrl}.`;
  for (const path of ['/api/hubs/chat/:send', '/client/hubs/chat?access_token=x', '/app/key', '/apps/42/events']) {
    const answer = await fetch(`${service.adminUrl}${path}`, { method: path.endsWith('key') ? 'GET' : 'POST' });
    expect([answer.status, await answer.json()]).toEqual([404, expect.objectContaining({ message })]);
  }
  expect(await upgraded(service.adminUrl ?? '', '/client/hubs/chat', {})).toMatch(/^HTTP\/1\.1 404 /);
  const other = await fetch(`${service.adminUrl}/apis`);
  expect(await other.json()).toMatchObject({ message: expect.not.stringContaining('admin listener') });
});

describe('a request is read as HTTP has it', () => {
  test('[D09] empty items of Sec-WebSocket-Protocol are none', async () => {
    const { service } = await startHub({ chat: { anonymousConnectPolicy: 'allow' } });
    const offer = (names: string) =>
      upgraded(service.publicUrl, '/client/hubs/chat', { 'Sec-WebSocket-Protocol': names });
    expect(await offer('')).toMatch(/^HTTP\/1\.1 101 (?![\s\S]*Sec-WebSocket-Protocol)/);
    expect(await offer(', ,')).toMatch(/^HTTP\/1\.1 101 (?![\s\S]*Sec-WebSocket-Protocol)/);
    expect(await offer(', x,, json.webpubsub.azure.v1 ,')).toContain(
      '\r\nSec-WebSocket-Protocol: json.webpubsub.azure.v1',
    );
    expect(await offer('a b')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await offer('a,, a')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('[D10] [L2] an absolute target is served, and its host is what a token is for', async () => {
    const { service } = await startHub();
    const token = signToken({ aud: 'http://outside.example/client/hubs/chat', exp: inAnHour() });
    const ask = (authority: string) =>
      upgraded(service.publicUrl, `http://${authority}/client/hubs/chat?access_token=${token}`);
    expect(await ask('outside.example')).toMatch(/^HTTP\/1\.1 101 /);
    expect(await ask('elsewhere.example')).toMatch(/^HTTP\/1\.1 401 /);
    const target = `${service.publicUrl}/api/hubs/chat/:send`;
    const restToken = signToken({ aud: target, exp: inAnHour() });
    expect(await posted(service.publicUrl, target, restToken, 'proxy.example')).toMatch(/^HTTP\/1\.1 202 /);
  });

  test('[D11] %3A is a colon, and letter case counts in names only', async () => {
    const { service, dial } = await startHub();
    const client = await dial({ token: { groups: [':Send'] } });
    await client.next();
    const send = (path: string) =>
      posted(
        service.publicUrl,
        path,
        signToken({ aud: service.publicUrl + path, exp: inAnHour() }),
        new URL(service.publicUrl).host,
      );
    for (const path of ['/api/hubs/chat/%3Asend', '/API/Hubs/CHAT/:Send', '/api/hubs/chat/Groups/%3ASend/%3asend']) {
      expect(await send(path)).toMatch(/^HTTP\/1\.1 202 /);
      expect(await client.next()).toMatchObject({ type: 'message' });
    }
    expect(await send('/api/hubs/chat/groups/%3Asend/:send')).toMatch(/^HTTP\/1\.1 202 /); // another group
    await client.settle();
    const token = signToken({ aud: `${service.publicUrl}/client/hubs/chat`, exp: inAnHour() });
    expect(await upgraded(service.publicUrl, `/Client/HUBS/chat?access_token=${token}`)).toMatch(/^HTTP\/1\.1 101 /);
  });

  test('[D13] headers and cookies that are UTF-8 reach the connect event as that text, others as Latin-1; internal ones do not', async () => {
    const { service, upstream } = await startHub({
      chat: { anonymousConnectPolicy: 'allow' },
      handler: { systemEvents: ['connect'] },
    });
    upstream.on('connect', reply(204));
    const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
    const peer = new RawPeer(Number(new URL(service.publicUrl).port));
    const lines = Object.entries({
      Host: 'a',
      ...upgradeLines,
      'X-Name': latin1('José 日本'),
      Cookie: latin1('n=é😀'),
      'X-Old': 'Jos\u00e9',
      'X-ASRS-Internal-User': 'root',
      'x-asrs-internal-': '1',
    });
    const head = ['GET /client/hubs/chat HTTP/1.1', ...lines.map(([name, value]) => `${name}: ${value}`), '', ''];
    peer.write(Buffer.from(head.join('\r\n'), 'latin1'));
    const { headers } = JSON.parse((await upstream.next('connect')).body.toString());
    expect(headers).toMatchObject({ 'X-Name': ['José 日本'], Cookie: ['n=é😀'], 'X-Old': ['José'] });
    expect(Object.keys(headers).filter(name => /asrs/i.test(name))).toEqual([]);
  });

  test('[D14] routes exist under the base path of each endpoint, and without it', async () => {
    const endpoints = ['http://localhost:9000/pubsub', 'https://other.example'];
    const { service } = await startHub({ endpoints });
    const token = (aud: string) => signToken({ aud, exp: inAnHour() });
    for (const base of ['', '/pubsub', '/PubSub']) {
      for (const aud of endpoints) {
        const client = `${base}/client/hubs/chat?access_token=${token(`${aud}/client/hubs/chat`)}`;
        expect(await upgraded(service.publicUrl, client)).toMatch(/^HTTP\/1\.1 101 /);
        const sent = await posted(
          service.publicUrl,
          `${base}/api/hubs/chat/:send`,
          token(`${aud}/api/hubs/chat/:send`),
        );
        expect(sent).toMatch(/^HTTP\/1\.1 202 /);
      }
      expect((await fetch(`${service.publicUrl}${base}/api/health`)).status).toBe(200);
      const about = await (await fetch(`${service.publicUrl}${base}/`)).json();
      expect(about).toMatchObject({ links: { health: `${base}/api/health` } });
    }
    const host = new URL(service.publicUrl).host;
    const own = token(`http://${host}/pubsub/client/hubs/chat`); // of the request's own host
    expect(await upgraded(service.publicUrl, `/pubsub/client/hubs/chat?access_token=${own}`)).toMatch(
      /^HTTP\/1\.1 101 /,
    );
    expect((await fetch(`${service.publicUrl}/elsewhere/api/health`)).status).toBe(404);
  });

  test('[D27] a wrong version is answered with the right one', async () => {
    const { service } = await startHub();
    const answer = await upgraded(service.publicUrl, '/client/hubs/chat', { 'Sec-WebSocket-Version': '7' });
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\nSec-WebSocket-Version: 13(\r\n|$)/);
  });

  test('[L1] two Host lines, or none: 400, on REST, client paths and the admin listener', async () => {
    const { service } = await startHub({ admin: { host: '127.0.0.1', port: 0 } });
    const bad = ['Host: a\r\nHost: a\r\n', 'Host: a\r\nhost: b\r\n', ''];
    const offer = Object.entries(upgradeLines).map(([name, value]) => `${name}: ${value}\r\n`);
    for (const hosts of bad) {
      for (const request of [
        [service.publicUrl, `GET /api/health HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`],
        [service.adminUrl, `GET /healthz HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`],
        [service.publicUrl, `GET /client/hubs/chat HTTP/1.1\r\n${hosts}${offer.join('')}\r\n`],
      ]) {
        expect(await exchange(request[0] ?? '', request[1] ?? '')).toMatch(/^HTTP\/1\.1 400 /);
      }
    }
  });

  test('[L3] websocket among other offers is taken', async () => {
    const { service } = await startHub({ chat: { anonymousConnectPolicy: 'allow' } });
    for (const Upgrade of ['websocket, h2c', 'h2c,WebSocket']) {
      expect(await upgraded(service.publicUrl, '/client/hubs/chat', { Upgrade })).toMatch(/^HTTP\/1\.1 101 /);
    }
  });

  test('[L3] pipelined requests that offer h2c are all answered, in order, among those that do not', async () => {
    const { service } = await startHub();
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    const ask = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
    const many = Array.from({ length: 25 }, () => ask('/api/health', offer) + ask('/x', offer)).join('');
    const text = ask('/api/health') + ask('/x', offer) + many + ask('/api/health', 'Connection: close\r\n');
    const peer = new RawPeer(Number(new URL(service.publicUrl).port));
    peer.write(text);
    await peer.gone;
    expect(peer.statuses).toEqual([200, 404, ...Array.from({ length: 25 }, () => [200, 404]).flat(), 200]);
  });

  test('webpubsub_mode= is an unknown mode', async () => {
    const { dial } = await startHub();
    expect(await statusOf(dial, { query: 'webpubsub_mode=' })).toBe(400);
  });
});

describe('[D19] a token for something else', () => {
  const other = 'http://inner.example:8080/client/hubs/chat';

  test('names both sides to the client, in the log, and to a REST caller', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const { dial, service } = await startHub({ endpoints: ['https://hub.example.com/base'], log } as object);
    const text = `token is for ${other}?…; this service answers to hub.example.com/base/client/hubs/chat, `;
    const { status, body } = await dial.refused(withToken(signToken({ aud: `${other}?secret`, exp: inAnHour() })));
    expect([status, body]).toEqual([401, expect.stringContaining(text)]);
    expect(body).toMatch(/ \(HUBWIRE_ENDPOINT\)$/);
    expect(lines.filter(line => line.includes(text))).toHaveLength(1);

    const path = '/api/hubs/chat/:send';
    const answer = await posted(service.publicUrl, path, signToken({ aud: 'http://h/x', exp: inAnHour() }));
    const reason = `token is for http://h/x; this service answers to hub.example.com/base${path} (HUBWIRE_ENDPOINT)`;
    expect(answer).toContain(`error_description="${reason}"`);
    expect(answer).toContain(`"message":"${reason}"`);
    expect(lines.filter(line => line.includes(reason))).toHaveLength(1);
  });
});

test('a token for another hub or path of this host: its endpoint is not at fault', async () => {
  const { dial, service } = await startHub({ endpoints: ['https://hub.example.com/base'] } as object);
  const own = 'https://hub.example.com/base';
  const { body } = await dial.refused(withToken(signToken({ aud: `${own}/client/hubs/caht`, exp: inAnHour() })));
  expect(body).toBe(
    `token is for another hub or path: ${own}/client/hubs/caht; this request needs a token for hub.example.com/base/client/hubs/chat`,
  );
  const path = '/api/hubs/chat/:send';
  const answer = await posted(service.publicUrl, path, signToken({ aud: `${own}/api/hubs/x/:send`, exp: inAnHour() }));
  const reason = `token is for another hub or path: ${own}/api/hubs/x/:send; this request needs a token for hub.example.com/base${path}`;
  expect(answer).toContain(`"message":"${reason}"`);
  const { body: withoutBase } = await dial.refused(
    withToken(signToken({ aud: 'https://hub.example.com/client/hubs/chat', exp: inAnHour() })),
  );
  expect(withoutBase).toMatch(/ \(HUBWIRE_ENDPOINT\)$/);
});

describe('limits on connections', () => {
  const isRefused = { status: 429, headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) } };

  test('[F15] maxConnections, and each hub by itself: 429 with Retry-After', async () => {
    const { dial } = await startHub({ file: { limits: { maxConnections: 3, connectionsPerHub: 2 } } });
    await dial();
    const second = await dial();
    expect(await dial.refused()).toMatchObject({
      ...isRefused,
      body: expect.stringContaining('limits.connectionsPerHub'),
    });
    await dial({ hub: 'other' });
    expect(await dial.refused({ hub: 'third' })).toMatchObject({
      ...isRefused,
      body: expect.stringContaining('limits.maxConnections'),
    });
    await second.close();
    await dial();
  });

  test('[F15] those who wait for the upstream count, and make room when they are refused', async () => {
    const { dial, upstream } = await startHub({
      file: { limits: { connectionsPerHub: 1 } },
      handler: { systemEvents: ['connect'] },
    });
    const held = new Held(reply(401));
    upstream.on('connect', held.answer);
    const asked = statusOf(dial);
    await upstream.next('connect');
    expect(await dial.refused()).toMatchObject(isRefused);
    held.release();
    expect(await asked).toBe(401);
    upstream.on('connect', reply(204));
    await dial();
  });

  test('[F15] connectsPerSecond: 429 with Retry-After, until time has passed; recoveries do not count', async () => {
    const clock = new ManualClock();
    const hub = await startHub({ clock, file: { limits: { connectsPerSecond: 2 } } });
    const { dial } = hub;
    await dial();
    const session = await openSession(hub);
    expect(await dial.refused()).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(await statusOf(dial, { token: null })).toBe(401); // takes no place
    await takeUp(hub, session);
    clock.advance(500);
    await dial();
    expect(await dial.refused()).toMatchObject(isRefused);
  });

  test('[F15] a reload applies at once', async () => {
    const { dial, service } = await startHub({ oneProcess: 'limit' });
    const first = await dial();
    const config = (limits: object) => parseConfig(JSON.stringify({ limits }), { file: 'hubs.yaml', env: {} });
    await service.reload(config({ connectionsPerHub: 1 }));
    expect(await dial.refused()).toMatchObject(isRefused);
    await service.reload(config({}));
    await dial();
    await first.settle();
  });

  test('[F15] behind a trusted proxy each client address counts by itself', async () => {
    const { dial } = await startHub({ trustProxy: true, file: { limits: { connectionsPerAddress: 1 } } });
    const from = (address: string) => ({ headers: { 'x-forwarded-for': `1.1.1.1, ${address}` } });
    const first = await dial(from('203.0.113.1'));
    await dial(from('203.0.113.2'));
    await dial(); // from the proxy's own machine
    expect(await dial.refused(from('203.0.113.1'))).toMatchObject(isRefused);
    await first.close();
    await dial(from('203.0.113.1'));
  });

  test('[L14] a session whose client is away gives way to one who is here, the longest away first', async () => {
    const observer = new ConnectionLog();
    const hub = await startHub({ observer, file: { limits: { maxConnections: 2 } } });
    const first = await openSession(hub);
    const second = await openSession(hub);
    const { hubs } = hub.service;
    first.client.ws.terminate();
    await vi.waitFor(() => expect(hubs.get('chat').lifecycle.longestAwaySinceMs).toBeDefined());
    second.client.ws.terminate();
    await (await hub.dial()).settle();
    expect(await observer.closed.take()).toMatchObject({ category: 'Throttled', connectionId: first.connectionId });
    expect(await recoveryCloseCode(hub, first)).toBe(1008);
    const back = await takeUp(hub, second);
    expect(await back.next()).toMatchObject({ event: 'connected', connectionId: second.connectionId });
  });
});
