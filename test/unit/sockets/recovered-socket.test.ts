import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { type OutboundLimits, SocketOutlet } from '../../../src/sockets/socket-outlet.js';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { type FakeClient, TestNode, textPayload } from '../../support/fake-ports.js';
import { FakeSocket, FakeWebSocket } from '../../support/fake-socket.js';

const kibibyte = 1024;
const roomy: OutboundLimits = { maxMessages: 3_000, maxBytes: 36 * kibibyte * kibibyte };
const lost = { category: 'Normal', reason: 'The connection was lost.' } as const;

const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];

/** So many messages of 10 KiB are missed: a MiB, which leaves in some 16 pieces. */
const missed = 100;

let node: TestNode;
let turn: EventLoopTurn;

beforeEach(() => {
  turn = new EventLoopTurn(systemClock);
  node = new TestNode(undefined, turn);
});

/** Lets what drained in this turn be written in the next. */
async function settled(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

const send = (client: FakeClient, name: string, ttlSeconds = 0) =>
  node.chat.sendToConnection(client.id, textPayload(name.padEnd(10 * kibibyte)), { ttlSeconds });

/** A client that is away and has missed `m1`, `m2` and so on. */
async function awayClient(count = missed, ttlSeconds = 0): Promise<FakeClient> {
  const client = node.open({ protocol: jsonReliable, groups: ['g'], roles });
  node.chat.lifecycle.lose(client.connection, client.outlet, lost, false);
  for (let index = 1; index <= count; index += 1) send(client, `m${index}`, ttlSeconds);
  await settled();
  return client;
}

/** A new socket of the client's, which takes one piece at a time. */
function comeBack(client: FakeClient, limits = roomy) {
  const [ws, socket] = [new FakeWebSocket(), new FakeSocket()];
  socket.isKernelFull = true;
  const outlet = new SocketOutlet({ ws: ws.asWebSocket, socket, turn, clock: node.clock, limits });
  node.chat.lifecycle.resume(client.connection, outlet);
  const slow: string[] = [];
  outlet.watch({ onSlow: () => slow.push('slow') });
  /** The socket takes pieces until no more come. */
  const readAll = async () => {
    await settled();
    for (let writes = 0; writes < socket.writes.length; ) {
      writes = socket.writes.length;
      socket.takeOnce();
      await settled();
    }
  };
  return { ws, socket, outlet, slow, readAll, heard: () => heardOf(socket.written) };
}

/** What came: ids and names of numbered messages, the kind of others. */
function heardOf(wire: Buffer): string[] {
  const heard: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const short = wire[at + 1]!;
    const [start, length] = short < 126 ? [at + 2, short] : [at + 4, wire.readUInt16BE(at + 2)];
    const { sequenceId, data, event, type } = JSON.parse(wire.toString('utf8', start, start + length));
    heard.push(sequenceId === undefined ? (event ?? type) : `${sequenceId} ${data?.trim() ?? type}`);
    at = start + length;
  }
  return heard;
}

const messages = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index} m${from + index}`);

describe('[F1] while a session is replayed to a socket that takes it slowly', () => {
  test('[CP-077] it is all there, in order, and what is sent meanwhile comes behind it', async () => {
    const client = await awayClient();
    const { socket, readAll, heard } = comeBack(client);
    await settled();
    send(client, 'm101');
    expect(heard().length).toBeLessThan(10);
    socket.takeOnce();
    await settled();
    send(client, 'm102');
    client.say({ type: 'ping' });
    await readAll();
    expect(heard()).toEqual(['connected', ...messages(1, 102), 'pong']);
  });

  test('[CP-078] acks leave out what it had heard before', async () => {
    const client = await awayClient();
    const { readAll, heard } = comeBack(client);
    await settled();
    const before = heard();
    client.say({ type: 'sequenceAck', sequenceId: 60 });
    await readAll();
    expect(heard()).toEqual([...before, ...messages(61, 100)]);
  });

  test('[RA-039] what expires meanwhile is left out', async () => {
    const client = await awayClient(missed, 10);
    const { readAll, heard } = comeBack(client);
    await settled();
    const before = heard();
    expect(before.length).toBeGreaterThan(1);
    node.clock.advance(10_000);
    send(client, 'm101');
    await readAll();
    expect(heard()).toEqual([...before, '101 m101']);
  });

  test('[CP-079] a second loss forgets it; the next socket is sent all from the first unacknowledged on', async () => {
    const client = await awayClient();
    const first = comeBack(client);
    await settled();
    const before = first.heard();
    client.say({ type: 'sequenceAck', sequenceId: 3 });
    first.outlet.abandon();
    node.chat.lifecycle.lose(client.connection, first.outlet, lost, false);
    send(client, 'm101');
    await first.readAll();
    expect(first.heard()).toEqual(before);
    const second = comeBack(client);
    await second.readAll();
    expect(second.heard()).toEqual(['connected', ...messages(4, 101)]);
  });

  test('a newer socket takes its place at once', async () => {
    const client = await awayClient();
    const [first, second] = [comeBack(client), comeBack(client)];
    await first.readAll();
    await second.readAll();
    expect([first.ws.asked, first.heard()]).toEqual([['terminate'], []]);
    expect(second.heard()).toEqual(['connected', ...messages(1, 100)]);
  });

  test('a close by the app server comes behind all of it', async () => {
    const client = await awayClient();
    const { ws, readAll, heard } = comeBack(client);
    await settled();
    await node.chat.closeConnection(client.id);
    expect(ws.asked).toEqual([]);
    await readAll();
    expect(heard()).toEqual(['connected', ...messages(1, 100), 'disconnected']);
    expect(ws.asked).toEqual(['close 1000 ']);
  });

  test('[CP-089] its buffer is as full as before: one message too many ends it, and no more of it is sent', async () => {
    const client = await awayClient(1_000);
    const { ws, socket } = comeBack(client);
    await settled();
    const before = socket.writes.length;
    send(client, 'm1001');
    await settled();
    expect(client.connection.isAlive).toBe(false);
    node.clock.advance(5_000);
    expect([socket.writes.length, ws.asked]).toEqual([before, ['terminate']]);
  });

  test('[CP-074] what waits for the socket counts against its limits, the replay included', async () => {
    const client = await awayClient();
    const { slow, socket, heard } = comeBack(client, { maxMessages: 110, maxBytes: roomy.maxBytes });
    await settled();
    for (let count = 0; count < 9; count += 1) client.say({ type: 'ping' }); // with `connected`, the replay and these: 110
    expect(slow).toEqual([]);
    const before = heard();
    client.say({ type: 'ping' });
    expect(slow).toEqual(['slow']);
    socket.drain();
    await settled();
    expect(heard()).toEqual(before);
  });

  test('[client-protocols D24] states are replayed among the others; news of them comes behind', async () => {
    const client = await awayClient(0);
    const member = node.open({ groups: ['g'], roles });
    const set = (value: string) => member.say({ type: 'setGroupState', group: 'g', state: { value } });
    const first = comeBack(client);
    client.say({ type: 'subscribeGroupState', group: 'g' });
    await first.readAll();
    expect(first.heard()).toEqual(['connected', '1 groupStateSnapshot']);
    node.chat.lifecycle.lose(client.connection, first.outlet, lost, false);
    for (let index = 2; index <= 50; index += 1) send(client, `m${index}`);
    set('while away');
    for (let index = 52; index <= 100; index += 1) send(client, `m${index}`);
    await settled();

    const { readAll, heard } = comeBack(client);
    await settled();
    set('while it is replayed');
    await readAll();
    expect(heard()).toEqual([
      'connected',
      '1 groupStateSnapshot',
      ...messages(2, 50),
      '51 groupStateUpdate',
      ...messages(52, 100),
      '101 groupStateUpdate',
    ]);
  });

  test('[client-protocols D24] the snapshot in place of states that were too many comes behind it', async () => {
    const client = await awayClient(0);
    const members = Array.from({ length: 1_001 }, () => node.open({ groups: ['g'], roles }));
    const first = comeBack(client);
    client.say({ type: 'subscribeGroupState', group: 'g' });
    await first.readAll();
    client.say({ type: 'sequenceAck', sequenceId: 1 });
    node.chat.lifecycle.lose(client.connection, first.outlet, lost, false);
    for (let index = 2; index <= 101; index += 1) send(client, `m${index}`);
    for (const member of members) member.say({ type: 'setGroupState', group: 'g', state: { value: '1' } });
    await settled();

    const { readAll, heard } = comeBack(client);
    await readAll();
    expect(heard()).toEqual(['connected', ...messages(2, 101), '1102 groupStateUpdate', '1103 groupStateSnapshot']);
  });
});

test('[F12] sessions that recover at once take turns', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => awayClient()));
  const sockets = clients.map(client => {
    const back = comeBack(client);
    back.socket.isKernelFull = false;
    return back;
  });
  const order: number[] = [];
  sockets.forEach(({ socket }, index) => {
    const write = socket._writev.bind(socket);
    socket._writev = (chunks, done) => {
      order.push(index);
      write(chunks, done);
    };
  });
  while (sockets.some(({ heard }) => heard().length < missed + 1)) await settled();
  expect(order.slice(0, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
});
