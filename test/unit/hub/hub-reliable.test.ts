import { beforeEach, describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import type { Connection } from '../../../src/hub/connection.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { type FakeClient, type OpenOptions, RecordingOutlet, TestNode, textPayload } from '../../support/fake-ports.js';

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

const lost = { category: 'Normal', reason: 'The connection was lost.' } as const;

const open = (options: OpenOptions = {}) => node.open({ protocol: jsonReliable, ...options });

const lose = (client: FakeClient) => node.chat.lifecycle.lose(client.connection, client.outlet, lost, false);

/** The client comes back with its token, if it may. */
function recover({ id }: FakeClient): RecordingOutlet | undefined {
  const connection = node.chat.lifecycle.recover(id, `chat/${id}`) as Connection | undefined; // it is on this node
  const outlet = new RecordingOutlet();
  if (connection !== undefined) node.chat.lifecycle.resume(connection, outlet);
  return connection && outlet;
}

/** What it heard, as objects. */
const heard = (outlet: RecordingOutlet | undefined) => outlet?.take().map(text => JSON.parse(text));

const send = (client: FakeClient, ...texts: string[]) => {
  for (const text of texts) node.chat.sendToConnection(client.id, textPayload(text));
};

const ends = (client: FakeClient) => client.session.history.filter(call => call === 'disconnected').length;

describe('[client-protocols 5.2] a lost socket', () => {
  test('[CP-086] [CP-087] leaves a session for 30 s, and then ends it once', async () => {
    const client = open({ userId: 'ann', groups: ['g'] });
    lose(client);
    node.clock.advance(29_999);
    expect([node.chat.size, ends(client)]).toEqual([1, 0]);
    node.clock.advance(1);
    expect([node.chat.size, ends(client)]).toEqual([0, 1]);
    const reason = 'The connection recovery timeout expired.';
    expect(client.session.calls.at(-1)).toEqual({ call: 'disconnected', reason });
    expect(node.observer.of('closed')).toMatchObject([{ category: 'Normal', reason }]);
    expect(recover(client)).toBeUndefined();
    expect(await Promise.all([node.chat.userExists('ann'), node.chat.groupExists('g')])).toEqual([false, false]);
    expect(node.clock.pending).toBe(0);
  });

  test('[client-protocols D4] the window is the one that is configured when the socket is lost', () => {
    const [first, second] = [open(), open()];
    lose(first);
    node.recoveryWindowMs = 60_000;
    lose(second);
    node.clock.advance(30_000);
    expect([ends(first), ends(second)]).toEqual([1, 0]);
    node.clock.advance(30_000);
    expect(ends(second)).toBe(1);
  });

  test('each loss has a window of its own', () => {
    const client = open();
    for (let round = 0; round < 3; round += 1) {
      lose(client);
      node.clock.advance(29_999);
      const outlet = recover(client);
      if (outlet === undefined) throw new Error('not recovered');
      Object.assign(client, { outlet });
    }
    node.clock.advance(100_000);
    expect([ends(client), node.clock.pending]).toEqual([0, 0]);
  });

  test('[CP-085] ends a session at once when the client’s close was final', () => {
    const client = open();
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: 'bye' }, true);
    expect(client.session.calls.at(-1)).toEqual({ call: 'disconnected', reason: 'bye' });
    expect([node.chat.size, recover(client), node.clock.pending]).toEqual([0, undefined, 0]);
  });

  test('ends a plain connection at once, whatever the close was', () => {
    const client = node.open();
    lose(client);
    expect([node.chat.size, ends(client), node.clock.pending]).toEqual([0, 1, 0]);
  });

  test('ends with the category of the loss when nobody came back', () => {
    const client = open();
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'PingTimeout', reason: 'x' }, false);
    node.clock.advance(30_000);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'PingTimeout' }]);
  });
});

describe('[client-protocols 5.2] a suspended session', () => {
  test('[CP-079] exists for REST, stays in its groups, and gets what was sent to it when it is back', async () => {
    const client = open({ userId: 'ann', groups: ['g'] });
    lose(client);
    const exists = [node.chat.connectionExists(client.id), node.chat.userExists('ann'), node.chat.groupExists('g')];
    expect(await Promise.all(exists)).toEqual([true, true, true]);
    expect(await node.chat.listGroup('g')).toEqual([{ connectionId: client.id, userId: 'ann' }]);
    node.chat.sendToAll(textPayload('all'));
    node.chat.sendToGroup('g', textPayload('group'));
    node.chat.sendToUser('ann', textPayload('user'));
    send(client, 'connection');
    const [, ...messages] = heard(recover(client)) ?? [];
    expect(messages.map(({ sequenceId, data }) => [sequenceId, data])).toEqual([
      [1, 'all'],
      [2, 'group'],
      [3, 'user'],
      [4, 'connection'],
    ]);
  });

  test('can be put into groups and taken out of them', async () => {
    const client = open({ groups: ['old'] });
    lose(client);
    expect(await node.chat.addConnectionToGroup(client.id, 'new')).toBe(true);
    await node.chat.removeConnectionFromGroup(client.id, 'old');
    for (const group of ['old', 'new']) node.chat.sendToGroup(group, textPayload(group));
    const [, ...messages] = heard(recover(client)) ?? [];
    expect(messages).toMatchObject([{ group: 'new', sequenceId: 1 }]);
  });

  test('gets the reply to an event that it raised before; the ack is lost, and the retry is a duplicate', async () => {
    const client = open();
    const ask = { type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 7 };
    client.say(ask);
    lose(client);
    await client.session.answer(textPayload('reply'));
    const outlet = recover(client);
    expect(heard(outlet)).toMatchObject([{ event: 'connected' }, { data: 'reply', sequenceId: 1 }]);
    client.say(ask);
    expect(heard(outlet)).toMatchObject([{ type: 'ack', ackId: 7, success: false, error: { name: 'Duplicate' } }]);
    expect(client.session.waiting).toBe(0);
  });

  test('[RA-050] closed by the app server, cannot be recovered; nothing is written and the wait is over', async () => {
    const client = open();
    lose(client);
    await node.chat.closeConnection(client.id, 'why');
    expect([client.heard(), client.outlet.closed, node.clock.pending]).toEqual([[], undefined, 0]);
    expect([recover(client), ends(client), node.chat.size]).toEqual([undefined, 1, 0]);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'ClosedByAppServer' }]);
  });

  test('[CP-089] ends when more waits than its buffer holds', () => {
    const client = open();
    lose(client);
    for (let count = 0; count < 1_000; count += 1) send(client, 'x');
    expect(node.chat.size).toBe(1);
    send(client, 'x');
    expect([node.chat.size, ends(client), node.clock.pending]).toEqual([0, 1, 0]);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'SlowClient' }]);
    expect(recover(client)).toBeUndefined();
  });

  test('[design 5] is evicted like any other when the service stops', () => {
    const [suspended, present] = [open(), open()];
    lose(suspended);
    expect(node.chat.lifecycle.evict(10)).toBe(0);
    expect([ends(suspended), ends(present), node.clock.pending]).toEqual([1, 1, 0]);
    expect(present.outlet.closed).toEqual({ code: 1001, reason: '' });
    expect(recover(present)).toBeUndefined();
  });

  test('[RA-039] a message outlives its TTL only without one; the gap in the ids stays', () => {
    const client = open();
    lose(client);
    const to = (text: string, ttlSeconds?: number) =>
      node.chat.sendToConnection(client.id, textPayload(text), ttlSeconds === undefined ? {} : { ttlSeconds });
    to('none');
    to('one', 1);
    to('zero', 0);
    to('three', 3);
    node.clock.stepWall(-3_600_000); // [F7] a TTL is a duration
    node.clock.advance(2_000);
    const [, ...messages] = heard(recover(client)) ?? [];
    expect(messages.map(({ sequenceId, data }) => [sequenceId, data])).toEqual([
      [1, 'none'],
      [3, 'zero'],
      [4, 'three'],
    ]);
  });

  test('[RA-039] a publisher’s ttlSeconds counts as well', () => {
    const receiver = open({ groups: ['g'] });
    const publisher = node.open({ roles: ['webpubsub.sendToGroup'] });
    lose(receiver);
    for (const ttlSeconds of [1, 60]) {
      publisher.say({ type: 'sendToGroup', group: 'g', data: ttlSeconds, ttlSeconds });
    }
    node.clock.advance(2_000);
    const [, ...messages] = heard(recover(receiver)) ?? [];
    expect(messages).toMatchObject([{ data: 60, sequenceId: 2 }]);
  });
});

describe('[client-protocols 5.3] recovery', () => {
  test('[CP-075] `connected` carries a token', () => {
    const outlet = new RecordingOutlet();
    const upstream = node.upstream.open('chat', 'c');
    const subprotocol = jsonReliable.subprotocol;
    const admitted = {
      connectionId: 'c',
      userId: 'ann',
      roles: [],
      groups: [],
      subprotocol,
      protocol: jsonReliable,
      upstream,
    };
    node.chat.lifecycle.open(admitted, outlet);
    expect(outlet.take()).toEqual([
      '{"type":"system","event":"connected","userId":"ann","connectionId":"c","reconnectionToken":"chat/c"}',
    ]);
  });

  test('[CP-077] [CP-080] `connected` with a token, what is unacknowledged with its ids, then what is new', () => {
    const client = open({ userId: 'ann' });
    send(client, 'a', 'b', 'c');
    client.say({ type: 'sequenceAck', sequenceId: 1 });
    lose(client);
    send(client, 'd');
    const outlet = recover(client);
    send(client, 'e');
    const [connected, ...messages] = heard(outlet) ?? [];
    expect(connected).toEqual({
      type: 'system',
      event: 'connected',
      userId: 'ann',
      connectionId: client.id,
      reconnectionToken: `chat/${client.id}`,
    });
    expect(messages.map(({ sequenceId, data }) => [sequenceId, data])).toEqual([
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
      [5, 'e'],
    ]);
  });

  test('[CP-080] the upstream and the observer see one connection that never left', () => {
    const client = open();
    const before = [...client.session.history];
    lose(client);
    recover(client);
    expect(client.session.history).toEqual(before);
    expect(node.observer.facts.map(({ what }) => what)).toEqual(['identified', 'opened']);
    node.clock.advance(100_000);
    expect(node.chat.size).toBe(1);
  });

  test('[CP-084] the newest socket wins: the old one is dropped, and its end means nothing', () => {
    const client = open();
    const outlet = recover(client);
    expect(client.outlet.isDropped).toBe(true);
    expect(client.outlet.closed).toBeUndefined();
    node.chat.lifecycle.lose(client.connection, client.outlet, lost, true);
    send(client, 'x');
    expect(heard(outlet)).toMatchObject([{ event: 'connected' }, { data: 'x' }]);
    expect([client.heard(), node.clock.pending]).toEqual([[], 0]);
  });

  test.each([
    ['another connection’s token', (id: string) => [id, 'chat/other']],
    ['a token of another hub', (id: string) => [id, `other/${id}`]],
    ['no token', (id: string) => [id, '']],
    ['an unknown connection', () => ['unknown', 'chat/unknown']],
  ])('[CP-082] [CP-083] %s recovers nothing and harms nothing', (_what, attempt) => {
    const client = open();
    lose(client);
    const [id = '', token = ''] = attempt(client.id);
    expect(node.chat.lifecycle.recover(id, token)).toBeUndefined();
    expect(heard(recover(client))).toMatchObject([{ event: 'connected' }]);
  });

  test('[CP-082] not in another hub, not of a plain protocol', () => {
    const [reliable, plain] = [open(), node.open()];
    expect(node.hubs.get('other').lifecycle.recover(reliable.id, `other/${reliable.id}`)).toBeUndefined();
    expect(recover(plain)).toBeUndefined();
  });

  test('[CP-088] [RA-079] groups, roles, grants and known ackIds are what they were', async () => {
    const client = open({ userId: 'ann', groups: ['token'], roles: ['webpubsub.joinLeaveGroup'] });
    client.say({ type: 'joinGroup', group: 'asked', ackId: 1 });
    await node.chat.grantPermission(client.id, 'sendToGroup', 'granted');
    lose(client);
    const outlet = recover(client);
    for (const group of ['token', 'asked']) node.chat.sendToGroup(group, textPayload(group));
    client.say({ type: 'joinGroup', group: 'other', ackId: 1 });
    client.say({ type: 'sendToGroup', group: 'granted', data: 1, ackId: 2 });
    client.say({ type: 'joinGroup', group: 'more', ackId: 3 });
    expect(heard(outlet)).toMatchObject([
      { event: 'connected', userId: 'ann' },
      { group: 'token' },
      { group: 'asked' },
      { ackId: 1, success: false, error: { name: 'Duplicate' } },
      { ackId: 2, success: true },
      { ackId: 3, success: true },
    ]);
    expect(await node.chat.checkPermission(client.id, 'sendToGroup', 'granted')).toBe(true);
  });

  test('[CP-089] with a socket, too many unacknowledged messages are a goodbye and 1008', () => {
    const client = open();
    for (let count = 0; count < 1_001; count += 1) send(client, 'x');
    const [last] = client.heard().slice(1_000);
    expect(JSON.parse(last ?? '')).toMatchObject({ event: 'disconnected' });
    expect(client.outlet.closed).toEqual({ code: 1008, reason: '' });
    expect([node.chat.size, recover(client), ends(client)]).toEqual([0, undefined, 1]);
  });

  test('a failed connection is gone, whatever came before', () => {
    const client = open();
    node.chat.lifecycle.fail(client.connection, new PubSubError('malformed', 'x'));
    lose(client);
    expect([node.chat.size, recover(client), node.clock.pending]).toEqual([0, undefined, 0]);
  });
});
