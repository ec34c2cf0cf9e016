import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { opcodes, rawJsonClient } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';

const join = 'webpubsub.joinLeaveGroup';
const publish = 'webpubsub.sendToGroup';
const anonymous = { anonymousConnectPolicy: 'allow' };

/** Which of these groups the client may publish to, or join. */
async function allowed(client: TestClient, type: 'sendToGroup' | 'joinGroup', groups: readonly string[]) {
  const found = [];
  for (const [at, group] of groups.entries()) {
    const ack = await client.ask({ type, group, data: 1, ackId: 1000 + at });
    if (ack.success) found.push(group);
    else expect(ack.error.name).toBe('Forbidden');
  }
  return found;
}

describe('the first frame', () => {
  test('[CP-035] is connected, with a connection id and no reconnection token', async () => {
    const { dial } = await startHub();
    const client = await dial({ token: { userId: 'ann' } });
    const first = await client.next();
    expect(first).toEqual({
      type: 'system',
      event: 'connected',
      userId: 'ann',
      connectionId: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
    });
  });

  test('[CP-035] is connected also when messages to its group, user and hub are on their way', async () => {
    const { dial, service } = await startHub();
    const hub = service.hubs.get('chat');
    const sendAll = () => {
      const payload = { dataType: 'text' as const, bytes: Buffer.from('x'), metadata: undefined };
      hub.sendToAll(payload);
      hub.sendToGroup('g', payload);
      hub.sendToUser('ann', payload);
    };
    const sending = setInterval(sendAll, 0);
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => dial({ token: { userId: 'ann', groups: ['g'] } })),
    ).finally(() => clearInterval(sending));
    for (const client of clients) expect(await client.next()).toMatchObject({ event: 'connected' });
  });

  test('[CP-036] of an anonymous client has userId null', async () => {
    const { dial } = await startHub({ chat: anonymous });
    expect((await (await dial({ token: null })).next()).userId).toBeNull();
    expect((await (await dial({ token: {} })).next()).userId).toBeNull();
  });
});

describe('permissions', () => {
  test('[CP-037] join with the role and ackId 0: acked with 0', async () => {
    const { dial } = await startHub();
    const client = await dial({ token: { roles: [join] } });
    expect(await client.ask({ type: 'joinGroup', group: 'g', ackId: 0 })).toEqual({
      type: 'ack',
      ackId: 0,
      success: true,
    });
  });

  test.each(['joinGroup', 'leaveGroup', 'sendToGroup'])(
    '[CP-038] %s without the role: Forbidden, and open',
    async type => {
      const { dial } = await startHub();
      const client = await dial();
      const ack = await client.ask({ type, group: 'g', data: 1, ackId: 1 });
      expect(ack).toEqual({
        type: 'ack',
        ackId: 1,
        success: false,
        error: { name: 'Forbidden', message: expect.any(String) },
      });
      await client.settle();
    },
  );

  test.each(['joinGroup', 'leaveGroup', 'sendToGroup'])(
    '[CP-039] %s without role and ackId: no frame, and open',
    async type => {
      const { dial } = await startHub();
      const client = await dial();
      await client.next();
      client.send({ type, group: 'g', data: 1 });
      await client.settle();
      expect(client.rest).toEqual([]);
    },
  );

  test.each([
    ['[CP-040]', [`${join}.a.b`], 'joinGroup', ['a.b', 'a', 'a.c', 'a.b.c', 'A.B'], ['a.b']],
    [
      '[CP-041]',
      [`${publish}s.chat-*`],
      'sendToGroup',
      ['chat-1', 'chat-', 'chat.1', 'chat-1.2', 'xchat-1'],
      ['chat-1', 'chat-'],
    ],
    ['[CP-042]', [`${publish}s.t.**`], 'sendToGroup', ['t.a.b', 't.a', 't', 'ta'], ['t.a.b', 't.a']],
    ['[CP-044]', [`${publish}.*`], 'sendToGroup', ['*', 'a', 'ab'], ['*']],
    ['[CP §2.2] ?', [`${join}s.a?c`], 'joinGroup', ['abc', 'ac', 'a.c', 'abbc'], ['abc']],
    ['[CP §2.2] escapes', [`${join}s.a\\*\\?\\\\*`], 'joinGroup', ['a*?\\x', 'abx'], ['a*?\\x']],
    ['[CP §2.2] all', [join], 'joinGroup', ['a', 'a.b', ' b '], ['a', 'a.b', ' b ']],
    ['[CP §2.2] pattern of all', [`${join}s.**`], 'joinGroup', ['a', 'a.b'], ['a', 'a.b']],
    ['[CP §2.2] letter case', ['WebPubSub.JoinLeaveGroup', `${join}.a`], 'joinGroup', ['a', 'A'], ['a']],
    ['[CP §2.2] the other permission', [publish], 'joinGroup', ['a'], []],
  ] as const)('%s roles %j: %s', async (_id, roles, type, groups, expected) => {
    const { dial } = await startHub();
    const client = await dial({ token: { roles } });
    expect(await allowed(client, type, groups)).toEqual(expected);
  });

  test('[CP-043] a pattern of six stars is ignored, the connection and its other roles are not', async () => {
    const log = new ConnectionLog();
    const { dial } = await startHub({ observer: log });
    const bad = [
      `${publish}s.******`,
      `${publish}s.*a*b*c*d*e*`,
      `${publish}s.a\\`,
      `${publish}.${'g'.repeat(1025)}`,
      'anything.else',
    ];
    const client = await dial({ token: { roles: [...bad, `${publish}s.a*****`] } });
    expect(await allowed(client, 'sendToGroup', ['b', 'xaxbxcxdxex', 'ab'])).toEqual(['ab']);
    const ignored = [];
    for (const _ of bad) ignored.push((await log.ignoredRoles.take()).role);
    expect([ignored, log.ignoredRoles.rest]).toEqual([bad, []]);
  });

  test('[CP-045] a group of the token needs no role, and hears at once', async () => {
    const { dial } = await startHub();
    const member = await dial({ token: { groups: ['g'] } });
    const sender = await dial({ token: { roles: [publish] } });
    await sender.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    await member.next();
    expect(await member.next()).toMatchObject({ group: 'g', data: 1 });
  });

  test('[CP-046] publishing needs no membership, and no member', async () => {
    const { dial } = await startHub();
    const sender = await dial({ token: { roles: [publish] } });
    await sender.next();
    expect((await sender.ask({ type: 'sendToGroup', group: 'empty', data: 1, ackId: 1 })).success).toBe(true);
    expect(sender.rest).toEqual([]);
  });

  test('[CP §4.2] join and leave can be repeated; after leaving, nothing is heard', async () => {
    const { dial } = await startHub();
    const client = await dial({ token: { roles: [join, publish] } });
    await client.next();
    const types = ['leaveGroup', 'joinGroup', 'joinGroup', 'sendToGroup', 'leaveGroup', 'leaveGroup', 'sendToGroup'];
    for (const [ackId, type] of types.entries()) {
      expect(await client.ask({ type, group: 'g', data: ackId, ackId })).toMatchObject({ ackId, success: true });
    }
    expect(await client.next()).toMatchObject({ data: 3 });
    expect(client.rest).toEqual([]);
  });
});

describe('delivery', () => {
  test('[CP-047] a member hears its own message before its ack', async () => {
    const { dial } = await startHub();
    const client = await dial({ token: { userId: 'ann', roles: [publish], groups: ['g'] } });
    await client.next();
    for (let ackId = 0; ackId < 20; ackId += 1) client.send({ type: 'sendToGroup', group: 'g', data: ackId, ackId });
    for (let ackId = 0; ackId < 20; ackId += 1) {
      expect(await client.next()).toMatchObject({ type: 'message', fromUserId: 'ann', data: ackId });
      expect(await client.next()).toEqual({ type: 'ack', ackId, success: true });
    }
  });

  test('[CP-048] noEcho spares the publishing connection only', async () => {
    const { dial } = await startHub();
    const token = { userId: 'ann', roles: [publish], groups: ['g'] };
    const [client, sameUser] = [await dial({ token }), await dial({ token })];
    await client.next();
    await sameUser.next();
    client.send({ type: 'sendToGroup', group: 'g', noEcho: true, data: 1, ackId: 1 });
    expect(await client.next()).toEqual({ type: 'ack', ackId: 1, success: true });
    expect(await sameUser.next()).toMatchObject({ fromUserId: 'ann', data: 1 });
    client.send({ type: 'sendToGroup', group: 'g', noEcho: false, data: 2 });
    expect(await client.next()).toMatchObject({ data: 2 });
  });

  test('[CP §4.3] fromUserId of an anonymous publisher is null', async () => {
    const { dial } = await startHub();
    const client = await dial({ token: { roles: [publish], groups: ['g'] } });
    await client.next();
    client.send({ type: 'sendToGroup', group: 'g', dataType: 'text', data: '' });
    expect(await client.nextText()).toBe(
      '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"text","data":""}',
    );
  });

  test('[CP-067] REST: to a group from group, to all, user and connection from server without a group', async () => {
    const { dial, connectionString } = await startHub();
    const rest = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
    const client = await dial({ token: { userId: 'ann', groups: ['g'] } });
    const { connectionId } = await client.next();
    await rest.group('g').sendToAll({ n: 1 });
    const fromGroup = await client.next();
    expect(fromGroup).toMatchObject({ type: 'message', from: 'group', group: 'g', dataType: 'json', data: { n: 1 } });
    expect(fromGroup.fromUserId ?? null).toBeNull();
    await rest.sendToAll('two', { contentType: 'text/plain' });
    await rest.sendToUser('ann', 'three', { contentType: 'text/plain' });
    await rest.sendToConnection(connectionId, 'four', { contentType: 'text/plain' });
    for (const data of ['two', 'three', 'four']) {
      expect(await client.next()).toEqual({ type: 'message', from: 'server', dataType: 'text', data });
    }
  });

  test('[CP-071] REST closes: disconnected with the reason, then 1000 without one', async () => {
    const log = new ConnectionLog();
    const { dial, connectionString } = await startHub({ observer: log });
    const rest = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
    const [client, other] = [await dial(), await dial()];
    const { connectionId } = await client.next();
    await rest.closeConnection(connectionId, { reason: 'maintenance' });
    const { message, ...rest_ } = await client.next();
    expect([rest_, message]).toEqual([
      { type: 'system', event: 'disconnected' },
      expect.stringContaining('maintenance'),
    ]);
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
    expect((await log.closed.take()).category).toBe('ClosedByAppServer');
    expect(await rest.connectionExists(connectionId)).toBe(false);
    await other.settle();
  });

  test('[CP-074] a receiver that never reads delays nobody, and is dropped as slow', async () => {
    const log = new ConnectionLog();
    const { dial, service } = await startHub({ observer: log, file: { limits: { outboundQueueBytes: 2_000_000 } } });
    const slow = await rawJsonClient(service, { token: { groups: ['g'] } });
    slow.socket.pause();
    const member = await dial({ token: { groups: ['g'] } });
    const sender = await dial({ token: { roles: [publish] } });
    await member.next();
    let sent = 0;
    while (service.hubs.size === 3 && sent < 200) {
      sent += 1;
      const ack = await sender.ask({ type: 'sendToGroup', group: 'g', data: 'x'.repeat(500_000), ackId: sent });
      expect(ack.success).toBe(true);
      expect((await member.next()).data).toHaveLength(500_000);
    }
    expect(await log.closed.take()).toMatchObject({ category: 'SlowClient' });
    expect((await sender.ask({ type: 'sendToGroup', group: 'g', data: 'more', ackId: 1000 })).success).toBe(true);
    expect(await member.next()).toMatchObject({ data: 'more' });
    slow.socket.resume();
    expect(await slow.closeCode()).toBe(1008);
    expect(slow.rest.filter(({ opcode }) => opcode === opcodes.text).length).toBeLessThan(sent);
  });
});
