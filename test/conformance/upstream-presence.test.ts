import { describe, expect, test } from 'vitest';
import { Held, reply } from '../support/answers.js';
import { startHub } from '../support/start-hub.js';
import type { RecordedUpstream } from '../support/upstream.js';

const roles = ['webpubsub.joinLeaveGroup'];

/** A service whose hub `chat` has one handler with these group events. */
function start(groupPresenceEvents: object | undefined, more: object = {}) {
  const handler = { urlTemplate: 'UPSTREAM/{event}', userEventPattern: '*', ...more, groupPresenceEvents };
  return startHub({ yaml: JSON.stringify({ hubs: { chat: { eventHandlers: [handler] } } }) });
}

/** The events so far, as `ce-id type body`. */
function events({ requests }: RecordedUpstream): string[] {
  return requests
    .filter(({ method }) => method === 'POST')
    .map(({ headers, body }) => `${headers['ce-id']} ${headers['ce-type']} ${body}`);
}

const vote = { type: 'event', event: 'vote', dataType: 'text', data: 'x' };

describe('[upstream-events 2.9] group events', () => {
  test('carry the group, in the order of what happened; the end of the client leaves its groups', async () => {
    const { dial, upstream } = await start(
      { eventNames: ['joined', 'left'] },
      { systemEvents: ['connected', 'disconnected'] },
    );
    const client = await dial({ token: { userId: 'ann', roles, groups: ['g"1'] } });
    await client.ask({ type: 'joinGroup', group: 'g2', ackId: 1 });
    await client.ask({ type: 'leaveGroup', group: 'g2', ackId: 2 });
    await client.close(1000, 'bye');
    await upstream.next('disconnected');
    const ordered = events(upstream).sort();
    expect(ordered).toEqual([
      '1 azure.webpubsub.sys.connected {}',
      '2 azure.webpubsub.gp.joined {"group":"g\\"1"}',
      '3 azure.webpubsub.gp.joined {"group":"g2"}',
      '4 azure.webpubsub.gp.left {"group":"g2"}',
      '5 azure.webpubsub.gp.left {"group":"g\\"1"}',
      '6 azure.webpubsub.sys.disconnected {"reason":"bye"}',
    ]);
    const { headers, url } = await upstream.next('left');
    expect(url).toBe('/left');
    expect(headers).toMatchObject({
      'ce-eventname': 'left',
      'ce-userid': 'ann',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  test('[upstream-events D27] [UE-009] are off when not configured, and leave no gap in the ids then', async () => {
    for (const options of [undefined, { eventNames: [] }, { eventNames: ['left'], groupFilters: ['other'] }]) {
      const { dial, upstream } = await start(options);
      const client = await dial({ token: { roles, groups: ['g'] } });
      await client.ask({ type: 'joinGroup', group: 'h', ackId: 1 });
      await client.ask({ type: 'leaveGroup', group: 'h', ackId: 2 });
      await client.ask({ ...vote, ackId: 3 });
      expect(events(upstream)).toEqual(['2 azure.webpubsub.user.vote x']); // 1 was `connected`, which has no handler
    }
  });

  test('only of groups that a filter names or matches', async () => {
    const { dial, upstream } = await start({ eventNames: ['joined'], groupFilters: ['room', 'chat-*'] });
    const client = await dial({ token: { groups: ['room', 'Room', 'rooms', 'chat-1', 'chat.1', 'chat-1.2'] } });
    await client.ask({ ...vote, ackId: 1 });
    await upstream.next('vote');
    expect([await upstream.next('joined'), await upstream.next('joined')].map(({ body }) => `${body}`).sort()).toEqual([
      '{"group":"chat-1"}',
      '{"group":"room"}',
    ]);
    expect(events(upstream)).toHaveLength(3);
  });

  test('go to the first handler that wants them, however it deals with user events', async () => {
    const { dial, upstream } = await startHub({
      yaml: JSON.stringify({
        hubs: {
          chat: {
            eventHandlers: [
              { urlTemplate: 'UPSTREAM/1/{event}', systemEvents: ['connected'], userEventPattern: 'joined' },
              { urlTemplate: 'UPSTREAM/2/{event}', groupPresenceEvents: { eventNames: ['joined'] } },
              { urlTemplate: 'UPSTREAM/3/{event}', groupPresenceEvents: { eventNames: ['joined', 'left'] } },
            ],
          },
        },
      }),
    });
    const client = await dial({ token: { roles, groups: ['g'] } });
    await client.ask({ type: 'leaveGroup', group: 'g', ackId: 1 });
    const [joined, left] = [await upstream.next('joined'), await upstream.next('left')];
    expect([joined.url, left.url]).toEqual(['/2/joined', '/3/left']);
  });

  test('nobody waits for them, and their failure changes nothing', async () => {
    const { dial, upstream } = await start({ eventNames: ['joined', 'left'] });
    const held = new Held(reply(400));
    upstream.on('joined', held.answer);
    upstream.on('left', (_request, response) => void response.writeHead(400).end('no'));
    const client = await dial({ token: { roles } });
    expect((await client.ask({ type: 'joinGroup', group: 'g', ackId: 1 })).success).toBe(true);
    expect((await client.ask({ type: 'leaveGroup', group: 'g', ackId: 2 })).success).toBe(true);
    await upstream.next('joined');
    held.release(); // a connection's notifications leave one after another
    await upstream.next('left');
    await client.settle();
  });
});
