import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { startHub } from '../support/start-hub.js';

const handler = { userEventPattern: '*' };
const noRetries = { delivery: { retryDelaysInSeconds: [] } };
const member = { userId: 'ann', roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'], groups: ['g'] };

function answer(status: number, type?: string, body = '', headers: Record<string, string> = {}) {
  return (_request: unknown, response: ServerResponse) =>
    void response.writeHead(status, type === undefined ? headers : { ...headers, 'Content-Type': type }).end(body);
}

/** A service, and a JSON client that has taken its first frame. */
async function startWithClient(options: Parameters<typeof startHub>[0] = { handler }) {
  const hub = await startHub(options);
  const client = await hub.dial({ token: member });
  await client.next();
  return { ...hub, client };
}

/** The next event named `name` waits for its answer until this is called. */
function hold(upstream: Awaited<ReturnType<typeof startHub>>['upstream'], name: string): () => void {
  let held: ServerResponse | undefined;
  upstream.on(name, (_request, response) => {
    held = response;
  });
  return () => void held?.writeHead(204).end();
}

describe('events', () => {
  test('[CP-062] ping is answered, also while an event is pending upstream', async () => {
    const { client, upstream } = await startWithClient();
    const release = hold(upstream, 'slow');
    client.send({ type: 'ping' });
    expect(await client.nextText()).toBe('{"type":"pong"}');
    client.send({ type: 'event', event: 'slow', data: 1, ackId: 1 });
    await upstream.next('slow');
    client.send({ type: 'joinGroup', group: 'h', ackId: 2 });
    client.send({ type: 'PING' });
    expect(await client.next()).toEqual({ type: 'pong' });
    expect(client.rest).toEqual([]);
    release();
    expect([(await client.next()).ackId, (await client.next()).ackId]).toEqual([1, 2]);
  });

  test.each([
    ['text/plain', 'grüße', { dataType: 'text', data: 'grüße' }],
    ['application/json', '{"n":1.0}', { dataType: 'json', data: { n: 1 } }],
    ['application/octet-stream', '\u0001\u0002', { dataType: 'binary', data: 'AQI=' }],
    [undefined, '\u0001\u0002', { dataType: 'binary', data: 'AQI=' }],
    ['application/x-protobuf', '\u0001\u0002', { dataType: 'protobuf', data: 'AQI=' }],
  ])('[CP-063] answered 200 with %s: a message from the server, then the ack', async (type, body, expected) => {
    const { client, upstream } = await startWithClient();
    upstream.on('e', answer(200, type, body));
    client.send({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 1 });
    expect(await client.next()).toEqual({ type: 'message', from: 'server', ...expected });
    expect(await client.next()).toEqual({ type: 'ack', ackId: 1, success: true });
  });

  test('[CP-063] JSON of the upstream arrives byte for byte', async () => {
    const { client, upstream } = await startWithClient();
    upstream.on('e', answer(200, 'application/json', '{ "n": 12345678901234567890, "f": 1.0 }'));
    client.send({ type: 'event', event: 'e', data: 1 });
    expect(await client.nextText()).toContain('"data":{ "n": 12345678901234567890, "f": 1.0 }}');
  });

  test.each([
    ['text', '"a"', 'text/plain', 'a'],
    ['json', '{"n":1.0}', 'application/json', '{"n":1.0}'],
    ['binary', '"AQI="', 'application/octet-stream', '\u0001\u0002'],
    ['protobuf', '"CgNhLmI="', 'application/x-protobuf', '\n\u0003a.b'],
    ['json', 'null', 'application/json', 'null'],
  ])('[CP §4.2] the upstream gets %s data as it is', async (dataType, data, type, body) => {
    const { client, upstream } = await startWithClient();
    client.send(`{"type":"event","event":"seat.pick","dataType":"${dataType}","data":${data}}`);
    const event = await upstream.next('seat.pick');
    expect(event.headers['content-type']?.split(';')[0]).toBe(type);
    expect(event.headers['ce-type']).toBe('azure.webpubsub.user.seat.pick');
    expect(event.body.toString()).toBe(body);
  });

  test.each([204, 200, 201])('[CP-064] answered %i without a body: the ack only', async status => {
    const { client, upstream } = await startWithClient();
    upstream.on('e', answer(status));
    client.send({ type: 'event', event: 'e', data: 1, ackId: 1 });
    expect(await client.next()).toEqual({ type: 'ack', ackId: 1, success: true });
  });

  test.each([
    ['[CP-065] unhandled', { handler: { userEventPattern: 'other' } }, answer(204)],
    ['[CP-065] without any handler', {}, answer(204)],
    ['[CP §4.5] answered 500', { handler, file: noRetries }, answer(500, 'text/plain', 'private')],
    ['[CP §4.5] answered 404', { handler }, answer(404, 'text/plain', 'private')],
    ['[CP §4.5] answered with a type of no use', { handler }, answer(200, 'text/html', 'private')],
    ['[CP §4.5] answered with JSON that is none', { handler }, answer(200, 'application/json', 'private')],
  ])('%s: InternalServerError, silence without ackId, and open', async (_what, options, respond) => {
    const log = new ConnectionLog();
    const { client, upstream } = await startWithClient({ ...options, observer: log });
    upstream.on('e', respond);
    client.send({ type: 'event', event: 'e', data: 1 });
    client.send({ type: 'event', event: 'e', data: 1, ackId: 1 });
    const ack = await client.next();
    expect(ack).toMatchObject({ type: 'ack', ackId: 1, success: false, error: { name: 'InternalServerError' } });
    expect(ack.error.message).not.toMatch(/private|500|404|html|127\.0\.0\.1/);
    await client.settle();
    expect([client.rest, log.faults]).toEqual([[], []]);
  });

  test('[CP §4.4] an event that failed can be sent again with its ackId', async () => {
    const { client, upstream } = await startWithClient({ handler, file: noRetries });
    upstream.on('e', answer(500));
    expect((await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).success).toBe(false);
    upstream.on('e', answer(204));
    expect((await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).success).toBe(true);
    expect((await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).error.name).toBe('Duplicate');
  });

  test('[CP-059] an ackId that comes again while its event is pending waits, and is a duplicate then', async () => {
    const { client, upstream } = await startWithClient();
    const release = hold(upstream, 'slow');
    const event = { type: 'event', event: 'slow', data: 1, ackId: 1 };
    client.send(event);
    client.send(event);
    await upstream.next('slow');
    await client.settle();
    expect(client.rest).toEqual([]);
    release();
    expect(await client.next()).toMatchObject({ ackId: 1, success: true });
    expect(await client.next()).toMatchObject({ ackId: 1, error: { name: 'Duplicate' } });
    expect(upstream.requests.filter(({ event: name }) => name === 'slow')).toHaveLength(1);
  });

  test.each(['1x', `e${'x'.repeat(128)}`, '', 'a b', 'é', 'a/b', 'a:b', 'a#b', 'ж'])(
    '[V16] [CP-066] event name "%s": 1007',
    async event => {
      const { client, dial } = await startWithClient();
      client.send({ type: 'event', event, data: 1, ackId: 1 });
      expect((await client.closed).code).toBe(1007);
      await (await dial()).settle();
    },
  );

  test('[CP-066] 128 characters, and every character that is allowed', async () => {
    const { client } = await startWithClient();
    for (const [ackId, event] of [`e${'x'.repeat(127)}`, 'aZ0_.-'].entries()) {
      expect((await client.ask({ type: 'event', event, data: 1, ackId })).success).toBe(true);
    }
  });

  test('[CP §4.1] the frames of one connection run in order, those of another do not wait', async () => {
    const { client, upstream, dial } = await startWithClient();
    const other = await dial({ token: member });
    const release = hold(upstream, 'slow');
    client.send({ type: 'event', event: 'slow', data: 1, ackId: 1 });
    await upstream.next('slow');
    client.send({ type: 'leaveGroup', group: 'g', ackId: 2 });
    client.send({ type: 'sendToGroup', group: 'g', data: 'after', ackId: 3 });
    await other.next();
    expect((await other.ask({ type: 'sendToGroup', group: 'g', data: 'meanwhile', ackId: 1 })).success).toBe(true);
    expect(await client.next()).toMatchObject({ data: 'meanwhile' });
    release();
    for (const ackId of [1, 2, 3]) expect(await client.next()).toEqual({ type: 'ack', ackId, success: true });
    expect(await other.next()).toMatchObject({ data: 'meanwhile' });
    expect(await other.next()).toMatchObject({ data: 'after' });
  });
});

describe('metadata', () => {
  test('[CP-068] reaches members and the upstream, and comes back from there', async () => {
    const { client, upstream } = await startWithClient();
    const metadata = { 'Trace-Id': 'a b', x: '' };
    client.send({ type: 'sendToGroup', group: 'g', data: 1, metadata });
    expect(await client.next()).toMatchObject({ data: 1, metadata });
    upstream.on('e', answer(200, 'text/plain', 'x', { 'X-WebPubSub-Metadata-Reply': 'c' }));
    client.send({ type: 'event', event: 'e', data: 1, metadata: { 'Trace-Id': 'a b' } });
    expect((await upstream.next('e')).headers['x-webpubsub-metadata-trace-id']).toBe('a b');
    expect(await client.next()).toMatchObject({ from: 'server', data: 'x', metadata: { reply: 'c' } });
  });

  test('[CP-068] absent, null and empty are left out; alone it is an empty text', async () => {
    const { client } = await startWithClient();
    for (const more of ['', ',"metadata":null', ',"metadata":{}']) {
      client.send(`{"type":"sendToGroup","group":"g","data":1${more}}`);
      expect(await client.next()).not.toHaveProperty('metadata');
    }
    client.send({ type: 'sendToGroup', group: 'g', metadata: { k: 'v' } });
    expect(await client.next()).toMatchObject({ dataType: 'text', data: '', metadata: { k: 'v' } });
  });

  test('[CP-068] the largest that are allowed', async () => {
    const { client } = await startWithClient();
    const metadata = Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`${at}`.repeat(146), 'v'.repeat(1024)]));
    metadata[`k${'!'.repeat(1)}`] = 'v'.repeat(8192 - 7 * (146 + 1024) - 2);
    client.send({ type: 'sendToGroup', group: 'g', data: 1, metadata });
    expect((await client.next()).metadata).toEqual(metadata);
    client.send({ type: 'sendToGroup', group: 'g', data: 1, metadata: { ['k'.repeat(256)]: 'v'.repeat(1024) } });
    expect(await client.next()).toMatchObject({ metadata: { ['k'.repeat(256)]: 'v'.repeat(1024) } });
  });

  test.each([
    ['a repeated key', '{"k":"1","k":"2"}'],
    ['a repeated key in another spelling', '{"k":"1","\\u006b":"1"}'],
    ['a key of 257 characters', JSON.stringify({ ['k'.repeat(257)]: 'v' })],
    ['an empty key', '{"":"v"}'],
    ['a key that is no HTTP token', '{"a b":"v"}'],
    ['a value of 1025 characters', JSON.stringify({ k: 'v'.repeat(1025) })],
    ['a value that is not ASCII', '{"k":"é"}'],
    ['a value with a line break', '{"k":"a\\r\\nInjected: yes"}'],
    ['a value that is no string', '{"k":1}'],
    [
      'more than 8192 bytes',
      JSON.stringify(Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'v'.repeat(1000)]))),
    ],
    ['a list', '["k","v"]'],
    ['a text', '"k"'],
  ])('[CP-068] %s: 1007', async (_what, metadata) => {
    const { client, dial } = await startWithClient();
    client.send(`{"type":"sendToGroup","group":"g","data":1,"metadata":${metadata}}`);
    expect((await client.closed).code).toBe(1007);
    await (await dial()).settle();
  });
});
