import { type AddressInfo, connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../support/manual-clock.js';
import { origin, RecordingHubs, startRest, tokenFor } from './rest-harness.js';

type Told = Parameters<import('../../../src/hub/ports.js').Observer['restCallTold']>[0];

/** A REST server whose reports are kept. */
function startReported(isTraced: boolean) {
  const clock = new ManualClock();
  const finished: [operation: string, status: number, durationMs: number][] = [];
  const told: Told[] = [];
  const observer = {
    restCallFinished: (...call: [string, number, number]) => void finished.push(call),
    restCallTold: (at: Told) => void told.push(at),
  };
  const reports = { observer, isTraced, monotonicMs: () => clock.monotonicMs() };
  return { ...startRest(undefined, { reports }), clock, finished, told };
}

const send = '/api/hubs/chat/:send';
const text = { payload: 'x', headers: { 'content-type': 'text/plain' } };

describe('[F10] a REST call', () => {
  test('that succeeds is counted with its operation; in full it is told only when traced', async () => {
    const { ask, finished, told } = startReported(false);
    await ask('POST', send, text);
    expect([finished, told]).toEqual([[['WebPubSub_SendToAll', 202, 0]], []]);
  });

  test('that is refused is told with its reason and without its query', async () => {
    const { app, ask, finished, told } = startReported(false);
    await app.inject({ method: 'POST', url: `${send}?access_token=secret`, ...text });
    await ask('POST', `${send}?filter=secret%20eq`, text);
    await app.inject('/nothing/here?code=secret');
    await app.inject('/client/hubs/chat?access_token=secret');
    expect(finished.map(([operation, status]) => [operation, status])).toEqual([
      ['WebPubSub_SendToAll', 401],
      ['WebPubSub_SendToAll', 400],
      ['other', 404],
      ['other', 400],
    ]);
    expect(told).toMatchObject([
      { method: 'POST', path: send, status: 401, reason: expect.stringContaining('Authorization header') },
      { method: 'POST', path: send, status: 400, reason: 'The filter is not valid; the response has the details.' },
      {
        method: 'GET',
        path: '/nothing/here',
        status: 404,
        reason: expect.stringContaining('no operation with this path'),
      },
      { method: 'GET', path: '/client/hubs/chat', status: 400, reason: 'Expected a WebSocket upgrade.' },
    ]);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  test('with a URL that has no route is told once', async () => {
    const { app, told, finished } = startReported(false);
    await app.inject('/api/hubs/%zz?access_token=secret');
    expect(told).toMatchObject([{ path: '/api/hubs/%zz', status: 400, reason: expect.stringContaining('malformed') }]);
    expect(finished).toEqual([['other', 400, 0]]);
  });

  test.each([
    ['secret', 'The request is not HTTP/1.1.'],
    ['GET /secret/José HTTP/1.1', 'The URL contains a character that must be percent-encoded.'],
    ['GET /?secret=José HTTP/1.1', 'The URL contains a character that must be percent-encoded.'],
    ['GET /secret b HTTP/1.1', 'The request line must be a method, a URL without blanks, and HTTP/1.1.'],
    ['GET / HTTP/1.1\r\nx: secret\x01', 'A header contains a character that is not allowed there.'],
  ])('that is no HTTP (%j) is told, without what came', async (head, message) => {
    const { app, told } = startReported(false);
    await app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => app.close());
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(`${head}\r\n\r\n`);
    expect(JSON.parse((await textOf(socket)).split('\r\n\r\n')[1]!)).toMatchObject({ message });
    expect(told).toMatchObject([{ method: '', path: '', status: 400, reason: message }]);
  });

  test('whose body is too large is told with the limit, as the answer has the vendor’s text', async () => {
    const { ask, told } = startReported(false);
    await ask('POST', send, { ...text, payload: 'x'.repeat(1024 * 1024 + 1) });
    expect(told).toMatchObject([{ status: 400, reason: 'The body is larger than 1048576 bytes.' }]);
  });

  test('that asks whether somebody is here is no failure when nobody is', async () => {
    const { ask, told } = startReported(false);
    await ask('HEAD', '/api/hubs/chat/users/bob');
    await ask('HEAD', '/api/hubs/chat/nowhere');
    expect(told.map(({ status, isAnswer }) => [status, isAnswer])).toEqual([
      [404, true],
      [404, false],
    ]);
  });

  test('takes as long as from its headers to its answer', async () => {
    const { app, hubs, clock, told } = startReported(true);
    const { get } = RecordingHubs.prototype;
    hubs.get = name => ({
      ...get.call(hubs, name),
      userExists: async () => {
        await clock.advance(1_500);
        return true;
      },
    });
    const url = '/api/hubs/chat/users/alice';
    await app.inject({ method: 'HEAD', url, headers: { authorization: `Bearer ${tokenFor(url)}` } });
    expect(told).toMatchObject([{ status: 200, durationMs: 1_500, receivers: undefined }]);
  });

  test.each([
    ['before it is answered', (tell: () => void) => tell()],
    ['after', (tell: () => void) => void setTimeout(tell)],
  ])('that sends is told with its receivers, known %s', async (_, when) => {
    const { ask, hubs, told } = startReported(true);
    const { get } = RecordingHubs.prototype;
    const delivered = new Promise<void>(resolve => {
      hubs.get = name => ({
        ...get.call(hubs, name),
        sendToGroup: (_group, _payload, options) =>
          when(() => {
            options?.onDelivered?.(7);
            resolve();
          }),
      });
    });
    await ask('POST', '/api/hubs/chat/groups/g/:send', text);
    await delivered;
    expect(told).toMatchObject([{ path: '/api/hubs/chat/groups/g/:send', status: 202, receivers: 7 }]);
  });

  test('makes nothing of receivers when it is not traced', async () => {
    const { ask, hubs } = startReported(false);
    for (const path of [send, '/api/hubs/chat/groups/g/:send', '/api/hubs/chat/users/u/:send']) {
      await ask('POST', path, text);
    }
    const options = hubs.calls.map(call => call.at(-1) as { onDelivered?: unknown });
    expect(options.map(({ onDelivered }) => onDelivered)).toEqual([undefined, undefined, undefined]);
  });

  test('by a whole URL is told by its path', async () => {
    const { app, told } = startReported(false);
    await app.inject({ url: `${origin.replace('//', '//user:secret@')}/nothing`, method: 'GET' });
    expect(JSON.stringify(told)).not.toContain('secret');
  });
});
