import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { appKey, appSecret, auth, nextEvent, PusherClient, pusherJs, socketUrl, userAuth } from '../support/pusher.js';
import { startHub } from '../support/start-hub.js';

const events = ['connect', 'connected', 'disconnected'];

async function start(app: object = { connect_handler: true }) {
  const own = { id: '42', key: appKey, secret: appSecret, hub: 'Chat', ...app };
  const presence = { eventNames: ['joined', 'left'] };
  const handler = { urlTemplate: 'UPSTREAM/{event}', systemEvents: events, groupPresenceEvents: presence };
  const yaml = JSON.stringify({ hubs: { chat: { eventHandlers: [handler] } }, apps: [own] });
  const started = await startHub({ yaml });
  const dial = () => started.dial({ url: `${socketUrl(started.service)}/app/${appKey}?protocol=7`, protocols: [] });
  return { ...started, dialApp: dial, open: async () => PusherClient.on(await dial()) };
}

describe("connect_handler: the event handlers of a hub know an app's clients", () => {
  test('connect, connected and disconnected, and nothing about channels', async () => {
    const { open, upstream } = await start();
    const client = await open();
    const connect = await upstream.next('connect');
    expect(connect.headers).toMatchObject({ 'ce-hub': 'chat', 'ce-connectionid': client.socketId });
    expect(JSON.parse(connect.body.toString())).toMatchObject({ claims: { app: ['42'] }, query: { protocol: ['7'] } });
    await upstream.next('connected');
    await client.subscribe('news');
    client.client.ws.close();
    await upstream.next('disconnected');
    expect(upstream.requests.map(({ event }) => event).filter(event => event !== 'OPTIONS')).toEqual(events);
  });

  test.each([401, 403, 404])('%i refuses the client, which does not come again', async status => {
    const { service, upstream } = await start();
    upstream.on('connect', (_request, response) => void response.writeHead(status).end('not today'));
    const client = pusherJs(service);
    const error = await nextEvent(client.connection, 'error');
    expect(error.error.data).toEqual({ code: 4009, message: 'not today' });
    expect(client.connection.state).toBe('disconnected');
  });

  test.each([429, 500])('%i is no answer: the client tries again later', async status => {
    const { dialApp, upstream } = await start();
    upstream.on('connect', (_request, response) => void response.writeHead(status).end());
    expect((await (await dialApp()).closed).code).toBe(4100);
  });

  test('an answer with roles, groups and a subprotocol lets the client in: they have no effect', async () => {
    const { dialApp, upstream } = await start();
    upstream.on('connect', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"userId":"ann","roles":["x"],"groups":["g"],"subprotocol":"json.webpubsub.azure.v1"}');
    });
    expect((await (await dialApp()).next()).event).toBe('pusher:connection_established');
    expect((await upstream.next('connected')).headers).toMatchObject({ 'ce-userid': 'ann' });
  });

  test('[PW-069] clients whose connect is under way count for max_connections', async () => {
    const { dialApp, upstream } = await start({ connect_handler: true, max_connections: 1 });
    const answer = new Promise<ServerResponse>(resolve =>
      upstream.on('connect', (_request, response) => resolve(response)),
    );
    const first = await dialApp();
    const response = await answer;
    expect((await (await dialApp()).closed).code).toBe(4004);
    response.writeHead(204).end();
    expect((await first.next()).event).toBe('pusher:connection_established');
  });

  test('what a client sends while connect is under way is done once it is admitted', async () => {
    const { dialApp, upstream } = await start();
    const answer = new Promise<ServerResponse>(resolve =>
      upstream.on('connect', (_request, response) => resolve(response)),
    );
    const client = await dialApp();
    const early = JSON.stringify({ event: 'pusher:subscribe', data: { channel: 'early' } });
    await new Promise(sent => client.ws.send(early, sent));
    (await answer).writeHead(204).end();
    expect((await client.next()).event).toBe('pusher:connection_established');
    expect(await client.next()).toMatchObject({ event: 'pusher_internal:subscription_succeeded', channel: 'early' });
    expect((await upstream.next()).event).toBe('connect');
  });

  test('the user of the answer is that of the connection; signing in as another is refused', async () => {
    const { open, upstream, service } = await start();
    upstream.on('connect', (_request, response) => void response.end('{"userId":"ann","groups":["news"]}'));
    const client = await open();
    const hub = service.hubs.get({ app: '42' });
    expect(await hub.userExists('ann')).toBe(true);
    expect(await hub.groupExists('news')).toBe(false); // channels are signed
    client.send('pusher:signin', userAuth(client.socketId, '{"id":"bob"}'));
    expect(await client.next()).toMatchObject({ event: 'pusher:error', data: { code: 4009 } });
    client.send('pusher:signin', userAuth(client.socketId, '{"id":"ann"}'));
    expect((await client.next()).event).toBe('pusher:signin_success');
    await upstream.next('connect');
    expect((await upstream.next('connected')).headers['ce-userid']).toBe('ann');
  });

  test('without the setting, no event is sent', async () => {
    const { open, upstream } = await start({});
    const client = await open();
    client.send('pusher:subscribe', { channel: 'private-a', auth: auth(`${client.socketId}:private-a`) });
    expect((await client.next()).event).toBe('pusher_internal:subscription_succeeded');
    expect(upstream.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
