import { rename, unlink, writeFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { Held, inTurn, reply } from '../support/answers.js';
import { chatYaml, startService } from '../support/hubwire-process.js';
import { ManualClock } from '../support/manual-clock.js';
import { opcodes, rawJsonClient } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';
import { statusOf } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

async function upstreamForTest() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return upstream;
}

const inForce = /the new configuration is applied/;

function vote(ackId: number) {
  return { type: 'event', event: 'vote', data: 1, ackId };
}

/** Lines of the log of a process so far, as objects. */
function logOf({ stderr }: { readonly stderr: string }): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
}

describe('a running process follows hubs.yaml', () => {
  test('[design 2] a good edit is validated and taken over; clients stay, and their next event goes the new way', async () => {
    const [first, second] = [await upstreamForTest(), await upstreamForTest()];
    const { process, file, dial } = await startService(chatYaml(`${first.origin}/{event}`));
    const client = await dial();
    const { connectionId } = await client.next();
    expect(await client.ask(vote(1))).toMatchObject({ success: true });
    // As editors do it: a new file takes the place of the old one.
    await writeFile(`${file}.new`, chatYaml(`${second.origin}/{event}`));
    await rename(`${file}.new`, file);
    await process.find(inForce, 'stderr');
    expect(await client.ask(vote(2))).toMatchObject({ success: true });
    expect(second.requests.map(({ event }) => event)).toEqual(['OPTIONS', 'vote']);
    expect(second.requests[1]?.headers).toMatchObject({ 'ce-connectionid': connectionId, 'ce-id': '3' });
    await client.close();
    await second.next('disconnected');
    // `connected` is not waited for, so the vote may come before it; the ids give the order. [upstream-events 1.3]
    const byId = first.requests.map(({ event, headers }) => [Number(headers['ce-id'] ?? -1), event] as const);
    expect(byId.sort(([a], [b]) => a - b)).toEqual([
      [-1, 'OPTIONS'],
      [0, 'connect'],
      [1, 'connected'],
      [2, 'vote'],
    ]);
  });

  test('[design 2] a bad edit changes nothing and is reported by file, line, column, path and reason; the next good one counts', async () => {
    const upstream = await upstreamForTest();
    const { process, file, dial, adminUrl } = await startService(chatYaml(`${upstream.origin}/{event}`));
    const client = await dial();
    await client.next();
    await writeFile(file, 'hubs:\n  chat:\n    webSocketKeepAliveIntervalInSeconds: 121\n    eventHandlers: []\n');
    await process.find(/the previous configuration is kept/, 'stderr');
    const report = logOf(process).find(({ msg }) =>
      String(msg).includes('hubs.yaml not applied, the previous configuration is kept:\n'),
    );
    expect(report).toMatchObject({ level: 'error' });
    expect(String(report?.msg)).toMatch(`${file}:3:42 hubs.chat.webSocketKeepAliveIntervalInSeconds: `);
    expect(await client.ask(vote(1))).toMatchObject({ success: true });
    expect(await statusOf(dial)).toBe(101);
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    expect(upstream.requests.filter(({ event }) => event === 'OPTIONS')).toHaveLength(1);
    await writeFile(file, 'hubs: {}\n');
    await process.find(inForce, 'stderr');
    expect(await client.ask(vote(2))).toMatchObject({ success: false });
  });

  test('[design 2] a deleted file is reported and changes nothing; it may come back', async () => {
    const upstream = await upstreamForTest();
    const { process, file, dial } = await startService(chatYaml(`${upstream.origin}/{event}`));
    const client = await dial();
    await unlink(file);
    await process.find(/the previous configuration is kept:[^"]*the file does not exist/, 'stderr');
    expect(await client.ask(vote(1))).toMatchObject({ success: true });
    await writeFile(file, chatYaml(`${upstream.origin}/new/{event}`));
    await process.find(inForce, 'stderr');
    await client.ask(vote(2));
    expect(upstream.requests.filter(({ event }) => event === 'vote').map(({ url }) => url)).toEqual([
      '/vote',
      '/new/vote',
    ]);
  });
});

describe('a reload', () => {
  const env = { file: 'hubs.yaml', env: {} };
  const configOf = (chat: object) => parseConfig(JSON.stringify({ hubs: { chat } }), env);

  test('[design 2] that adds a `connect` handler which fails: newcomers get 500, those who are here stay', async () => {
    const { service, dial, upstream } = await startHub();
    upstream.onValidate(reply(200)); // without leave to send
    const client = await dial();
    await client.next();
    const handler = { urlTemplate: `${upstream.origin}/{event}`, systemEvents: ['connect'], userEventPattern: '*' };
    await service.reload(configOf({ eventHandlers: [handler] }));
    expect(service.handlers).toMatchObject([{ state: 'failed' }]);
    expect(await dial.refused()).toMatchObject({ status: 500 });
    expect(await client.ask(vote(1))).toMatchObject({ success: false });
    await client.settle();
    expect(upstream.requests.map(({ method }) => method)).toEqual(['OPTIONS']);
  });

  test('[design 2] until new handlers have been validated the old ones take the events', async () => {
    const { service, dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    const client = await dial();
    const held = new Held(reply(200, { 'WebHook-Allowed-Origin': '*' }));
    upstream.onValidate(held.answer);
    const reloaded = service.reload(
      configOf({ eventHandlers: [{ urlTemplate: `${upstream.origin}/new/{event}`, userEventPattern: '*' }] }),
    );
    await client.ask(vote(1));
    while (held.count === 0) await client.settle();
    await client.ask(vote(2));
    held.release();
    await reloaded;
    await client.ask(vote(3));
    const urls = upstream.requests.filter(({ event }) => event === 'vote').map(({ url }) => url);
    expect(urls).toEqual(['/vote', '/vote', '/new/vote']);
  });

  test('[design 2] an event that is under way ends with the settings it began with', async () => {
    const { service, dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    const held = new Held(reply(200, { 'Content-Type': 'text/plain' }, 'old way'));
    upstream.on('vote', held.answer);
    const client = await dial();
    await client.next();
    client.send(vote(1));
    await upstream.next('vote');
    await service.reload(configOf({}));
    held.release();
    expect(await client.next()).toMatchObject({ data: 'old way' });
    expect(await client.next()).toMatchObject({ ackId: 1, success: true });
  });

  test('[design 2] of several in a row the last one counts, in their order', async () => {
    const { service, dial, upstream } = await startHub();
    const client = await dial();
    const reloads = ['a', 'b', 'c'].map(name =>
      service.reload(
        configOf({ eventHandlers: [{ urlTemplate: `${upstream.origin}/${name}`, userEventPattern: '*' }] }),
      ),
    );
    await Promise.all(reloads);
    await client.ask(vote(1));
    expect(upstream.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'OPTIONS /a',
      'OPTIONS /b',
      'OPTIONS /c',
      'POST /c',
    ]);
  });

  test('[design 2] anonymousConnectPolicy is that of the moment; those who are here stay', async () => {
    const { service, dial } = await startHub();
    const anonymous = { token: null };
    expect(await statusOf(dial, anonymous)).toBe(401);
    await service.reload(configOf({ anonymousConnectPolicy: 'allow' }));
    const client = await dial(anonymous);
    await service.reload(configOf({ anonymousConnectPolicy: 'deny' }));
    expect(await statusOf(dial, anonymous)).toBe(401);
    await client.settle();
  });

  test('[design 2] the keep-alive interval applies to sockets that are open', async () => {
    const clock = new ManualClock();
    const { service } = await startHub({ clock, chat: { webSocketKeepAliveIntervalInSeconds: 120 } });
    const client = await rawJsonClient(service);
    clock.advance(30_000);
    await service.reload(configOf({ webSocketKeepAliveIntervalInSeconds: 31 }));
    client.sendText('{"type":"ping"}'); // what comes before the pong was sent before it
    await client.nextFrame(opcodes.text);
    expect(client.rest).toEqual([]);
    clock.advance(1_000);
    expect((await client.nextFrame()).opcode).toBe(opcodes.ping);
  });

  test('[design 2] delivery settings apply to the next event', async () => {
    const { service, dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    upstream.on('vote', inTurn(reply(503), reply(204)));
    const client = await dial();
    const handler = { urlTemplate: `${upstream.origin}/{event}`, userEventPattern: '*' };
    const yaml = { delivery: { retryDelaysInSeconds: [] }, hubs: { chat: { eventHandlers: [handler] } } };
    await service.reload(parseConfig(JSON.stringify(yaml), env));
    expect(await client.ask(vote(1))).toMatchObject({ success: false });
    expect(upstream.requests.filter(({ event }) => event === 'vote')).toHaveLength(1);
  });

  test('a limit on connections applies to newcomers', async () => {
    const { service, dial } = await startHub();
    const client = await dial();
    await service.reload(parseConfig('limits: { maxConnections: 1 }', env));
    expect(await statusOf(dial)).toBe(429);
    await client.settle();
  });
});
