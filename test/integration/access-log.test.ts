import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { expect, onTestFinished, test } from 'vitest';
import { chatYaml, fileWith, type RunningService, startService } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';
import { signToken, statusOf, withToken } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Unix seconds. */
const farAway = 9_999_999_999;

type Line = Readonly<Record<string, unknown>>;

function linesOf({ process }: RunningService): readonly Line[] {
  const texts = process.stderr.split('\n').filter(text => text.startsWith('{'));
  return texts.map(text => JSON.parse(text) as Line);
}

/** The first line with this message, now or later, and these fields. */
async function lineOf(service: RunningService, msg: string, fields: Line = {}): Promise<Line> {
  const has = (line: Line) => line.msg === msg && Object.entries(fields).every(([key, value]) => line[key] === value);
  for (let seen = 0; ; ) {
    const lines = linesOf(service);
    const found = lines.find(has);
    if (found !== undefined) return found;
    seen = lines.length;
    await service.process.find(new RegExp(`(?:[^\\n]*\\n){${seen + 1}}`), 'stderr');
  }
}

/** A service that is to log so much, whose app server admits everybody. */
async function startLogging(level: 'debug' | 'info') {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  const service = await startService(chatYaml(`${upstream.origin}/{event}`), {}, ['--log-level', level]);
  await service.process.find(/event handler is active/, 'stderr');
  return { upstream, service };
}

function sdkOf({ connectionString }: RunningService, hub = 'chat'): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, hub, { allowInsecureConnection: true });
}

test('[F10] at debug each upgrade and each REST call has a line, and what a client was refused for', async () => {
  const { service } = await startLogging('debug');
  const [ann, bob] = [await service.dial({ token: { userId: 'ann' } }), await service.dial()];
  const { connectionId } = await ann.next();
  await bob.next();
  expect(await lineOf(service, 'upgrade answered', { connectionId })).toEqual({
    level: 'debug',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    hub: 'chat',
    connectionId,
    path: '/client/hubs/chat',
    status: 101,
    durationMs: expect.any(Number),
    msg: 'upgrade answered',
  });

  await sdkOf(service).sendToAll('hello', { contentType: 'text/plain' });
  expect(await lineOf(service, 'REST call')).toEqual({
    level: 'debug',
    time: expect.any(String),
    method: 'POST',
    path: '/api/hubs/chat/:send',
    status: 202,
    durationMs: expect.any(Number),
    receivers: 2,
    msg: 'REST call',
  });
  await sdkOf(service).sendToUser('ann', 'hello', { contentType: 'text/plain' });
  const toUser = { path: '/api/hubs/chat/users/ann/:send' };
  expect(await lineOf(service, 'REST call', toUser)).toMatchObject({ receivers: 1 });

  await ann.ask({ type: 'joinGroup', group: 'g1', ackId: 1 });
  expect(await lineOf(service, 'request of a client refused', { connectionId })).toMatchObject({
    level: 'debug',
    reason: 'no joinLeaveGroup permission for group g1',
    neededRole: 'webpubsub.joinLeaveGroup.g1',
  });
  expect(service.process.stderr).not.toMatch(/access_token|eyJ|hello/);
});

test('[F10] at info a client that is refused has a line with the reason; the last line is about the stop', async () => {
  const { service, upstream } = await startLogging('info');
  for (let count = 0; count < 3; count += 1) await (await service.dial()).next();
  await sdkOf(service).sendToAll('hello', { contentType: 'text/plain' });
  const aud = `${service.publicUrl}/client/hubs/chat`;
  const foreignKey = 'another-key-of-at-least-32-characters';
  for (const [options, reason] of [
    [{ token: null }, 'a client access token is needed: in access_token or as Authorization: Bearer'],
    [withToken(signToken({ aud, exp: 1 })), 'the token has expired'],
    [
      withToken(signToken({ aud, exp: farAway }, foreignKey)),
      'the token is not signed with an access key of this service',
    ],
  ] as const) {
    expect(await statusOf(service.dial, options)).toBe(401);
    const at = { level: 'info', hub: 'chat', method: 'GET', path: '/client/hubs/chat', status: 401 };
    expect(await lineOf(service, 'connection refused', { reason })).toMatchObject(at);
  }
  upstream.on('connect', (_request, response) => void response.writeHead(404).end());
  expect(await statusOf(service.dial)).toBe(404);
  await service.process.find(/"level":"warn".*answered 404 to connect of hub.*does its middleware serve hub/, 'stderr');
  expect(linesOf(service).filter(({ level }) => level === 'debug')).toEqual([]);

  service.process.signal('SIGTERM');
  expect((await service.process.exit).code).toBe(0);
  const lines = linesOf(service);
  expect(lines.find(({ msg }) => msg === 'stopping')).toMatchObject({ level: 'info', connections: 3 });
  const stopped = { level: 'info', connectionsClosed: 3, durationMs: expect.any(Number) };
  expect(lines.at(-1)).toMatchObject({ msg: 'stopped', ...stopped });
});

test('[F10] a REST call that is refused has a line with the reason, and one to a mistyped hub has no receivers', async () => {
  const { service } = await startLogging('debug');
  const call = (path: string, init: RequestInit = {}) => {
    const token = signToken({ aud: service.publicUrl + path, exp: farAway });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain', ...init.headers };
    return fetch(service.publicUrl + path, { method: 'POST', body: 'x', ...init, headers });
  };
  const send = '/api/hubs/chat/:send';
  await call(send, { headers: { authorization: '' } });
  await call(`${send}?filter=nonsense`);
  await call('/api/hubs/chat/:sned');
  await call(send, { body: 'x'.repeat(2 * 1024 * 1024) });
  for (const [status, path, reason] of [
    [401, send, 'The Authorization header must be "Bearer" and a token for this URL.'],
    [400, send, 'The filter is not valid; the response has the details.'],
    [404, '/api/hubs/chat/:sned', 'There is no operation with this path and method.'],
    [400, send, 'The body is larger than 1048576 bytes.'],
  ] as const) {
    expect(await lineOf(service, 'REST call refused', { status, path, reason })).toMatchObject({ level: 'info' });
  }
  expect((await call('/api/hubs/caht/:send')).status).toBe(202);
  expect(await lineOf(service, 'REST call', { path: '/api/hubs/caht/:send' })).toMatchObject({ receivers: 0 });
  expect(await lineOf(service, 'caht: first message, 0 receivers')).toMatchObject({ level: 'info' });
});

/** Gives a command a terminal. [util-linux] */
const script = '/usr/bin/script';

test('[F3] a person at a terminal sees the first message of a hub, each line whole', async context => {
  if (process.platform !== 'linux' || !existsSync(script)) notRun(context, `there is no ${script} of util-linux here`);
  const file = await fileWith('hubs: {}\n');
  const command = [process.execPath, program, '--hubs', file, '--port', '0', '--admin-port', 'any', '--json'];
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(script, ['-qfec', `exec ${command.join(' ')}`, '/dev/null'], {
    env: { PATH, HOME, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let text = '';
  let wake = () => {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replace(/\x1b\[\d*m/g, '').replaceAll('\r', '');
    wake();
  });
  const find = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };
  const [said] = await find(/^\{"event":"listening".*\}$/m);
  const { connectionString } = JSON.parse(said) as { connectionString: string };
  const hub = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
  await hub.sendToAll('hello', { contentType: 'text/plain' });
  await find(/^\[\d\d:\d\d:\d\d\] INFO: chat: first message, 0 receivers$/m);
  await expect(hub.sendToAll('hello', { contentType: 'text/plain', filter: 'nonsense' })).rejects.toThrow();
  await find(/^\[\d\d:\d\d:\d\d\] INFO: REST call refused \{"method":"POST","path":"\/api\/hubs\/chat\/:send",.*\}$/m);
  child.stdin.end('\x03'); // Ctrl-C
  await find(/^\[\d\d:\d\d:\d\d\] INFO: stopped \{"durationMs":\d+,"connectionsClosed":0\}$/m);
  await ended;
});
