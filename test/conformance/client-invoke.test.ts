import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { reply } from '../support/answers.js';
import { reliableProtocol } from '../support/reliable-client.js';
import { startHub } from '../support/start-hub.js';
import { jsonProtocol } from '../support/test-client.js';

const handler = { userEventPattern: '*' };
const noRetries = { delivery: { retryDelaysInSeconds: [] } };

/** A service, and a client that has taken its first frame. */
async function startWithClient(options: Parameters<typeof startHub>[0] = { handler }, protocol = jsonProtocol) {
  const hub = await startHub(options);
  const client = await hub.dial({ protocols: [protocol] });
  await client.next();
  return { ...hub, client };
}

const invoke = (invocationId: string, event = 'e', more: object = { dataType: 'text', data: 'x' }) => ({
  type: 'invoke',
  invocationId,
  target: 'event',
  event,
  ...more,
});

const failed = (invocationId: string, name: string) => ({
  type: 'invokeResponse',
  invocationId,
  success: false,
  error: { name, message: expect.any(String) },
});

describe.each([jsonProtocol, reliableProtocol])('[client-protocols 4.2] invoke with %s', protocol => {
  test.each([
    ['text/plain', 'grüße', ',"dataType":"text","data":"grüße"'],
    ['application/json', '{"n":1.0}', ',"dataType":"json","data":{"n":1.0}'],
    ['application/octet-stream', '\u0001\u0002', ',"dataType":"binary","data":"AQI="'],
    ['application/x-protobuf', '\u0001\u0002', ',"dataType":"protobuf","data":"AQI="'],
    ['text/plain', '', ''],
  ])('[CP-072] answered with %s %j: the response, without a number', async (type, body, expected) => {
    const { client, upstream } = await startWithClient({ handler }, protocol);
    upstream.on('price.of', reply(200, { 'Content-Type': type }, body));
    client.send(invoke('q-9', 'price.of', { dataType: 'text', data: 'ACME' }));
    expect(await client.nextText()).toBe(`{"type":"invokeResponse","invocationId":"q-9","success":true${expected}}`);
    const { headers, body: sent } = await upstream.next('price.of');
    expect(headers).toMatchObject({ 'ce-type': 'azure.webpubsub.user.price.of' });
    expect(String(sent)).toBe('ACME');
  });

  test('[CP-072] without data: an empty body, and success for an empty answer', async () => {
    const { client, upstream } = await startWithClient({ handler }, protocol);
    client.send(invoke('1', 'e', {}));
    expect(await client.nextText()).toBe('{"type":"invokeResponse","invocationId":"1","success":true}');
    const { headers, body } = await upstream.next('e');
    expect([headers['content-type'], body.length]).toEqual(['text/plain; charset=utf-8', 0]);
  });

  test('[CP-072] that nobody handles: failed, and open', async () => {
    const { client } = await startWithClient({}, protocol);
    client.send(invoke('q-9'));
    expect(await client.next()).toEqual(failed('q-9', 'InternalServerError'));
    await client.settle();
  });

  test('[CP-072] [upstream-events D28] that failed: the client does not learn why', async () => {
    const { client, upstream } = await startWithClient({ handler, file: noRetries }, protocol);
    for (const status of [400, 500]) {
      upstream.on('e', reply(status, { 'Content-Type': 'text/plain' }, 'SECRET'));
      client.send(invoke('1'));
      const text = await client.nextText();
      expect(JSON.parse(text)).toEqual(failed('1', 'InternalServerError'));
      expect(text).not.toContain('SECRET');
    }
    await client.settle();
  });
});

describe('[client-protocols D19] several at once', () => {
  /** Events wait until they are answered by name. */
  async function startHolding() {
    const started = await startWithClient();
    const held = new Map<string, ServerResponse>();
    started.upstream.on('*', ({ event }, response) => void held.set(event, response));
    const answer = (event: string) =>
      void held.get(event)?.writeHead(200, { 'Content-Type': 'text/plain' }).end(`of ${event}`);
    return { ...started, answer };
  }

  test('[CP-072] are answered in the order in which they are done; requests behind them do not wait', async () => {
    const { client, upstream, answer } = await startHolding();
    client.send(invoke('1', 'slow'));
    client.send(invoke('2', 'fast'));
    client.send({ type: 'unsubscribeGroupState', group: 'g', ackId: 7 });
    expect(await client.next()).toMatchObject({ type: 'ack', ackId: 7 });
    await upstream.next('slow');
    await upstream.next('fast');
    answer('fast');
    expect(await client.next()).toMatchObject({ invocationId: '2', data: 'of fast' });
    answer('slow');
    expect(await client.next()).toMatchObject({ invocationId: '1', data: 'of slow' });
  });

  test('[client-protocols D19] an id that is under way is BadRequest', async () => {
    const { client, upstream, answer } = await startHolding();
    client.send(invoke('1', 'slow'));
    await upstream.next('slow');
    client.send(invoke('1', 'again'));
    expect(await client.next()).toEqual(failed('1', 'BadRequest'));
    answer('slow');
    expect(await client.next()).toMatchObject({ invocationId: '1', success: true });
  });

  test('[CP-073] one that is cancelled is not answered; its id may be used again', async () => {
    const { client, upstream, answer } = await startHolding();
    client.send(invoke('1', 'first'));
    await upstream.next('first');
    client.send({ type: 'cancelInvocation', invocationId: '1' });
    client.send(invoke('1', 'second'));
    await upstream.next('second');
    answer('first');
    answer('second');
    expect(await client.next()).toMatchObject({ invocationId: '1', data: 'of second' });
    await client.settle();
    expect(client.rest).toEqual([]);
  });

  test('[CP-073] what is not under way cannot be cancelled: no response, and open', async () => {
    const { client } = await startWithClient({});
    client.send({ type: 'cancelInvocation', invocationId: 'q-9' });
    await client.settle();
    expect(client.rest).toEqual([]);
  });
});
