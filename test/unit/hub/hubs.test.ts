import { describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import type { ConnectReply } from '../../../src/hub/ports.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents } from '../../../src/protocols/webpubsub/simple.js';
import { RecordingOutlet, TestNode, textPayload } from '../../support/fake-ports.js';

const candidate = {
  userId: undefined,
  claims: {},
  query: {},
  headers: {},
  subprotocols: [],
  clientCertificates: [],
  roles: [],
  groups: [],
  protocol: simpleEvents,
  protocolOf: () => undefined,
};

describe('hubs', () => {
  test('[CP-012] [CP-014] [RA-022] come into being when asked for, one for all spellings', () => {
    const { hubs } = new TestNode();
    expect(hubs.get('Chat')).toBe(hubs.get('cHAT'));
    expect(hubs.get('chat').name).toBe('chat');
    expect(hubs.get('other')).not.toBe(hubs.get('chat'));
    expect([...hubs.all()].map(({ name }) => name)).toEqual(['chat', 'other']);
  });

  test.each(['', '9a', 'a-b', 'h'.repeat(129)])('[CP-013] [RA-021] %j is no hub', name => {
    const { hubs } = new TestNode();
    expect(() => hubs.get(name)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect([...hubs.all()]).toEqual([]);
  });

  test('are found only once they have come into being', () => {
    const { hubs } = new TestNode();
    expect(hubs.find('chat')).toBeUndefined();
    expect([...hubs.all()]).toEqual([]);
    const chat = hubs.get('chat');
    expect(hubs.find('cHAT')).toBe(chat);
    expect(() => hubs.find('9a')).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test('[L10] are forgotten after their last connection: names take no memory', () => {
    const node = new TestNode();
    const [one, other] = [node.open(), node.open()];
    const { chat } = node;
    node.chat.lifecycle.lose(one.connection, one.outlet, { category: 'Normal', reason: '' }, true);
    expect(node.hubs.find('chat')).toBe(chat);
    node.chat.lifecycle.lose(other.connection, other.outlet, { category: 'Normal', reason: '' }, true);
    expect([...node.hubs.all()]).toEqual([]);
    const next = node.open();
    node.chat.sendToAll(textPayload('x'));
    expect(next.heard()).toHaveLength(1);
  });

  test('[L10] are kept while a connection may be recovered, and while somebody is about to come in', async () => {
    const node = new TestNode();
    const reliable = node.open({ protocol: jsonReliable });
    const { chat } = node;
    chat.lifecycle.lose(reliable.connection, reliable.outlet, { category: 'Normal', reason: '' }, false);
    expect(node.hubs.find('chat')).toBe(chat);
    let answer = (_reply: ConnectReply) => {};
    node.upstream.connectAnswer = () => new Promise(resolve => (answer = resolve));
    const asking = chat.lifecycle.admit(candidate);
    await chat.closeAll();
    expect([node.hubs.size, node.hubs.find('chat')]).toEqual([0, chat]);
    answer({ userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined });
    const admission = await asking;
    expect(node.hubs.find('chat')).toBe(chat);
    chat.lifecycle.abandon(admission);
    expect(node.hubs.find('chat')).toBeUndefined();
  });

  test('[L10] are forgotten when their only client is refused', async () => {
    const node = new TestNode();
    node.upstream.connectAnswer = () => Promise.reject(new Error('no'));
    await expect(node.chat.lifecycle.admit(candidate)).rejects.toThrow('no');
    expect([...node.hubs.all()]).toEqual([]);
  });

  test('have one connection for each id that clients bring, from the moment its admission begins', async () => {
    const node = new TestNode();
    const own = { ...candidate, connectionId: 'sensor-1' };
    const isTaken = () =>
      expect(() => node.chat.lifecycle.admit(own)).toThrow(expect.objectContaining({ kind: 'conflict' }));
    let answer = (_reply: ConnectReply) => {};
    node.upstream.connectAnswer = () => new Promise(resolve => (answer = resolve));
    const asking = node.chat.lifecycle.admit(own);
    isTaken();
    answer({ userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined });
    const admission = await asking;
    isTaken();
    const outlet = new RecordingOutlet();
    const connection = node.chat.lifecycle.open(admission, outlet);
    isTaken();
    expect(node.upstream.sessions).toHaveLength(1);
    node.chat.lifecycle.lose(connection, outlet, { category: 'Normal', reason: '' }, true);
    node.upstream.connectAnswer = () => undefined;
    expect(node.chat.lifecycle.admit(own)).toMatchObject({ connectionId: 'sensor-1' });
  });

  test('[L10] that nobody is in are reached without being kept, on other nodes too', async () => {
    const bus = new MemoryBus();
    const [east, west] = [new TestNode(bus.connect()), new TestNode(bus.connect())];
    const client = west.open();
    const passing = east.hubs.reach('Chat');
    passing.sendToAll(textPayload('x'));
    expect(client.heard()).toHaveLength(1);
    expect(await passing.addConnectionToGroup(client.id, 'g')).toBe(true);
    west.hubs.reach('nobody').sendToAll(textPayload('x'));
    expect([[...east.hubs.all()], [...west.hubs.all()]]).toEqual([[], [west.chat]]);
    expect(() => east.hubs.reach('9a')).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(west.hubs.reach('CHAT')).toBe(west.chat);
  });

  test('count the connections of all of them', () => {
    const node = new TestNode();
    expect(node.hubs.size).toBe(0);
    const client = node.open();
    node.open();
    node.hubs.get('other');
    expect(node.hubs.size).toBe(2);
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    expect(node.hubs.size).toBe(1);
  });

  test('[RA-049] do not touch each other', async () => {
    const node = new TestNode();
    const client = node.open({ userId: 'ann', groups: ['g'] });
    const other = node.hubs.get('other');
    other.sendToAll(textPayload('x'));
    other.sendToGroup('g', textPayload('x'));
    other.sendToUser('ann', textPayload('x'));
    other.sendToConnection(client.id, textPayload('x'));
    await other.closeAll();
    await other.closeGroup('g');
    expect(client.heard()).toEqual([]);
    expect(await other.connectionExists(client.id)).toBe(false);
    expect(client.connection.isOpen).toBe(true);
  });
});
