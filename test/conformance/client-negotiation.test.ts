import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { opcodes, rawDial, rawFrame } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';
import { jsonProtocol, TestClient } from '../support/test-client.js';
import { statusOf } from '../support/tokens.js';

const lifecycle = ['connect', 'connected', 'disconnected'];
const once500 = { delivery: { retryDelaysInSeconds: [] } };

function answer(fields: unknown) {
  return (_request: unknown, response: ServerResponse) =>
    void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(fields));
}

describe('the upstream decides', () => {
  test.each([401, 403, 429, 402])('[CP-017] connect answered %i: the same status, and no other event', async status => {
    const { dial, upstream, service } = await startHub({ handler: { systemEvents: lifecycle } });
    upstream.on('connect', (_request, response) => void response.writeHead(status).end());
    expect((await dial.refused()).status).toBe(status);
    upstream.on('connect', answer(null));
    const client = await dial();
    await upstream.next('connected');
    expect(upstream.requests.filter(({ event }) => event !== 'OPTIONS').map(({ event }) => event)).toEqual([
      'connect',
      'connect',
      'connected',
    ]);
    expect(service.hubs.size).toBe(1);
    await client.close();
    await upstream.next('disconnected');
  });

  test('[CP-018] connect answered with what is not JSON, or not usable: 500 without a word of it', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: lifecycle } });
    for (const body of ['<private>', '[]', '"private"', '{"groups":[" "]}', '{"roles":[null]}', '{"userId":7}']) {
      upstream.on('connect', (_request, response) => void response.writeHead(200).end(body));
      const refusal = await dial.refused();
      expect([body, refusal.status, refusal.body]).toEqual([body, 500, '']);
    }
    expect(upstream.requests.some(({ event }) => event === 'connected' || event === 'disconnected')).toBe(false);
  });

  test('[CP §1.4] connect not answered at all: 500', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] }, file: once500 });
    upstream.on('connect', (_request, response) => void response.destroy());
    expect((await dial.refused()).status).toBe(500);
    upstream.on('connect', answer({}));
    await dial();
  });

  test('[CP-019] roles: [] takes the roles of the token away', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    upstream.on('connect', answer({ roles: [] }));
    const client = await dial({ token: { roles: ['webpubsub.joinLeaveGroup'] } });
    const ack = await client.ask({ type: 'joinGroup', group: 'g', ackId: 1 });
    expect(ack).toMatchObject({ success: false, error: { name: 'Forbidden' } });
  });

  test('[CP-019] groups: [] keeps the groups of the token; others replace them', async () => {
    const { dial, upstream, service } = await startHub({ handler: { systemEvents: ['connect'] } });
    const groups = async (reply: object) => {
      upstream.on('connect', answer(reply));
      const client = await dial({ token: { groups: ['g'] } });
      const { connectionId } = await client.next();
      const hub = service.hubs.get('chat');
      const found = [];
      for (const group of ['g', 'h']) {
        if ((await hub.listGroup(group)).some(member => member.connectionId === connectionId)) found.push(group);
      }
      return found;
    };
    expect(await groups({ groups: [] })).toEqual(['g']);
    expect(await groups({ groups: null })).toEqual(['g']);
    expect(await groups({ groups: ['h'] })).toEqual(['h']);
  });

  test.each([
    ['"": [vendor suite] an anonymous user who is greeted as it', { userId: '' }, ''],
    ['another', { userId: 'zoe' }, 'zoe'],
    ['null', { userId: null }, 'ann'],
  ])('[CP-019] userId: %s', async (_what, reply, expected) => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    upstream.on('connect', answer(reply));
    const client = await dial({ token: { userId: 'ann' } });
    expect((await client.next()).userId).toBe(expected);
  });
});

describe('subprotocols', () => {
  const offering = (...values: string[]) => ({ lines: values.map(value => `Sec-WebSocket-Protocol: ${value}`) });
  const selected = (headers: readonly string[]) =>
    headers.filter(line => /^sec-websocket-protocol:/i.test(line)).map(line => line.split(': ')[1]);

  test('[CP-020] only an unknown one and no handler: 101 without Sec-WebSocket-Protocol, and a simple client', async () => {
    const { service, upstream } = await startHub({ handler: { userEventPattern: '*' } });
    const client = await rawDial(service, offering('custom.x'));
    expect(await client.status).toBe(101);
    expect(selected(client.headers)).toEqual([]);
    client.sendText('hello');
    const event = await upstream.next('message');
    expect(event.headers['ce-subprotocol']).toBeUndefined();
  });

  test('[CP-021] the handler selects an unknown one: echoed, and framing is raw', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'], userEventPattern: '*' } });
    upstream.on('connect', answer({ subprotocol: 'custom.x' }));
    upstream.on(
      'message',
      (_request, response) => void response.writeHead(200, { 'Content-Type': 'text/plain' }).end('yes'),
    );
    const client = await dial({ protocols: [jsonProtocol, 'custom.x'] });
    expect(client.ws.protocol).toBe('custom.x');
    client.send('{"type":"ping"}');
    expect(await client.nextText()).toBe('yes');
    await upstream.next('connect');
    const event = await upstream.next('message');
    expect([event.body.toString(), event.headers['ce-subprotocol']]).toEqual(['{"type":"ping"}', 'custom.x']);
  });

  test('[CP-022] the first supported one in the order of the client', async () => {
    const { dial } = await startHub();
    const client = await dial({ protocols: ['foo', jsonProtocol] });
    expect(client.ws.protocol).toBe(jsonProtocol);
    expect(await client.next()).toMatchObject({ type: 'system', event: 'connected' });
  });

  test('[CP-023] letter case does not count, and is echoed as it came', async () => {
    const { dial } = await startHub();
    const client = await dial({ protocols: ['JSON.WebPubSub.Azure.V1'] });
    expect(client.ws.protocol).toBe('JSON.WebPubSub.Azure.V1');
    expect(await client.next()).toMatchObject({ type: 'system', event: 'connected' });
  });

  test('[CP §1.2] the handler may select a supported one behind an unknown one; one not offered is 500', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    upstream.on('connect', answer({ subprotocol: jsonProtocol }));
    const client = await dial({ protocols: ['foo', jsonProtocol] });
    expect(client.ws.protocol).toBe(jsonProtocol);
    upstream.on('connect', answer({ subprotocol: 'bar' }));
    expect(await statusOf(dial, { protocols: ['foo', jsonProtocol] })).toBe(500);
  });

  test('offers on several header lines are one list', async () => {
    const { service, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    const client = await rawDial(service, offering('foo', `bar , ${jsonProtocol}`));
    expect([await client.status, selected(client.headers)]).toEqual([101, [jsonProtocol]]);
    const { subprotocols } = JSON.parse((await upstream.next('connect')).body.toString());
    expect(subprotocols).toEqual(['foo', 'bar', jsonProtocol]);
  });

  test.each([
    ['a repeated one', ['foo, foo']],
    ['a repeated one on two lines', ['foo', 'foo']],
    ['a name with blanks', ['foo bar']],
    ['a name that is not a token', ['foo@bar']],
  ])('a malformed offer (%s): 400 before the upstream gets a `connect`', async (_what, values) => {
    const { service, dial, upstream } = await startHub({ handler: { systemEvents: lifecycle } });
    const client = await rawDial(service, offering(...values));
    expect(await client.status).toBe(400);
    await client.ended;
    await dial();
    await upstream.next('connected');
    expect(upstream.requests.map(({ event }) => event).filter(event => event === 'connect')).toHaveLength(1);
  });
});

describe('while connect is pending', () => {
  /** A service whose upstream answers `connect` only when told to. */
  async function startWaiting() {
    const log = new ConnectionLog();
    const hub = await startHub({ handler: { systemEvents: lifecycle, userEventPattern: '*' }, observer: log });
    let accept = () => {};
    const asked = new Promise<void>(resolve => {
      hub.upstream.on('connect', (_request, response) => {
        accept = () => void response.writeHead(204).end();
        resolve();
      });
    });
    return { ...hub, log, asked, accept: () => accept() };
  }

  test.each(['terminate', 'end'] as const)(
    '[UE-D39] a client that leaves (%s): its upstream gets disconnected only',
    async how => {
      const { service, dial, upstream, log, asked, accept } = await startWaiting();
      const client = await rawDial(service);
      await asked;
      if (how === 'terminate') client.socket.resetAndDestroy();
      else client.socket.end();
      await (how === 'terminate' ? once(client.socket, 'close') : once(client.socket, 'finish'));
      accept();
      const connect = await upstream.next('connect');
      const event = await upstream.next();
      expect([event.event, event.headers['ce-connectionid']]).toEqual([
        'disconnected',
        connect.headers['ce-connectionid'],
      ]);
      expect(service.hubs.size).toBe(0);
      upstream.on('connect', answer({}));
      await dial();
      await upstream.next('connected');
      expect(upstream.requests.filter(({ event: name }) => name === 'connected')).toHaveLength(1);
      expect(log.closed.rest).toEqual([]);
      expect(log.faults).toEqual([]);
    },
  );

  test('frames that come with the handshake, or before its answer, wait for it and keep their order', async () => {
    const { service, upstream, asked, accept } = await startWaiting();
    const client = await rawDial(service, { early: rawFrame(opcodes.text, 'one') });
    await asked;
    client.sendText('two');
    client.sendText('x'.repeat(100_000));
    accept();
    expect(await client.status).toBe(101);
    client.sendText('four');
    const bodies = [];
    for (let count = 0; count < 4; count += 1) bodies.push((await upstream.next('message')).body.toString());
    expect(bodies.map(body => body.slice(0, 4))).toEqual(['one', 'two', 'xxxx', 'four']);
  });
});

describe('recovery on a service that has nothing to recover', () => {
  test.each([
    ['both parameters', 'awps_connection_id=abc&awps_reconnection_token=def'],
    ['no reconnection token', 'awps_connection_id=abc'],
  ])('[CP §5.3] %s: 101, then 1008; without a check of the token or a `connect`', async (_what, query) => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: lifecycle } });
    for (const protocols of [[jsonProtocol], ['json.reliable.webpubsub.azure.v1'], []]) {
      const client = await dial({ query, protocols, token: null });
      expect((await client.closed).code).toBe(1008);
      expect(client.rest).toEqual([]);
    }
    expect(upstream.requests.every(({ method }) => method === 'OPTIONS')).toBe(true);
    await dial();
  });

  test('[CP-091] a reconnection token without a connection id, or with an empty one: an ordinary connection', async () => {
    const { dial } = await startHub();
    for (const query of ['awps_reconnection_token=def', 'awps_connection_id=&awps_reconnection_token=def']) {
      const client = await dial({ query });
      expect(await client.next()).toMatchObject({ event: 'connected' });
    }
  });

  test('a hundred that never answer the Close frame do not stand in the way of others', async () => {
    const { service, dial } = await startHub({ file: { limits: { maxConnections: 2 } } });
    for (let count = 0; count < 100; count += 1) {
      const client = await rawDial(service, { query: 'awps_connection_id=abc' });
      expect([await client.status, await client.closeCode()]).toEqual([101, 1008]);
    }
    expect(await dial()).toBeInstanceOf(TestClient);
  });
});
