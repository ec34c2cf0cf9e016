import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startHub } from '../support/start-hub.js';

const settings = `
    enable_client_messages: true
    allowed_origins: ["https://app.example", "*.pages.example"]
    max_channel_name_length: 20
    max_event_name_length: 12
    max_presence_member_size_in_kb: 0.05
    enable_watchlist_events: false
`;

/** A service with one app, whose further settings are given. */
async function startApp(yaml = settings) {
  const { service } = await startHub({ yaml: `apps:\n  - id: a\n    key: k\n    secret: s${yaml}` });
  return `${service.publicUrl.replace('http', 'ws')}/app/k?protocol=7`;
}

interface Client {
  /** Sends a frame and answers the next one that comes. */
  ask(event: string, data: object): Promise<{ event: string; data: string | { error?: string; message?: string } }>;
  readonly socketId: string;
}

async function connect(url: string): Promise<Client> {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const next = async () => JSON.parse(String((await once(socket, 'message'))[0]));
  const { data } = await next();
  return {
    socketId: JSON.parse(data).socket_id,
    ask(event, given) {
      const answer = next();
      socket.send(JSON.stringify({ event, data: given }));
      return answer;
    },
  };
}

function signed(text: string): string {
  return `k:${createHmac('sha256', 's').update(text).digest('hex')}`;
}

describe('settings of an app, as clients see them', () => {
  test.each([
    ['https://app.example', true],
    ['https://a.pages.example', true],
    ['https://evil.example', false],
    [undefined, true],
  ])('a page of %s may connect: %s', async (origin, isAllowed) => {
    const socket = new WebSocket(await startApp(), origin === undefined ? {} : { origin });
    onTestFinished(() => socket.terminate());
    if (isAllowed) {
      expect(String((await once(socket, 'message'))[0])).toContain('pusher:connection_established');
    } else {
      const [code, reason] = await once(socket, 'close');
      expect([code, String(reason)]).toEqual([4009, 'Pages of this origin may not connect']);
    }
  });

  test('names of channels, and data of members, are as long as the app allows', async () => {
    const client = await connect(await startApp());
    expect(await client.ask('pusher:subscribe', { channel: 'c'.repeat(21) })).toMatchObject({
      event: 'pusher:subscription_error',
    });
    expect(await client.ask('pusher:subscribe', { channel: 'd'.repeat(20) })).toMatchObject({
      event: 'pusher_internal:subscription_succeeded',
    });
    const channel_data = JSON.stringify({ user_id: 'u', user_info: { text: 'x'.repeat(60) } });
    const auth = signed(`${client.socketId}:presence-c:${channel_data}`);
    const { event, data } = await client.ask('pusher:subscribe', { channel: 'presence-c', auth, channel_data });
    expect(event).toBe('pusher:subscription_error');
    expect(JSON.stringify(data)).toContain('at most 51 are allowed');
  });

  test('watchlists are ignored when the app has them off', async () => {
    const url = await startApp();
    const client = await connect(url);
    const user_data = JSON.stringify({ id: 'u', watchlist: ['v'] });
    const auth = signed(`${client.socketId}::user::${user_data}`);
    expect(await client.ask('pusher:signin', { auth, user_data })).toMatchObject({ event: 'pusher:signin_success' });
    expect(await client.ask('pusher:ping', {})).toMatchObject({ event: 'pusher:pong' });
  });
});
