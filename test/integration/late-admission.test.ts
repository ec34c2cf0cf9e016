import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/clock.js';
import type { ConnectReply } from '../../src/hub/ports.js';
import { Readiness } from '../../src/readiness.js';
import { Gateway } from '../../src/sockets/gateway.js';
import { EventLoopTurn } from '../../src/sockets/turn.js';
import { TestNode } from '../support/fake-ports.js';
import { GreetingEntrance } from '../support/greeting-entrance.js';
import { TestClient } from '../support/test-client.js';

const endpoints = { basePaths: [] };
const subprotocol = 'greeting';
const unlimited = Number.POSITIVE_INFINITY;
const silent: ConnectReply = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };

let node: TestNode;
let readiness: Readiness;
let gateway: Gateway;
let port: number;

beforeEach(async () => {
  const turn = new EventLoopTurn(systemClock);
  node = new TestNode(undefined, turn);
  readiness = new Readiness();
  readiness.open();
  gateway = new Gateway({
    entrances: [door => new GreetingEntrance(door)],
    hubs: node.hubs,
    endpoints,
    settings: {
      keepAliveIntervalMs: () => 20_000,
      isFinalClose: () => false,
      maxConnections: () => unlimited,
      connectionsPerHub: () => unlimited,
      connectsPerSecond: () => unlimited,
      outboundLimits: () => ({ maxMessages: 1_000, maxBytes: 1024 * 1024 }),
    },
    trustProxy: false,
    guard: { claim: () => true, recognize: () => {} },
    readiness,
    clock: node.clock,
    turn,
    observer: node.observer,
    tracesUpgrades: true,
  });
  const server = createServer();
  gateway.serve(server, {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    gateway.stop();
    server.close();
  });
});

/** A client with a WebSocket that is not admitted. */
async function dial(path = '/greet/chat'): Promise<TestClient> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, subprotocol);
  const client = new TestClient(ws);
  onTestFinished(() => ws.terminate());
  await once(ws, 'open');
  return client;
}

/** Holds the `connect` event of clients until the test answers it. */
function holdConnects(): () => void {
  let answer = () => {};
  const answered = new Promise<ConnectReply>(resolve => {
    answer = () => resolve(silent);
  });
  node.upstream.connectAnswer = () => answered;
  return answer;
}

/** What the client has sent so far has been read. */
async function received(client: TestClient): Promise<void> {
  client.ws.ping();
  await once(client.ws, 'pong');
}

const reports = (name: 'upgraded' | 'connectionRefused') => node.observer.of(name);

describe('a client that is admitted after the 101', () => {
  test('is admitted by its first message, under the connection id that it brings', async () => {
    const client = await dial();
    expect(client.ws.protocol).toBe(subprotocol);
    expect([node.hubs.size, reports('upgraded')]).toEqual([0, []]);
    client.send('hello sensor-1 sesame');
    expect(await client.next()).toMatchObject({ event: 'connected', connectionId: 'sensor-1' });
    expect(await node.chat.connectionExists('sensor-1')).toBe(true);
    expect(node.upstream.sessions[0]).toMatchObject({ hub: 'chat', connectionId: 'sensor-1' });
    expect(reports('upgraded')).toMatchObject([{ hub: 'chat', connectionId: 'sensor-1', status: 101 }]);
    expect(await client.ask({ type: 'joinGroup', group: 'g', ackId: 1 })).toMatchObject({ ackId: 1, success: true });
    await client.close();
    await gateway.whenEmpty();
    expect(node.hubs.size).toBe(0);
  });

  test('may have sent more while it was being admitted', async () => {
    const answer = holdConnects();
    const client = await dial();
    client.send('hello sensor-1 sesame');
    client.send({ type: 'joinGroup', group: 'g', ackId: 1 });
    client.send({ type: 'joinGroup', group: 'h', ackId: 2 });
    await received(client);
    answer();
    expect(await client.next()).toMatchObject({ event: 'connected' });
    expect(await client.next()).toMatchObject({ ackId: 1, success: true });
    expect(await client.next()).toMatchObject({ ackId: 2, success: true });
  });

  test.each([
    ['hello', 4000, 'expected: hello {connection id} {password}'],
    ['hello sensor-1 wrong', 4001, 'the password is wrong'],
  ])('is refused with a close code of its protocol: %s', async (first, code, reason) => {
    const client = await dial();
    client.send(first);
    expect((await client.closed).code).toBe(code);
    await gateway.whenEmpty();
    expect(reports('connectionRefused')).toMatchObject([{ hub: 'chat', status: code, reason, path: '/greet/chat' }]);
    expect([...node.hubs.all(), ...reports('upgraded')]).toEqual([]);
  });

  test('is refused when its connection id is taken', async () => {
    const [first, second] = [await dial(), await dial()];
    first.send('hello sensor-1 sesame');
    await first.next();
    second.send('hello sensor-1 sesame');
    expect((await second.closed).code).toBe(4009);
    expect(node.hubs.size).toBe(1);
  });

  test('leaves nothing behind when it leaves before its first message', async () => {
    const client = await dial();
    await client.close();
    await gateway.whenEmpty();
    expect([node.hubs.size, ...reports('connectionRefused'), ...reports('upgraded')]).toEqual([0]);
  });

  test('is abandoned when it leaves while it is being admitted', async () => {
    const answer = holdConnects();
    const client = await dial();
    client.send('hello sensor-1 sesame');
    await received(client);
    await client.close();
    answer();
    await gateway.whenEmpty();
    expect(node.upstream.sessions[0]?.history).toEqual(['connect', 'accept', 'disconnected']);
    expect([...node.hubs.all()]).toEqual([]);
  });
});

describe('[design 5] a shutdown', () => {
  test('refuses clients that have a WebSocket and are not admitted', async () => {
    const [quiet, late] = [await dial(), await dial()];
    readiness.drain();
    late.send('hello sensor-1 sesame');
    expect((await late.closed).code).toBe(4200);
    gateway.evictNewcomers();
    expect((await quiet.closed).code).toBe(4200);
    await gateway.whenEmpty();
    expect(reports('connectionRefused').map(({ status }) => status)).toEqual([4200, 4200]);
  });
});

test('a path that no entrance serves is not found, and the answer names those that are served', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/elsewhere`);
  const [, response] = await once(ws, 'unexpected-response');
  expect(response.statusCode).toBe(404);
  expect(String(await response.toArray())).toBe('clients connect at /greet/{hub}');
});
