import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { startHub } from '../support/start-hub.js';
import type { DialOptions, TestClient } from '../support/test-client.js';
import { statusOf } from '../support/tokens.js';

const simple = { protocols: [] };
const noRetries = { delivery: { retryDelaysInSeconds: [] } };
const sender = { userId: 'ann', roles: ['webpubsub.sendToGroup'] };

/** A simple client that publishes to group g. */
function publisher(more: Partial<DialOptions> = {}, query = ''): DialOptions {
  return { ...simple, token: sender, query: `webpubsub_mode=sendToGroup&group=g${query}`, ...more };
}

/** The next frame: whether it is binary, and its text. */
async function next(client: TestClient) {
  const frame = await client.nextFrame();
  return [frame.isBinary, frame.bytes.toString()];
}

describe('events', () => {
  test('[CP-025] no frame on connect: the first is the one that is sent', async () => {
    const { dial, service } = await startHub();
    const client = await dial(simple);
    service.hubs.get('chat').sendToAll({ dataType: 'text', bytes: Buffer.from('first'), metadata: undefined });
    expect(await next(client)).toEqual([false, 'first']);
  });

  test.each(['', 'webpubsub_mode=sendEvent', 'webpubsub_mode=SENDEVENT&group=%20&noEcho=bad'])(
    '[CP-026] mode "%s": text and binary messages become events of the same bytes',
    async query => {
      const { dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
      const client = await dial({ ...simple, query });
      const binary = Buffer.from([0, 255, 254]);
      client.send('grüße');
      client.send(binary);
      client.send('');
      const events = [await upstream.next('message'), await upstream.next('message'), await upstream.next('message')];
      expect(events.map(({ headers }) => headers['content-type']?.split(';')[0])).toEqual([
        'text/plain',
        'application/octet-stream',
        'text/plain',
      ]);
      expect(events.map(({ body }) => body)).toEqual([Buffer.from('grüße'), binary, Buffer.alloc(0)]);
    },
  );

  test.each([
    ['application/json', '{ "a": 1.0,\t"b": 12345678901234567890 }', false],
    ['application/json; charset=utf-8', '"x"', false],
    ['text/plain', 'plain', false],
    ['application/octet-stream', 'bytes', true],
    ['application/x-protobuf', '\n\u0001a', true],
    [undefined, 'no type', true],
  ])('[CP-027] an answer of type %s: one frame of identical bytes', async (type, body, isBinary) => {
    const { dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    upstream.on(
      'message',
      (_request, response) => void response.writeHead(200, type ? { 'Content-Type': type } : {}).end(body),
    );
    const client = await dial(simple);
    client.send('hello');
    expect(await next(client)).toEqual([isBinary, body]);
  });

  test('[CP §3] an empty answer sends nothing, unless it carries metadata: then one empty text frame', async () => {
    const { dial, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    const client = await dial(simple);
    client.send('quiet');
    await upstream.next('message');
    upstream.on(
      'message',
      (_request, response) => void response.writeHead(200, { 'X-WebPubSub-Metadata-K': 'v' }).end(),
    );
    client.send('not quiet');
    expect(await next(client)).toEqual([false, '']);
    expect(client.rest).toEqual([]);
  });

  test('[CP-028] nobody handles it: close 1011', async () => {
    const log = new ConnectionLog();
    const { dial } = await startHub({ observer: log });
    const [client, other] = [await dial(simple), await dial()];
    client.send('hello');
    expect(await client.closed).toEqual({ code: 1011, reason: '' });
    expect((await log.closed.take()).category).toBe('EventHandlerNotFound');
    await other.settle();
  });

  test.each([
    ['500', 500, 'text/plain'],
    ['400', 400, 'text/plain'],
    ['a redirect', 302, 'text/plain'],
    ['a type that clients cannot be sent', 200, 'text/html'],
  ])('[CP-029] the upstream answers %s: close 1011 with no text of it', async (_what, status, type) => {
    const log = new ConnectionLog();
    const { dial, upstream } = await startHub({ handler: { userEventPattern: '*' }, file: noRetries, observer: log });
    upstream.on(
      'message',
      (_request, response) => void response.writeHead(status, { 'Content-Type': type }).end('private'),
    );
    const [client, other] = [await dial(simple), await dial()];
    client.send('hello');
    expect(await client.closed).toEqual({ code: 1011, reason: '' });
    expect(client.rest).toEqual([]);
    expect((await log.closed.take()).category).toBe('SendEventFailed');
    await other.settle();
  });
});

describe('publishing', () => {
  test.each([
    ['no group', 'webpubsub_mode=sendToGroup'],
    ['an empty group', 'webpubsub_mode=sendToGroup&group='],
    ['a blank group', 'webpubsub_mode=sendToGroup&group=%20'],
    ['a group of 1025 characters', `webpubsub_mode=sendToGroup&group=${'g'.repeat(1025)}`],
    ['a bad noEcho', 'webpubsub_mode=sendToGroup&group=g&noEcho=1'],
    ['an empty noEcho', 'webpubsub_mode=sendToGroup&group=g&noEcho='],
    ['an unknown mode', 'webpubsub_mode=bogus'],
    ['an empty mode', 'webpubsub_mode='],
    ['a last group that is blank', 'webpubsub_mode=sendToGroup&group=g&group='],
  ])('[CP-030] %s: 400, for JSON clients too', async (_what, query) => {
    const { dial } = await startHub();
    expect(await statusOf(dial, { ...simple, query })).toBe(400);
    expect(await statusOf(dial, { query })).toBe(400);
  });

  test('[CP-031] without the role: connects, and the first frame is 1008', async () => {
    const { dial } = await startHub();
    const member = await dial({ token: { groups: ['g'] } });
    await member.next();
    const client = await dial(publisher({ token: { userId: 'ann', roles: ['webpubsub.sendToGroup.other'] } }));
    client.send('hello');
    expect((await client.closed).code).toBe(1008);
    await member.settle();
    expect(member.rest).toEqual([]);
  });

  test('[CP-032] text is published as text, bytes as binary, with the user of the sender', async () => {
    const { dial } = await startHub();
    const member = await dial({ token: { groups: ['g'] } });
    await member.next();
    const client = await dial(publisher());
    client.send('{"not":"parsed"}');
    client.send(Buffer.from([1, 2]));
    const common = { type: 'message', from: 'group', group: 'g', fromUserId: 'ann' };
    expect(await member.next()).toEqual({ ...common, dataType: 'text', data: '{"not":"parsed"}' });
    expect(await member.next()).toEqual({ ...common, dataType: 'binary', data: 'AQI=' });
  });

  test('[CP-032] the sender is not joined; the mode is whatever its letter case says, last of several', async () => {
    const { dial, service } = await startHub();
    const query = 'webpubsub_mode=sendEvent&group=first&webpubsub_mode=SendToGROUP&group=g';
    const member = await dial({ token: { groups: ['g', 'first'] } });
    await member.next();
    const client = await dial(publisher({ query }));
    client.send('hello');
    expect(await member.next()).toMatchObject({ group: 'g', data: 'hello' });
    expect(await service.hubs.get('chat').listGroup('g')).toHaveLength(1);
    expect(client.rest).toEqual([]);
  });

  test.each([
    ['', true],
    ['&noEcho=false', true],
    ['&noEcho=true&noEcho=False', true],
    ['&noEcho=true', false],
    ['&noEcho=TRUE', false],
    ['&noEcho=false&noEcho=true', false],
  ])('[CP-033] noEcho "%s" decides on the copy of the sender only', async (query, isEchoed) => {
    const { dial } = await startHub();
    const token = { ...sender, groups: ['g'] };
    const sameUser = await dial({ ...simple, token });
    const client = await dial(publisher({ token }, query));
    client.send('one');
    expect(await next(sameUser)).toEqual([false, 'one']);
    const other = await dial(publisher());
    other.send('two');
    expect(await next(client)).toEqual([false, isEchoed ? 'one' : 'two']);
  });

  test('the mode means nothing to a client that speaks JSON', async () => {
    const { dial } = await startHub();
    const client = await dial({ query: 'webpubsub_mode=sendToGroup&group=g' });
    expect(await client.next()).toMatchObject({ event: 'connected' });
    expect((await client.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 })).error.name).toBe('Forbidden');
  });
});

test('[CP-034] what REST sends arrives as it is: a JSON string keeps its quotes', async () => {
  const { dial, connectionString } = await startHub();
  const rest = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
  const client = await dial(simple);
  await rest.sendToAll('x', { contentType: 'text/plain' });
  await rest.sendToAll('x');
  await rest.sendToAll({ b: 2 });
  await rest.sendToAll(new Uint8Array([1, 2]).buffer);
  const frames = [await next(client), await next(client), await next(client), await next(client)];
  expect(frames).toEqual([
    [false, 'x'],
    [false, '"x"'],
    [false, '{"b":2}'],
    [true, '\u0001\u0002'],
  ]);
});

test('[CP §3] REST closes a simple client: 1000 and no frame', async () => {
  const { dial, upstream, connectionString } = await startHub({ handler: { systemEvents: ['connected'] } });
  const rest = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
  const client = await dial(simple);
  const { headers } = await upstream.next('connected');
  await rest.closeConnection(String(headers['ce-connectionid']), { reason: 'maintenance' });
  expect(await client.closed).toEqual({ code: 1000, reason: '' });
  expect(client.rest).toEqual([]);
});
