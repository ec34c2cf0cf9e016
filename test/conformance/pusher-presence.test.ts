import type { PresenceChannel } from 'pusher-js';
import type { ChannelAuthorizationHandler } from 'pusher-js/types/src/core/auth/options.js';
import { describe, expect, test } from 'vitest';
import { MemoryBus } from '../../src/backplane/memory.js';
import type { PlainFact } from '../../src/hub/facts.js';
import { ManualClock } from '../support/manual-clock.js';
import { channelAuth, nextEvent, type PusherClient, startPusher } from '../support/pusher.js';

const channel = 'presence-desk';

/** What `subscription_succeeded` says. */
function membersOf({ event, data }: { event: string; data: string }) {
  expect(event).toBe('pusher_internal:subscription_succeeded');
  return JSON.parse(data).presence;
}

const added = (user_id: string | number, user_info: unknown = {}) => ({
  event: 'pusher_internal:member_added',
  channel,
  data: JSON.stringify({ user_id, user_info }),
});
const removed = (user_id: string | number) => ({
  event: 'pusher_internal:member_removed',
  channel,
  data: JSON.stringify({ user_id }),
});

/** Facts about members, as `+id` and `-id`. */
function memberFacts(facts: readonly PlainFact[]): string[] {
  return facts.flatMap(fact => {
    if (fact.kind === 'memberAdded') return [`+${fact.member.id}`];
    return fact.kind === 'memberRemoved' ? [`-${fact.member.id}`] : [];
  });
}

describe('[PW §3.5] one node', () => {
  test('[PW-073] the list has the joiner, and each user once', async () => {
    const { open } = await startPusher();
    const [first, second, third] = [await open(), await open(), await open()];
    expect(membersOf(await first.join(channel, 'a', { name: 'ann' }))).toEqual({
      ids: ['a'],
      hash: { a: { name: 'ann' } },
      count: 1,
    });
    expect(membersOf(await second.join(channel, 7))).toEqual({
      ids: ['a', '7'],
      hash: { a: { name: 'ann' }, 7: {} },
      count: 2,
    });
    const { ids, ...all } = membersOf(await third.join(channel, '7', { tab: 2 }));
    expect(ids.toSorted()).toEqual(['7', 'a']); // in any order, as they may come from several nodes
    expect(all).toEqual({
      hash: { a: { name: 'ann' }, 7: { tab: 2 } }, // of several connections the latest counts
      count: 2,
    });
    expect(await first.settle()).toEqual([added(7)]);
    expect([await second.settle(), await third.settle()]).toEqual([[], []]);
  });

  test('[PW §7, row 23] user ids above 2^53 stay two users; clients are told them as JavaScript reads them', async () => {
    const { open, hub } = await startPusher();
    const [watcher, user] = [await open(), await open()];
    await watcher.subscribe(channel, '{"user_id":9007199254740992}');
    const { data } = await user.subscribe(channel, '{"user_id":1234567890123456789,"user_info":{"n":1.0}}');
    const asRead = String(JSON.parse('1234567890123456789'));
    expect(JSON.parse(data).presence.ids.toSorted()).toEqual([asRead, '9007199254740992']);
    expect(data).toContain(`"${asRead}":{"n":1.0}`);
    expect((await watcher.next()).data).toBe(`{"user_id":${asRead},"user_info":{"n":1.0}}`);
    expect((await hub().listMembers(channel)).map(({ id }) => id).toSorted()).toEqual([
      '1234567890123456789',
      '9007199254740992',
    ]);
    await user.client.close();
    expect((await watcher.next()).data).toBe(`{"user_id":${asRead}}`);
    const other = await open();
    await other.subscribe(channel, '{"user_id":9007199254740993}');
    expect((await watcher.next()).event).toBe('pusher_internal:member_added');
    expect((await hub().listMembers(channel)).map(({ id }) => id)).toContain('9007199254740993');
  });

  test.each(['1234567890123456789', '7', '1.0', '1e3'])(
    'pusher-js finds itself, and is rid of whoever leaves, where a user id is the number %s',
    async number => {
      const { pusherJs, open } = await startPusher();
      const join = async (userId: string) => {
        const authorize: ChannelAuthorizationHandler = ({ socketId }, done) =>
          done(null, channelAuth(socketId, channel, `{"user_id":${userId}}`));
        const client = pusherJs({
          channelAuthorization: { transport: 'ajax', endpoint: '', customHandler: authorize },
        });
        const joined = client.subscribe(channel) as PresenceChannel;
        await nextEvent(joined, 'pusher:subscription_succeeded');
        return { client, members: joined.members, joined };
      };
      const tab = await open();
      await tab.subscribe(channel, `{"user_id":${number}}`);
      const watcher = await join('"w"');
      const user = await join(number);
      expect([user.members.me === null, watcher.members.count]).toEqual([false, 2]);
      const removed = nextEvent(watcher.joined, 'pusher:member_removed');
      user.client.disconnect();
      await tab.client.close();
      await removed;
      expect([watcher.members.count, Object.keys(watcher.members.members)]).toEqual([1, ['w']]);
    },
  );

  /** Both tabs of user `u` come, and go one after the other. */
  async function twoTabs({ open }: Awaited<ReturnType<typeof startPusher>>): Promise<void> {
    const [watcher, ...tabs] = [await open(), await open(), await open()];
    await watcher.join(channel, 'w');
    for (const tab of tabs) await tab.join(channel, 'u');
    expect(await watcher.settle()).toEqual([added('u')]);
    await tabs[0]!.client.close();
    expect(await watcher.settle()).toEqual([]);
    tabs[1]!.send('pusher:unsubscribe', { channel });
    expect(await watcher.next()).toEqual(removed('u'));
  }

  test('two tabs of one user: one member comes and goes', async () => {
    await twoTabs(await startPusher());
  });

  test('two tabs of one user: facts about one member', async () => {
    const started = await startPusher({ oneProcess: 'fact' });
    await twoTabs(started);
    expect(memberFacts(started.facts)).toEqual(['+w', '+u', '-u']);
  });

  test('[PW-024] the others are told at once, whatever waits for the time of webhooks', async () => {
    const { open } = await startPusher({ clock: new ManualClock() }); // which stands still
    const [watcher, user] = [await open(), await open()];
    await watcher.join(channel, 'w');
    await user.join(channel, 'u');
    await user.client.close();
    expect([await watcher.next(), await watcher.next()]).toEqual([added('u'), removed('u')]);
  });

  test('two tabs that close in the same turn: one leave, and the count is right', async () => {
    const { open, hub } = await startPusher();
    const watcher = await open();
    await watcher.join(channel, 'w');
    for (let round = 0; round < 5; round += 1) {
      const tabs = [await open(), await open()];
      for (const tab of tabs) await tab.join(channel, 'u');
      await Promise.all(tabs.map(({ socketId }) => hub().closeConnection(socketId)));
      expect(await watcher.next()).toEqual(added('u'));
      expect(await watcher.next()).toEqual(removed('u'));
      expect(await watcher.settle()).toEqual([]);
      expect((await hub().listMembers(channel)).map(({ id }) => id)).toEqual(['w']);
    }
  });

  test('a user who is back within the turn has not left', async () => {
    const { open, hub } = await startPusher();
    const [watcher, user] = [await open(), await open()];
    await watcher.join(channel, 'w');
    await user.join(channel, 'u', { n: 1 });
    await watcher.settle();
    user.client.ws.send(JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } }));
    expect(membersOf(await user.join(channel, 'u', { n: 2 })).count).toBe(2);
    const seen = await watcher.settle();
    expect(seen.length === 0 || JSON.stringify(seen) === JSON.stringify([removed('u'), added('u', { n: 2 })])).toBe(
      true,
    );
    const infos = (await hub().listMembers(channel)).map(({ about }) => about.infoJson);
    expect(infos).toHaveLength(2);
    expect(infos).toEqual(expect.arrayContaining(['{}', '{"n":2}']));
  });

  test('[PW-075] the 101st member is refused, a second tab of a member is not', async () => {
    const { open, hub } = await startPusher();
    const clients = await Promise.all(Array.from({ length: 102 }, open));
    const results = await Promise.all(clients.slice(0, 100).map((client, at) => client.join(channel, `u${at}`)));
    expect(results.every(({ event }) => event === 'pusher_internal:subscription_succeeded')).toBe(true);
    const [late, tab] = [clients[100] as PusherClient, clients[101] as PusherClient];
    expect(await late.join(channel, 'late')).toEqual({
      event: 'pusher:subscription_error',
      channel,
      data: { type: 'LimitReached', error: expect.any(String), status: 4100 },
    });
    expect(membersOf(await tab.join(channel, 'u7')).count).toBe(100);
    await clients[7]!.client.close();
    expect((await late.join(channel, 'late')).event).toBe('pusher:subscription_error');
    await tab.client.close();
    await clients[0]!.settle();
    expect(membersOf(await late.join(channel, 'late')).count).toBe(100);
    expect(await hub().listMembers(channel)).toHaveLength(100);
  });

  test('many who join in one turn: each learns of all others exactly once', async () => {
    const { open } = await startPusher();
    const clients = await Promise.all(Array.from({ length: 40 }, open));
    for (const [at, client] of clients.entries()) client.requestChannel(channel, `{"user_id":"u${at}"}`);
    for (const [at, client] of clients.entries()) {
      const { ids, count } = membersOf(await client.next());
      const later = (await client.settle()).map(({ event, data }) => {
        expect(event).toBe('pusher_internal:member_added');
        return JSON.parse(data).user_id;
      });
      expect(count).toBe(ids.length);
      expect(ids).toContain(`u${at}`);
      expect([...ids, ...later].sort()).toEqual(clients.map((_, each) => `u${each}`).sort());
    }
  });

  test('facts: the channel before its first member, its last member before the channel', async () => {
    const { open, facts } = await startPusher({ oneProcess: 'fact' });
    const client = await open();
    await client.join(channel, 'a');
    await client.client.close();
    const kinds = facts.map(({ kind }) => kind);
    expect(kinds.filter(kind => /joined|left|member|ended|closed/.test(kind))).toEqual([
      'joined',
      'memberAdded',
      'ended',
      'memberRemoved',
      'left',
      'closed',
    ]);
    expect(facts.find(({ kind }) => kind === 'joined')).toMatchObject({ group: channel, isFirst: true });
    expect(facts.find(({ kind }) => kind === 'left')).toMatchObject({ group: channel, isLast: true });
  });
});

describe('two nodes', () => {
  async function startTwo(options: Parameters<typeof startPusher>[0] = {}) {
    const bus = new MemoryBus();
    return [
      await startPusher({ backplane: bus.connect(), ...options }),
      await startPusher({ backplane: bus.connect(), ...options }),
    ] as const;
  }

  test('[PW §7, row 37] what was said last about a member stays, also when the connection that has said it is gone', async () => {
    const [one, two] = await startTwo();
    const [first, second] = [await one.open(), await two.open()];
    await first.join(channel, 'a', { v: 1 });
    for (const sinceMs = Date.now(); Date.now() === sinceMs; ) await new Promise(resolve => setImmediate(resolve));
    await second.join(channel, 'a', { v: 2 }); // in a later millisecond
    await second.client.close();
    await first.settle();
    for (const node of [one, two]) {
      const late = await node.open();
      expect(membersOf(await late.join(channel, 'late')).hash).toMatchObject({ a: { v: 2 } });
      await late.client.close();
    }
  });

  test('[PW-073] members and counts are of both', async () => {
    const [one, two] = await startTwo();
    const [a, b] = [await one.open(), await two.open()];
    await a.join(channel, 'a', { n: 1 });
    expect(membersOf(await b.join(channel, 'b'))).toEqual({ ids: ['a', 'b'], hash: { a: { n: 1 }, b: {} }, count: 2 });
    expect(await a.next()).toEqual(added('b'));
    expect((await one.hub().listMembers(channel)).map(({ id }) => id)).toEqual(['a', 'b']);
    expect([await one.hub().countGroup(channel), await two.hub().countGroup(channel)]).toEqual([2, 2]);
  });

  test('tabs on both nodes: one member, until the last tab has gone, also when both go at once', async () => {
    const [one, two] = await startTwo();
    const watcher = await one.open();
    await watcher.join(channel, 'w');
    const [here, there] = [await one.open(), await two.open()];
    await here.join(channel, 'u');
    expect(membersOf(await there.join(channel, 'u')).count).toBe(2);
    expect(await watcher.settle()).toEqual([added('u')]);
    await there.client.close();
    await watcher.settle();
    expect((await two.hub().listMembers(channel)).map(({ id }) => id)).toEqual(['w', 'u']);
    const again = await two.open();
    await again.join(channel, 'u');
    expect(await watcher.settle()).toEqual([]);
    await Promise.all([one.hub().closeConnection(here.socketId), two.hub().closeConnection(again.socketId)]);
    expect(await watcher.next()).toEqual(removed('u'));
    const rest = await watcher.settle();
    expect(rest.every(message => JSON.stringify(message) === JSON.stringify(removed('u')))).toBe(true); // at least once
    expect((await one.hub().listMembers(channel)).map(({ id }) => id)).toEqual(['w']);
  });

  test('[PW-075] the limit is of both', async () => {
    const [one, two] = await startTwo({ app: { limits: { maxPresenceMembers: 2 } } });
    await (await one.open()).join(channel, 'a');
    const tab = await two.open();
    await tab.join(channel, 'b');
    const late = await two.open();
    expect((await late.join(channel, 'c')).data.status).toBe(4100);
    expect(membersOf(await late.join(channel, 'a')).count).toBe(2);
  });

  test('[PW-080] an event that was kept elsewhere, with or without clients there', async () => {
    const [one, two] = await startTwo({ clock: new ManualClock() });
    one.publish('cache-x', 'e', '1', { keptMs: 1_800_000 });
    const late = await two.open();
    await late.subscribe('cache-x');
    expect((await late.next()).data).toBe('1');
    two.publish('cache-x', 'e', '2', { keptMs: 1_800_000 });
    expect((await late.next()).data).toBe('2');
    const other = await one.open();
    await other.subscribe('cache-x');
    expect((await other.next()).data).toBe('2');
  });

  test('[PW-076] [PW-084] client events and users cross nodes', async () => {
    const [one, two] = await startTwo();
    const [a, b] = [await one.open(), await two.open()];
    await a.join(channel, 'a');
    await b.join(channel, 'b');
    await a.next();
    a.send('client-x', '1', { channel });
    expect(await b.next()).toEqual({ event: 'client-x', channel, data: '1', user_id: 'a' });
    await b.signIn({ id: 'b' });
    one
      .hub()
      .sendToUserAs(
        'b',
        '#server-to-user-b',
        { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined },
        { event: 'e' },
      );
    expect(await b.next()).toEqual({ event: 'e', channel: '#server-to-user-b', data: 'x' });
    one.publish(channel, 'e', '2', { excluded: [b.socketId] });
    expect((await a.next()).data).toBe('2');
    expect(await b.settle()).toEqual([]);
  });

  test('[PW-085] watchlists are of both', async () => {
    const [one, two] = await startTwo();
    const [watcher, here, there] = [await one.open(), await one.open(), await two.open()];
    await there.signIn({ id: 'b' });
    await watcher.signIn({ id: 'a', watchlist: ['b'] });
    expect((await watcher.next()).data.events).toEqual([{ name: 'online', user_ids: ['b'] }]);
    await here.signIn({ id: 'b' });
    await there.client.close();
    await watcher.settle();
    expect(await watcher.settle()).toEqual([]);
    await here.client.close();
    expect((await watcher.next()).data.events).toEqual([{ name: 'offline', user_ids: ['b'] }]);
  });

  test('subscription counts are of both', async () => {
    const [one, two] = await startTwo({ app: { enableSubscriptionCount: true } });
    const [a, b] = [await one.open(), await two.open()];
    await a.subscribe('c');
    await a.next();
    await b.subscribe('c');
    expect((await a.next()).data).toBe('{"subscription_count":2}');
    expect((await b.next()).data).toBe('{"subscription_count":2}');
  });
});
