import { describe, expect, onTestFinished, test } from 'vitest';
import { Held, replyJson } from '../support/answers.js';
import { ConnectionLog } from '../support/connection-log.js';
import { chatYaml, startService, startServiceInTerminal } from '../support/hubwire-process.js';
import { ManualClock } from '../support/manual-clock.js';
import { hasProgram, notRun } from '../support/not-run.js';
import { startHub, stopInTime } from '../support/start-hub.js';
import { statusOf } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

/** A service of its own process, and the app server of its hub `chat`. */
async function serviceWithUpstream() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return { upstream, ...(await startService(chatYaml(`${upstream.origin}/{event}`))) };
}

/** The answer of readiness once it is this. A service that is going down may also have closed its listener. */
async function untilReadiness(adminUrl: string, status: number): Promise<void> {
  while ((await fetch(`${adminUrl}/readyz`)).status !== status);
}

describe('a process that gets SIGTERM', () => {
  test('[design 5] is not ready, refuses newcomers, finishes what is under way, sends `disconnected` and ends with 0', async () => {
    const { upstream, process, adminUrl, dial } = await serviceWithUpstream();
    const held = new Held(replyJson('done'));
    upstream.on('vote', held.answer);
    const [busy, idle, simple] = [await dial(), await dial(), await dial({ protocols: [] })];
    const ids = [(await busy.next()).connectionId, (await idle.next()).connectionId];
    busy.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');

    process.signal('SIGTERM');
    await untilReadiness(adminUrl, 503);
    expect(await dial.refused()).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^[1-5]$/) },
    });
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
    await idle.settle(); // those who are here are still served
    expect([busy.ws.readyState, idle.ws.readyState]).toEqual([busy.ws.OPEN, idle.ws.OPEN]);
    held.release();

    expect(await busy.next()).toMatchObject({ from: 'server', data: 'done' });
    expect(await busy.next()).toEqual({ type: 'ack', ackId: 1, success: true });
    const last = { type: 'system', event: 'disconnected', message: 'The service is shutting down.' };
    for (const client of [busy, idle]) expect(await client.next()).toEqual(last);
    for (const client of [busy, idle, simple]) expect(await client.closed).toEqual({ code: 1001, reason: '' });
    expect(await process.exit).toEqual({ code: 0, signal: null });

    const of = (name: string) => upstream.requests.filter(({ event }) => event === name);
    expect([of('connected').length, of('disconnected').length]).toEqual([3, 3]);
    const gone = of('disconnected').map(({ headers }) => headers['ce-connectionid']);
    expect(new Set(gone)).toEqual(new Set(of('connected').map(({ headers }) => headers['ce-connectionid'])));
    expect(gone).toEqual(expect.arrayContaining(ids));
    expect(of('disconnected')[0]?.body.toString()).toBe('{"reason":"The service is shutting down."}');
  });

  test('[design 5] starts nothing new: clients that go on asking do not hold it up, and hear no ack', async () => {
    const { upstream, process, adminUrl, dial } = await serviceWithUpstream();
    const held = new Held(replyJson('done'));
    upstream.on('vote', held.answer);
    const client = await dial();
    await client.next();
    client.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    client.send({ type: 'event', event: 'later', data: 2, ackId: 2 });
    await upstream.next('vote');
    process.signal('SIGTERM');
    await untilReadiness(adminUrl, 503);
    client.send({ type: 'event', event: 'later', data: 3, ackId: 3 });
    await client.settle();
    held.release();

    await client.closed;
    const acks = client.rest.map(({ bytes }) => JSON.parse(bytes.toString())).filter(({ type }) => type === 'ack');
    expect(acks).toEqual([{ type: 'ack', ackId: 1, success: true }]);
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(upstream.requests.filter(({ event }) => event === 'later')).toEqual([]);
  });

  test('[design 5] ends at once when nobody is there', async () => {
    const { process } = await serviceWithUpstream();
    process.signal('SIGTERM');
    expect(await process.exit).toEqual({ code: 0, signal: null });
  });

  test('[CL-101] waits for what is under way no longer than --drain-seconds', async () => {
    const upstream = await startUpstream();
    onTestFinished(() => upstream.stop());
    upstream.on('vote', () => {}); // never answered
    const yaml = chatYaml(`${upstream.origin}/{event}`);
    const { process, dial } = await startService(yaml, {}, ['--drain-seconds', '1']);
    const client = await dial();
    client.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');
    const signalledMs = Date.now();
    process.signal('SIGTERM');
    expect((await client.closed).code).toBe(1001);
    expect(Date.now() - signalledMs).toBeLessThan(6_000); // a busy machine included
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledMs).toBeLessThan(11_000);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('[design 5] a second signal (%s) does not wait: exit code %i', async (second, code) => {
    const { upstream, process, adminUrl, dial } = await serviceWithUpstream();
    upstream.on('vote', () => {}); // never answered
    const client = await dial();
    client.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');
    process.signal('SIGINT');
    await untilReadiness(adminUrl, 503);
    process.signal(second);
    expect(await process.exit).toEqual({ code, signal: null });
    expect((await client.closed).code).toBe(1006);
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)('[F9] a SIGHUP after %s is no second wish', async first => {
    const { upstream, process, adminUrl, dial } = await serviceWithUpstream();
    const held = new Held(replyJson('done'));
    upstream.on('vote', held.answer);
    const client = await dial();
    client.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');
    process.signal(first);
    await untilReadiness(adminUrl, 503);
    process.signal('SIGHUP');
    await untilReadiness(adminUrl, 503); // it has been received
    held.release();
    expect((await client.closed).code).toBe(1001);
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect((await upstream.next('disconnected')).body.toString()).toContain('shutting down');
  });

  test('[F10] [design 5] a client whose connect is answered once the stop has begun is turned away, and the upstream is told', async () => {
    const { upstream, process, adminUrl, dial } = await serviceWithUpstream();
    const held = new Held();
    upstream.on('connect', held.answer);
    const asked = statusOf(dial);
    await upstream.next('connect');
    process.signal('SIGTERM');
    await untilReadiness(adminUrl, 503);
    const signalledMs = Date.now();
    held.release();
    expect(await asked).toBe(503);
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledMs).toBeLessThan(5_000); // no patience of ours ran out
    const count = (name: string) => upstream.requests.filter(({ event }) => event === name).length;
    expect(count('disconnected')).toBe(1);
    expect(count('connected')).toBe(0);
  });
});

test('[F9] a closed terminal stops the service in order, and Node does not miss the terminal', async context => {
  if (process.platform !== 'linux' || !hasProgram('python3')) notRun(context, 'python3 makes the terminal, on Linux');
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  const { process: terminal, dial } = await startServiceInTerminal(chatYaml(`${upstream.origin}/{event}`));
  const client = await dial();
  await upstream.next('connected');
  terminal.signal('SIGHUP');
  expect((await client.closed).code).toBe(1001);
  await terminal.exit;
  expect(terminal.stderr).toBe('ended with 0\n');
  expect((await upstream.next('disconnected')).body.toString()).toContain('shutting down');
});

describe('a service that stops', () => {
  test('[design 5] one that does not answer the Close frame is ended 5 s later', async () => {
    const clock = new ManualClock();
    const { service, dial } = await startHub({ clock });
    const client = await dial({ protocols: [] });
    client.ws.pause(); // it reads no Close frame, so it sends none
    const stopped = service.stop();
    await clock.whenDueIn(5_000);
    clock.advance(5_000);
    await stopped;
    client.ws.resume();
    expect((await client.closed).code).toBe(1001);
  });

  test('[design 5] an event that is never answered delays the last message of clients by 10 s, not longer', async () => {
    const clock = new ManualClock();
    const log = new ConnectionLog();
    const { service, dial, upstream } = await startHub({ clock, observer: log, handler: { userEventPattern: '*' } });
    upstream.on('vote', () => {});
    const client = await dial();
    client.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');
    let isStopped = false;
    const stopped = service.stop().finally(() => {
      isStopped = true;
    });
    await clock.whenDueIn(10_000);
    clock.advance(9_999);
    await client.settle();
    expect(log.closed.rest).toEqual([]);
    clock.advance(1);
    expect((await client.closed).code).toBe(1001);
    while (!isStopped) await clock.advanceAsync(1_000); // the event is still under way; its sender has patience too
    await stopped;
  });

  test('[CL-101] is done within its time for the drain and 10 s, whoever hangs', async () => {
    const clock = new ManualClock();
    const { service, dial, upstream } = await startHub({
      clock,
      drainMs: 3_000,
      handler: { userEventPattern: '*', systemEvents: ['connect', 'disconnected'] },
    });
    for (const event of ['vote', 'disconnected']) upstream.on(event, () => {}); // never answered
    const clients = await Promise.all(Array.from({ length: 120 }, () => dial()));
    clients[0]?.send({ type: 'event', event: 'vote', data: 1, ackId: 1 });
    await upstream.next('vote');
    for (const { ws } of clients) ws.pause(); // they read no Close frame, so they send none
    upstream.on('connect', () => {});
    const newcomer = dial.refused().catch(() => {});
    await upstream.next('connect');
    const startedMs = clock.monotonicMs();
    await stopInTime({ service }, clock);
    expect(clock.monotonicMs() - startedMs).toBeLessThanOrEqual(13_000);
    for (const { ws } of clients) ws.terminate();
    await newcomer;
  });
});
