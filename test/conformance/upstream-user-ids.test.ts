import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { reply, replyJson } from '../support/answers.js';
import { ConnectionLog } from '../support/connection-log.js';
import { notRun } from '../support/not-run.js';
import { RecordingObserver } from '../support/recording-observer.js';
import { startHub } from '../support/start-hub.js';
import { audienceOf, inMinutes, signText, statusOf, withToken } from '../support/tokens.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };

// ------------------------------------------------------------------------------------- app servers that echo the user

/** Express has no type declarations of its own; this is what the tests need of it. */
const express = createRequire(import.meta.url)('express') as () => RequestListener & {
  use(middleware: unknown): unknown;
};

/** The URL of a server for the time of the test. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
}

function startExpress(): Promise<string> {
  const app = express();
  const handler = new WebPubSubEventHandler('chat', {
    path: '/hooks',
    handleConnect: (request, response) => response.success({ userId: request.context.userId ?? '' }),
  });
  app.use(handler.getMiddleware());
  return serve(app);
}

/** Reads the header as Node does, and answers without any framework. */
function startNode(): Promise<string> {
  return serve((request, response) => {
    const userId = request.headers['ce-userid'];
    if (request.method === 'OPTIONS') response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
    else if (request.headers['ce-eventname'] === 'connect') response.end(JSON.stringify({ userId }));
    else response.writeHead(204).end();
  });
}

async function startFlask(context: TestContext): Promise<string> {
  const hasFlask = spawnSync('python3', ['-c', 'import flask']).status === 0;
  if (!hasFlask) notRun(context, 'python3 has no module flask; Debian: apt-get install python3-flask');
  const script = fileURLToPath(new URL('../support/echo_user.py', import.meta.url));
  const child = spawn('python3', [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string];
  return `http://127.0.0.1:${port}/hooks`;
}

function yamlOf(urlTemplate: string): string {
  return JSON.stringify({ hubs: { chat: { eventHandlers: [{ urlTemplate, ...everything }] } } });
}

describe.each([
  ['Express with the vendor’s middleware', startExpress],
  ['plain Node', startNode],
  ['Flask', startFlask],
] as const)('[D02] %s that answers with the user id that it read', (_, start) => {
  test('names the user of the token', { timeout: 20_000 }, async context => {
    const { dial, connectionString } = await startHub({ yaml: yamlOf(await start(context)) });
    const service = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
    for (const userId of ['José', '日本', '😀', 'voilà', 'ann']) {
      const client = await dial({ token: { userId } });
      expect((await client.next()).userId).toBe(userId);
      await service.sendToUser(userId, 'hi', { contentType: 'text/plain' });
      expect(await client.next()).toMatchObject({ data: 'hi' });
    }
  });
});

test('[D02] ce-userId is raw UTF-8, and the connect body has the true text', async () => {
  const { dial, upstream } = await startHub({ handler: everything });
  upstream.on('connect', replyJson({ groups: [Buffer.from('日本').toString('latin1')] }));
  const token = { userId: 'José', groups: ['日本', 'x'], roles: ['webpubsub.sendToGroup.日本'] };
  const client = await dial({ token });
  await client.next();
  const connect = await upstream.next('connect');
  expect(Buffer.from(String(connect.headers['ce-userid']), 'latin1').toString()).toBe('José');
  expect(JSON.parse(connect.body.toString())).toMatchObject({
    claims: { sub: ['José'], 'webpubsub.group': ['日本', 'x'] },
  });
  client.send({ type: 'sendToGroup', group: '日本', dataType: 'text', data: 'hi' });
  expect(await client.next()).toMatchObject({ group: '日本', data: 'hi' });
  expect(Buffer.from(String((await upstream.next('connected')).headers['ce-userid']), 'latin1').toString()).toBe(
    'José',
  );
});

test('[D02] a user id with % is told with a warning when it is first sent', async () => {
  const observer = new RecordingObserver();
  const { dial, upstream } = await startHub({ handler: everything, observer });
  await dial({ token: { userId: 'ann' } });
  expect(observer.warnings).toEqual([]);
  await dial({ token: { userId: 'a%41' } });
  expect((await upstream.next('connect')).headers['ce-userid']).toBe('ann');
  expect((await upstream.next('connect')).headers['ce-userid']).toBe('a%41');
  expect(observer.warnings[0]).toMatch(/^a user id contains "%": ce-userId contains it unchanged/);
});

// ------------------------------------------------------------------------------------------- ids that cannot be sent

const claims = (hub: Parameters<typeof audienceOf>[0], more: string) =>
  `{"aud":${JSON.stringify(audienceOf(hub))},"exp":${inMinutes(60)},${more}}`;

describe('[D01] [V01] [V06] [F6] a token whose sub cannot be a user’s id is refused before anybody is asked', () => {
  test.each([
    '"admin "',
    '" admin"',
    '"admin\\u00a0"',
    '"  "',
    '"a\\r\\nX-Evil: 1"',
    '"a\\u0000"',
    '"."',
    '".."',
    JSON.stringify('x'.repeat(20_000)),
  ])('sub %#', async sub => {
    for (const handler of [everything, undefined]) {
      const hub = await startHub({ ...(handler && { handler }) });
      const token = signText(claims(hub, `"sub":${sub}`));
      const refused = await hub.dial.refused({ token: null, headers: { Authorization: `Bearer ${token}` } });
      expect(refused).toMatchObject({
        status: 401,
        body: expect.stringContaining('sub of the token is not a valid user'),
      });
      expect(hub.upstream.requests.filter(({ method }) => method === 'POST')).toEqual([]);
    }
  });
});

describe('[D05] sub in other types', () => {
  test('a number is its decimal text, for the hub, the upstream and REST', async () => {
    const hub = await startHub({ handler: everything });
    const client = await hub.dial(withToken(signText(claims(hub, '"sub":42'))));
    expect((await client.next()).userId).toBe('42');
    const connect = await hub.upstream.next('connect');
    expect(connect.headers['ce-userid']).toBe('42');
    expect(JSON.parse(connect.body.toString()).claims.sub).toEqual(['42']);
    const service = new WebPubSubServiceClient(hub.connectionString, 'chat', { allowInsecureConnection: true });
    expect(await service.userExists('42')).toBe(true);
  });

  test('a number beyond 2^53 keeps its digits, as do those of other claims', async () => {
    const hub = await startHub({ handler: everything });
    const [id, tenants] = ['12345678901234567890', '"tenant":{"id":9007199254740993},"ids":[-9007199254740993,7]'];
    const client = await hub.dial(withToken(signText(claims(hub, `"sub":${id},${tenants}`))));
    expect((await client.next()).userId).toBe(id);
    const connect = await hub.upstream.next('connect');
    expect(connect.headers['ce-userid']).toBe(id);
    expect(JSON.parse(connect.body.toString()).claims).toMatchObject({
      sub: [id],
      tenant: ['{"id":9007199254740993}'],
      ids: ['-9007199254740993', '7'],
    });
  });

  test.each([
    ['1.5', 'sub is a number that is not whole'],
    ['1e21', 'sub is a number that is not whole, or not written in digits'],
    ['null', 'sub is null; it must be a string'],
    ['["ann"]', 'sub is an array'],
    ['{"id":1}', 'sub is an object'],
    ['true', 'sub is a boolean'],
  ])('%s: 401 with the reason', async (sub, reason) => {
    const hub = await startHub();
    const refused = await hub.dial.refused(withToken(signText(claims(hub, `"sub":${sub}`))));
    expect(refused).toMatchObject({ status: 401, body: expect.stringContaining(reason) });
  });

  test('[D18] a text as exp: 401 that names it', async () => {
    const hub = await startHub();
    const refused = await hub.dial.refused(withToken(signText(`{"aud":"${audienceOf(hub)}","exp":"1795890000"}`)));
    expect(refused).toMatchObject({ status: 401, body: 'exp is a string; it must be a number: seconds since 1970' });
  });

  test('[vendor suite] an empty sub is an anonymous client that is greeted with it', async () => {
    const hub = await startHub({ handler: everything });
    const client = await hub.dial(withToken(signText(claims(hub, '"sub":""'))));
    expect(await client.next()).toMatchObject({ event: 'connected', userId: '' });
    expect((await hub.upstream.next('connected')).headers['ce-userid']).toBeUndefined();
  });
});

test.each(['admin ', '  ', 'a\r\nX: 1', 'a\0', 'a\x7f', '..'])(
  '[D01] [F6] a connect answer with userId %j is invalid, and the log says why',
  async userId => {
    const log = new ConnectionLog();
    const { dial, upstream } = await startHub({ handler: everything, observer: log });
    upstream.on('connect', replyJson({ userId }));
    expect(await statusOf(dial)).toBe(500);
    expect((await log.refused.take()).reason).toContain('its userId is not a valid user id');
    upstream.on('connect', reply(204));
    expect(await statusOf(dial)).toBe(101);
  },
);
