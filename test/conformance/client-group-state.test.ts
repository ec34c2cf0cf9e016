import { describe, expect, test } from 'vitest';
import { MemoryBus } from '../../src/backplane/memory.js';
import { textPayload } from '../support/fake-ports.js';
import { openSession, reliableProtocol, takeUp } from '../support/reliable-client.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { jsonProtocol, type TestClient } from '../support/test-client.js';

const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState', 'webpubsub.joinLeaveGroup'];

interface Member {
  readonly client: TestClient;
  readonly connectionId: string;
}

async function enter({ dial }: StartedHub, userId: string, protocol = jsonProtocol): Promise<Member> {
  const client = await dial({ protocols: [protocol], token: { userId, roles, groups: ['g'] } });
  return { client, connectionId: (await client.next()).connectionId };
}

const set = (client: TestClient, state: Record<string, string> | null, ackId: number) =>
  client.ask({ type: 'setGroupState', group: 'g', ...(state && { state }), ackId });

/** Subscribes; the snapshot is the next message. */
const subscribe = (client: TestClient, ackId = 100) => client.ask({ type: 'subscribeGroupState', group: 'g', ackId });

const item = ({ connectionId }: Member, userId: string, state?: object) => ({
  connectionId,
  userId,
  ...(state && { state }),
  updatedAt: expect.any(Number),
});
const update = (...items: object[]) => ({ type: 'groupStateUpdate', group: 'g', items });
const snapshot = (...items: object[]) => ({ type: 'groupStateSnapshot', group: 'g', items });

/** The next message, without its number. */
async function nextOf({ client }: Member): Promise<object> {
  const { sequenceId: _, ...message } = await client.next();
  return message;
}

describe.each([jsonProtocol, reliableProtocol])('[client-protocols 4.9] group state with %s', protocol => {
  test('[CP-103] subscribe: first the ack, then the snapshot', async () => {
    const hub = await startHub();
    const [ann, bob] = [await enter(hub, 'ann', protocol), await enter(hub, 'bob', protocol)];
    await set(bob.client, { mood: 'fine', 'key "1"': 'é' }, 1);
    ann.client.send({ type: 'subscribeGroupState', group: 'g', ackId: 1 });
    expect(await ann.client.next()).toEqual({ type: 'ack', ackId: 1, success: true });
    expect(await nextOf(ann)).toEqual(snapshot(item(bob, 'bob', { mood: 'fine', 'key "1"': 'é' })));
  });

  test('set, clear, leave and the end are told to who subscribed', async () => {
    const hub = await startHub();
    const [ann, bob] = [await enter(hub, 'ann', protocol), await enter(hub, 'bob', protocol)];
    await subscribe(ann.client);
    await nextOf(ann);
    await set(bob.client, { k: '1' }, 1);
    await set(bob.client, null, 2);
    await set(bob.client, { k: '2' }, 3);
    await bob.client.ask({ type: 'leaveGroup', group: 'g', ackId: 4 });
    await bob.client.ask({ type: 'joinGroup', group: 'g', ackId: 5 });
    await set(bob.client, { k: '3' }, 6);
    await bob.client.close(1000);
    const told = [{ k: '1' }, undefined, { k: '2' }, undefined, { k: '3' }, undefined];
    const times: number[] = [];
    for (const state of told) {
      const message = (await nextOf(ann)) as { items: { updatedAt: number }[] };
      expect(message).toEqual(update(item(bob, 'bob', state)));
      times.push(message.items[0]?.updatedAt ?? 0);
    }
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
  });

  test('[CP-103] without membership or role: Forbidden; 512 bytes are taken, 513 are BadRequest', async () => {
    const hub = await startHub();
    const client = await hub.dial({ protocols: [protocol], token: { roles: roles.slice(0, 2), groups: ['h'] } });
    const asked = await Promise.all([
      set(client, { k: 'v' }, 1),
      subscribe(client, 2),
      client.ask({ type: 'setGroupState', group: 'h', state: { k: 'x'.repeat(512) }, ackId: 3 }),
      client.ask({ type: 'setGroupState', group: 'h', state: { k: 'x'.repeat(511) }, ackId: 4 }),
    ]);
    expect(asked.map(({ error }) => error?.name)).toEqual(['Forbidden', 'Forbidden', 'BadRequest', undefined]);
    const other = await hub.dial({
      protocols: [protocol],
      token: { roles: ['webpubsub.setGroupState.h'], groups: ['g'] },
    });
    const refused = [await set(other, { k: 'v' }, 1), await subscribe(other, 2)];
    expect(refused.map(({ error }) => error.name)).toEqual(['Forbidden', 'Forbidden']);
    expect((await other.ask({ type: 'unsubscribeGroupState', group: 'g', ackId: 3 })).success).toBe(true);
    await other.settle();
  });

  test('unsubscribe ends the updates', async () => {
    const hub = await startHub();
    const [ann, bob] = [await enter(hub, 'ann', protocol), await enter(hub, 'bob', protocol)];
    await subscribe(ann.client);
    await nextOf(ann);
    await ann.client.ask({ type: 'unsubscribeGroupState', group: 'g', ackId: 1 });
    await set(bob.client, { k: '1' }, 1);
    await ann.client.settle();
    expect(ann.client.rest).toEqual([]);
  });
});

describe('[client-protocols 5.1] a reliable subscriber', () => {
  test('gets state messages with numbers, and after a loss the last of each member, in order with the rest', async () => {
    const hub = await startHub();
    const session = await openSession(hub, { token: { userId: 'ann', roles, groups: ['g'] } });
    const bob = await enter(hub, 'bob');
    await subscribe(session.client);
    expect(await session.client.next()).toEqual({ ...snapshot(), sequenceId: 1 });
    for (const k of ['1', '2']) await set(bob.client, { k }, Number(k));
    expect(await session.client.next()).toEqual({ ...update(item(bob, 'bob', { k: '1' })), sequenceId: 2 });
    expect(await session.client.next()).toEqual({ ...update(item(bob, 'bob', { k: '2' })), sequenceId: 3 });
    session.client.ws.terminate();
    await session.client.closed;
    hub.service.hubs.get('chat').sendToUser('ann', { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined });
    await set(bob.client, { k: '3' }, 3);
    const again = await takeUp(hub, session);
    expect(await again.next()).toMatchObject({ event: 'connected' });
    expect([await again.next(), await again.next(), await again.next()]).toEqual([
      { ...snapshot(), sequenceId: 1 },
      { type: 'message', from: 'server', dataType: 'text', data: 'x', sequenceId: 4 },
      { ...update(item(bob, 'bob', { k: '3' })), sequenceId: 5 },
    ]);
  });

  test('[client-protocols D24] outlives any number of states that it does not acknowledge', async () => {
    const hub = await startHub();
    const { client } = await openSession(hub, { token: { userId: 'ann', roles, groups: ['g'] } });
    const bob = await enter(hub, 'bob');
    await subscribe(client);
    await client.next();
    for (let index = 1; index <= 1_200; index += 1) {
      bob.client.send({ type: 'setGroupState', group: 'g', state: { k: `${index}` } });
    }
    for (let index = 1; index <= 1_200; index += 1) {
      expect((await client.next()).items[0].state).toEqual({ k: `${index}` });
    }
    await client.settle();
  });
});

test('[client-protocols 4.9] two nodes are one: snapshots and updates of both', async () => {
  const bus = new MemoryBus();
  const [east, west] = [await startHub({ backplane: bus.connect() }), await startHub({ backplane: bus.connect() })];
  const [ann, bob] = [await enter(east, 'ann'), await enter(west, 'bob')];
  await set(bob.client, { k: 'b' }, 1);
  await subscribe(ann.client);
  expect(await nextOf(ann)).toEqual(snapshot(item(bob, 'bob', { k: 'b' })));
  await set(ann.client, { k: 'a' }, 1);
  expect(await nextOf(ann)).toEqual(update(item(ann, 'ann', { k: 'a' })));
  await bob.client.close(1000);
  expect(await nextOf(ann)).toEqual(update(item(bob, 'bob')));
});

test('[client-protocols D24] [5.1] all that a session may hold is replayed at once: 1,000 messages and 1,000 states', async () => {
  const hub = await startHub();
  const groups = Array.from({ length: 1_000 }, (_, index) => `g${index}`);
  const session = await openSession(hub, { token: { userId: 'ann', roles, groups } });
  for (const [ackId, group] of groups.entries()) {
    expect((await session.client.ask({ type: 'subscribeGroupState', group, ackId })).success).toBe(true);
    expect((await session.client.next()).type).toBe('groupStateSnapshot');
  }
  const chat = hub.service.hubs.get('chat');
  for (let count = 0; count < 1_000; count += 1) {
    chat.sendToConnection(session.connectionId, textPayload(`${count}`.padEnd(200)));
  }
  for (let count = 0; count < 1_000; count += 1) await session.client.next();
  session.client.ws.terminate();
  const back = await takeUp(hub, session);
  expect((await back.next()).event).toBe('connected');
  for (let id = 1; id <= 2_000; id += 1) expect((await back.next()).sequenceId).toBe(id);
});
