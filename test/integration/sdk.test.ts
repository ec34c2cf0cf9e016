import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import {
  type GroupDataMessage,
  SendMessageError,
  type ServerDataMessage,
  WebPubSubClient,
  type WebPubSubClientOptions,
  WebPubSubJsonProtocol,
} from '@azure/web-pubsub-client';
import { WebPubSubEventHandler, type WebPubSubEventHandlerOptions } from '@azure/web-pubsub-express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ClientClaims } from '../../src/auth/key-tokens.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import { parseConfig } from '../../src/config/load.js';
import { reply, replyJson } from '../support/answers.js';
import { Mailbox } from '../support/mailbox.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { jsonProtocol, TestClient } from '../support/test-client.js';
import { inMinutes, signToken, statusOf, withToken } from '../support/tokens.js';

/** Express has no type declarations of its own; this is what the tests need of it. */
const express = createRequire(import.meta.url)('express') as () => RequestListener & {
  use(middleware: unknown): unknown;
};

const sendAndJoin = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

// ------------------------------------------------------------------------------------------- the app server's middleware

/** An Express app with the vendor's middleware, as the upstream of hub `chat`. */
async function useExpress(hub: StartedHub, options: WebPubSubEventHandlerOptions, ofHub = 'chat'): Promise<void> {
  const app = express();
  app.use(new WebPubSubEventHandler(ofHub, { path: '/hooks', ...options }).getMiddleware());
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const urlTemplate = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  const handler = { urlTemplate, systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
  const yaml = { delivery: { retryDelaysInSeconds: [] }, hubs: { chat: { eventHandlers: [handler] } } };
  await hub.service.reload(parseConfig(JSON.stringify(yaml), { file: 'hubs.yaml', env: {} }));
}

describe('@azure/web-pubsub-express as the app server', () => {
  test.each([
    ['[UE-090] that allows this service by host and port', true],
    ['that allows everybody', false],
  ])('%s: every hook gets and gives what it should', async (_, isNamed) => {
    const hub = await startHub();
    const { service, dial } = hub;
    const seen = new Mailbox<object>();
    await useExpress(hub, {
      ...(isNamed && { allowedEndpoints: [service.publicUrl] }),
      handleConnect({ context, claims, queries, headers, subprotocols, clientCertificates }, response) {
        seen.put({
          context,
          sub: claims?.sub,
          queries,
          cookie: headers?.Cookie ?? headers?.cookie,
          subprotocols,
          clientCertificates,
        });
        response.setState('step', { n: 1, name: 'é日' });
        response.success({ userId: 'bob', groups: ['lobby'], roles: sendAndJoin, subprotocol: jsonProtocol });
      },
      onConnected: ({ context }) => seen.put({ context }),
      handleUserEvent(request, response) {
        const { context, data, dataType } = request;
        seen.put({ context, data, dataType });
        if (dataType === 'json') response.setState('step', { n: 2 });
        if (request.dataType === 'binary') response.success(request.data);
        else if (dataType === 'text') response.success(`you said ${data}`, 'text');
        else response.success(JSON.stringify({ got: data }), 'json');
      },
      onDisconnected: ({ context, reason }) => seen.put({ context, reason }),
    });
    expect(service.handlers).toMatchObject([{ state: 'active' }]);

    const client = await dial({
      protocols: ['other', jsonProtocol],
      token: { userId: 'nora' },
      query: 'room=blue&room=red',
      headers: { Cookie: 'c=1' },
    });
    const { connectionId, userId } = await client.next();
    expect(userId).toBe('bob');
    const context = { hub: 'chat', connectionId, origin: 'localhost', clientProtocol: 'default' };
    expect(await seen.take()).toMatchObject({
      context: { ...context, eventName: 'connect', userId: 'nora', states: {} },
      sub: ['nora'],
      queries: { room: ['blue', 'red'] },
      cookie: ['c=1'],
      subprotocols: ['other', jsonProtocol],
      clientCertificates: [],
    });
    const later = { ...context, userId: 'bob', states: { step: { n: 1, name: 'é日' } } };
    expect(await seen.take()).toMatchObject({ context: { ...later, eventName: 'connected' } });

    client.send({ type: 'event', event: 'say', dataType: 'text', data: 'hé' });
    expect(await client.nextText()).toBe('{"type":"message","from":"server","dataType":"text","data":"you said hé"}');
    expect(await seen.take()).toMatchObject({ context: { ...later, eventName: 'say' }, data: 'hé', dataType: 'text' });
    client.send({ type: 'event', event: 'blob', dataType: 'binary', data: 'AAH/' });
    expect(await client.nextText()).toBe('{"type":"message","from":"server","dataType":"binary","data":"AAH/"}');
    expect(await seen.take()).toMatchObject({ data: Buffer.from([0, 1, 255]), dataType: 'binary' });
    client.send({ type: 'event', event: 'vote', data: { n: 3 }, ackId: 1 });
    expect(await client.nextText()).toBe('{"type":"message","from":"server","dataType":"json","data":{"got":{"n":3}}}');
    expect(await client.next()).toEqual({ type: 'ack', ackId: 1, success: true });
    expect(await seen.take()).toMatchObject({ data: { n: 3 }, dataType: 'json' });

    await client.ask({ type: 'sendToGroup', group: 'lobby', data: 1, ackId: 2 });
    expect(await client.next()).toMatchObject({ from: 'group', group: 'lobby', fromUserId: 'bob', data: 1 });
    await client.close(1000, 'bye');
    expect(await seen.take()).toMatchObject({
      context: { ...later, eventName: 'disconnected', states: { step: { n: 2 } } },
      reason: 'bye',
    });
  });

  test('without hooks every event succeeds', async () => {
    const hub = await startHub();
    await useExpress(hub, {});
    const client = await hub.dial({ token: { userId: 'nora' } });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'nora' });
    expect(await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).toMatchObject({ success: true });
  });

  test.each([
    [401, 401, 'not you'],
    [400, 400, 'not you'],
    [500, 500, 'not you'],
  ] as const)('fail(%i) on connect: the client sees %i and the text', async (code, status, body) => {
    const hub = await startHub();
    await useExpress(hub, { handleConnect: (_request, response) => response.fail(code, 'not you') });
    expect(await hub.dial.refused()).toMatchObject({ status, body });
  });

  test('fail on a user event: an error without the text', async () => {
    const hub = await startHub();
    await useExpress(hub, { handleUserEvent: (_request, response) => response.fail(400, 'hunter2') });
    const client = await hub.dial();
    expect(await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).toEqual({
      type: 'ack',
      ackId: 1,
      success: false,
      error: { name: 'InternalServerError', message: 'Internal server error' },
    });
  });

  test('a middleware of another hub does not take the events: connect is 404, as the app answers', async () => {
    const hub = await startHub();
    await useExpress(hub, {}, 'other');
    expect(hub.service.handlers).toMatchObject([{ state: 'active' }]);
    expect((await hub.dial.refused()).status).toBe(404);
  });

  test('a middleware that allows another host: the handler fails with what to do, and clients are refused', async () => {
    const hub = await startHub();
    let isAsked = false;
    const handleConnect: WebPubSubEventHandlerOptions['handleConnect'] = (_request, response) => {
      isAsked = true;
      response.success();
    };
    await useExpress(hub, { allowedEndpoints: ['https://other.example.com'], handleConnect });
    expect(hub.service.handlers).toMatchObject([
      {
        state: 'failed',
        answered: 'answered 200 with WebHook-Allowed-Origin: other.example.com',
        advice: 'answer OPTIONS with "WebHook-Allowed-Origin: localhost" or "*"',
      },
    ]);
    expect(await hub.dial.refused()).toMatchObject({ status: 500, body: '' });
    expect(isAsked).toBe(false);
  });
});

// ---------------------------------------------------------------------------------------------------- the client library

/** What the library tells its application. */
interface Told {
  readonly connected: Mailbox<{ connectionId: string; userId: string }>;
  readonly disconnected: Mailbox<{ connectionId?: string; message?: { message?: string } }>;
  readonly stopped: Mailbox<object>;
  readonly fromGroup: Mailbox<GroupDataMessage>;
  readonly fromServer: Mailbox<ServerDataMessage>;
}

function newClient({ service }: StartedHub, claims: ClientClaims = {}, options: WebPubSubClientOptions = {}) {
  const credential = { getClientAccessUrl: async () => service.clientUrl('chat', claims, 60) };
  const client = new WebPubSubClient(credential, {
    protocol: WebPubSubJsonProtocol(),
    messageRetryOptions: { maxRetries: 0 },
    // Its pings run on timers that outlive it.
    keepAliveIntervalInMs: 0,
    keepAliveTimeoutInMs: 0,
    ...options,
  });
  const told: Told = {
    connected: new Mailbox(),
    disconnected: new Mailbox(),
    stopped: new Mailbox(),
    fromGroup: new Mailbox(),
    fromServer: new Mailbox(),
  };
  client.on('connected', args => told.connected.put(args));
  client.on('disconnected', args => told.disconnected.put(args));
  client.on('stopped', args => told.stopped.put(args));
  client.on('group-message', ({ message }) => told.fromGroup.put(message));
  client.on('server-message', ({ message }) => told.fromServer.put(message));
  onTestFinished(() => client.stop());
  return { client, told };
}

async function started(hub: StartedHub, claims?: ClientClaims, options?: WebPubSubClientOptions) {
  const { client, told } = newClient(hub, claims, options);
  await client.start();
  const { connectionId, userId } = await told.connected.take();
  return { client, told, connectionId, userId };
}

const bytes = Uint8Array.from([0, 1, 255]).buffer;
/** A google.protobuf.Any with an empty value. */
const anyMessage = Uint8Array.from(Buffer.from('\x0a\x03a/b', 'latin1')).buffer;

describe('@azure/web-pubsub-client with the JSON protocol', () => {
  test('start: the id and the user', async () => {
    const hub = await startHub();
    const { connectionId, userId } = await started(hub, { userId: 'ann' });
    expect(userId).toBe('ann');
    expect(await hub.service.hubs.get('chat').connectionExists(connectionId)).toBe(true);
  });

  test.each([
    ['text', 'hé', 'hé'],
    ['json', { a: [1, null] }, { a: [1, null] }],
    ['json', 'a string', 'a string'],
    ['binary', bytes, bytes],
    ['protobuf', anyMessage, anyMessage],
  ] as const)('joinGroup and sendToGroup: %s data arrives as it was sent', async (dataType, content, expected) => {
    const hub = await startHub();
    const [alice, bob] = [
      await started(hub, { userId: 'alice', roles: sendAndJoin }),
      await started(hub, { roles: sendAndJoin }),
    ];
    for (const { client } of [alice, bob]) await client.joinGroup('g');
    const result = await alice.client.sendToGroup('g', content, dataType);
    expect(result.isDuplicated).toBe(false);
    for (const { told } of [alice, bob]) {
      const { group, fromUserId, dataType: type, data } = await told.fromGroup.take();
      expect({ group, fromUserId, type }).toEqual({ group: 'g', fromUserId: 'alice', type: dataType });
      if (expected instanceof ArrayBuffer) expect(Buffer.from(data as ArrayBuffer)).toEqual(Buffer.from(expected));
      else expect(data).toEqual(expected);
    }
  });

  test('noEcho, fireAndForget and leaveGroup', async () => {
    const hub = await startHub();
    const [alice, bob] = [await started(hub, { roles: sendAndJoin }), await started(hub, { roles: sendAndJoin })];
    for (const { client } of [alice, bob]) await client.joinGroup('g');
    await alice.client.sendToGroup('g', 'quiet', 'text', { noEcho: true });
    expect((await bob.told.fromGroup.take()).data).toBe('quiet');
    await alice.client.sendToGroup('g', 'forgotten', 'text', { fireAndForget: true });
    for (const { told } of [alice, bob]) expect((await told.fromGroup.take()).data).toBe('forgotten');
    await bob.client.leaveGroup('g');
    await alice.client.sendToGroup('g', 'last', 'text');
    expect((await alice.told.fromGroup.take()).data).toBe('last');
    await bob.client.joinGroup('other'); // a round trip, in which the message would have come
    expect(bob.told.fromGroup.rest).toEqual([]);
  });

  test('sendEvent: the ack follows the app server’s answer, which comes as a message', async () => {
    const hub = await startHub({ handler: { userEventPattern: '*' } });
    hub.upstream.on('vote', replyJson({ total: 9 }));
    const { client, told } = await started(hub);
    const result = await client.sendEvent('vote', { n: 3 }, 'json');
    expect(result.isDuplicated).toBe(false);
    expect(told.fromServer.rest).toMatchObject([{ dataType: 'json', data: { total: 9 } }]);
    expect((await hub.upstream.next('vote')).body.toString()).toBe('{"n":3}');
    await client.sendEvent('blob', bytes, 'binary', { fireAndForget: true });
    expect((await hub.upstream.next('blob')).body).toEqual(Buffer.from(bytes));
  });

  test('a failed event is a SendMessageError', async () => {
    const hub = await startHub({ handler: { userEventPattern: '*' } });
    hub.upstream.on('vote', reply(400));
    const { client } = await started(hub);
    const error = await client.sendEvent('vote', 1, 'json').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SendMessageError);
    expect(error).toMatchObject({ errorDetail: { name: 'InternalServerError' } });
  });

  test('the same ackId again is told as a duplicate and has no effect', async () => {
    const hub = await startHub();
    const { client, told } = await started(hub, { roles: sendAndJoin, groups: ['g'] });
    const send = (text: string) => client.sendToGroup('g', text, 'text', { ackId: 1_000_000 });
    expect(await send('once')).toEqual({ ackId: 1_000_000, isDuplicated: false });
    expect(await send('twice')).toEqual({ ackId: 1_000_000, isDuplicated: true });
    expect(told.fromGroup.rest.map(({ data }) => data)).toEqual(['once']);
  });

  test('what the roles do not allow is a SendMessageError named Forbidden, and the connection stays', async () => {
    const hub = await startHub();
    const { client } = await started(hub, { roles: ['webpubsub.joinLeaveGroup.mine'] });
    for (const attempt of [() => client.joinGroup('g'), () => client.sendToGroup('mine', 'x', 'text')]) {
      const error = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SendMessageError);
      expect(error).toMatchObject({ errorDetail: { name: 'Forbidden' } });
    }
    await client.joinGroup('mine');
  });

  test('dropped by the service, it hears why, comes back by itself, and is in its groups again', async () => {
    const hub = await startHub();
    const { client, told, connectionId } = await started(hub, { roles: sendAndJoin });
    await client.joinGroup('g');
    await hub.service.hubs.get('chat').closeConnection(connectionId, 'spring cleaning');
    expect(await told.disconnected.take()).toMatchObject({
      connectionId,
      message: { message: 'Application server closed the connection. Reason: spring cleaning' },
    });
    expect((await told.connected.take()).connectionId).not.toBe(connectionId);
    await client.sendToGroup('g', 'back', 'text');
    expect((await told.fromGroup.take()).data).toBe('back');
  });

  test('stop: the service sees it leave', async () => {
    const hub = await startHub({ handler: { systemEvents: ['disconnected'] } });
    const { client, told, connectionId } = await started(hub);
    client.stop();
    await told.stopped.take();
    expect((await hub.upstream.next('disconnected')).headers['ce-connectionid']).toBe(connectionId);
  });

  test('a token that is not good: start fails', async () => {
    const hub = await startHub();
    const url = `${hub.service.publicUrl.replace(/^http/, 'ws')}/client/hubs/chat?access_token=x`;
    const client = new WebPubSubClient(url, {
      protocol: WebPubSubJsonProtocol(),
      autoReconnect: false,
      keepAliveIntervalInMs: 0,
      keepAliveTimeoutInMs: 0,
    });
    await expect(client.start()).rejects.toMatchObject({ message: expect.stringContaining('401') });
  });

  test('[CP-072] invokeEvent gives what the upstream answers, or fails as it does', async () => {
    const hub = await startHub({ handler: { userEventPattern: '*' } });
    hub.upstream.on('vote', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"total":9}');
    });
    hub.upstream.on('broken', (_request, response) => void response.writeHead(400).end());
    const { client } = await started(hub);
    expect(await client.invokeEvent('vote', 1, 'json')).toMatchObject({ dataType: 'json', data: { total: 9 } });
    await expect(client.invokeEvent('broken', 1, 'json')).rejects.toThrow('Internal server error');
  });
});

// ---------------------------------------------------------------------------------------------------- the server library

function serverSdk({ connectionString }: StartedHub, hub = 'chat'): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, hub, { allowInsecureConnection: true });
}

/** A client at this URL, once it is open. */
async function openUrl(url: string, protocols: readonly string[] = [jsonProtocol]): Promise<TestClient> {
  const ws = new WebSocket(url, [...protocols]);
  onTestFinished(() => ws.terminate());
  const client = new TestClient(ws);
  await once(ws, 'open');
  return client;
}

describe('@azure/web-pubsub', () => {
  test('getClientAccessToken: the URL connects with user, roles and groups', async () => {
    const hub = await startHub();
    const { url } = await serverSdk(hub).getClientAccessToken({
      userId: 'ann',
      roles: ['webpubsub.sendToGroup.g'],
      groups: ['g', 'h'],
      expirationTimeInMinutes: 5,
    });
    const client = await openUrl(url);
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });
    await client.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(await client.next()).toMatchObject({ group: 'g', fromUserId: 'ann' });
    expect(await client.ask({ type: 'sendToGroup', group: 'h', data: 1, ackId: 2 })).toMatchObject({
      error: { name: 'Forbidden' },
    });
    await serverSdk(hub).group('h').sendToAll(2);
    expect(await client.next()).toMatchObject({ group: 'h', data: 2 });
  });

  test('[RA-080] [RA-081] a minted token connects, and joins its groups', async () => {
    const hub = await startHub();
    const { service } = hub;
    const path = '/api/hubs/ChatHub/:generateToken?role=webpubsub.sendToGroup.g&role=r2&group=g&group=h&userId=ann';
    const authorization = `Bearer ${signToken({ aud: service.publicUrl + path, exp: inMinutes(5) })}`;
    const answer = await fetch(service.publicUrl + path, { method: 'POST', headers: { authorization } });
    const { token } = (await answer.json()) as { token: string };
    const client = await hub.dial({ hub: 'ChatHub', ...withToken(token) });
    expect(await client.next()).toMatchObject({ userId: 'ann' });
    await client.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(await client.next()).toMatchObject({ group: 'g' });
    await serverSdk(hub, 'chathub').group('h').sendToAll(2);
    expect(await client.next()).toMatchObject({ group: 'h', data: 2 });
  });

  test('[RA-014] a token for REST is no good to connect with', async () => {
    const { service, dial } = await startHub();
    for (const path of ['/api/hubs/chat/:send', '/api/hubs/chat']) {
      const token = signToken({ aud: service.publicUrl + path, exp: inMinutes(5) }, developmentKey);
      expect(await statusOf(dial, withToken(token))).toBe(401);
    }
  });

  const contents = [
    ['text/plain', 'Hi there!', '"text","data":"Hi there!"', { isBinary: false, bytes: Buffer.from('Hi there!') }],
    ['application/json', { a: 1.5 }, '"json","data":{"a":1.5}', { isBinary: false, bytes: Buffer.from('{"a":1.5}') }],
    ['application/octet-stream', bytes, '"binary","data":"AAH/"', { isBinary: true, bytes: Buffer.from(bytes) }],
  ] as const;

  test.each(contents)(
    '[RA-030] [RA-033] [RA-035] %s to all, a group, a user and a connection: these frames exactly',
    async (contentType, content, message, frame) => {
      const hub = await startHub();
      const token = { userId: 'ann', groups: ['g'] };
      const [json, plain] = [await hub.dial({ token }), await hub.dial({ token, protocols: [] })];
      const { connectionId } = await json.next();
      const sdk = serverSdk(hub);
      // The type parameter of each overload names one content type; all go the same way.
      const options = contentType === 'application/json' ? {} : ({ contentType } as { contentType: 'text/plain' });
      const body = content as string;
      await sdk.sendToAll(body, options);
      await sdk.group('g').sendToAll(body, options);
      await sdk.sendToUser('ann', body, options);
      await sdk.sendToConnection(connectionId, body, options);
      const server = `{"type":"message","from":"server","dataType":${message}}`;
      const group = `{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":${message}}`;
      for (const expected of [server, group, server, server]) expect(await json.nextText()).toBe(expected);
      for (let count = 0; count < 3; count += 1) expect(await plain.nextFrame()).toEqual(frame);
      expect(plain.rest).toEqual([]);
    },
  );

  test('[RA-040] excluded connections hear neither hub nor group sends', async () => {
    const hub = await startHub();
    const clients = [await hub.dial({ token: { groups: ['g'] } }), await hub.dial({ token: { groups: ['g'] } })];
    const [one, other] = clients as [TestClient, TestClient];
    const { connectionId } = await one.next();
    await other.next();
    const excludedConnections = [connectionId];
    await serverSdk(hub).sendToAll('hub', { excludedConnections });
    await serverSdk(hub).group('g').sendToAll('group', { excludedConnections });
    await serverSdk(hub).sendToAll('everybody');
    expect([await other.next(), await other.next(), await other.next()].map(({ data }) => data)).toEqual([
      'hub',
      'group',
      'everybody',
    ]);
    expect(await one.next()).toMatchObject({ data: 'everybody' });
  });

  test('[RA-044] [RA-045] [RA-051] [RA-052] [RA-054] groups, and what exists', async () => {
    const hub = await startHub();
    const sdk = serverSdk(hub);
    const client = await hub.dial({ token: { userId: 'ann' } });
    const { connectionId } = await client.next();
    const group = sdk.group('g');
    const exists = async () => [
      await sdk.connectionExists(connectionId),
      await sdk.userExists('ann'),
      await sdk.groupExists('g'),
    ];
    expect(await exists()).toEqual([true, true, false]);
    await group.addConnection(connectionId);
    await group.sendToAll('as a connection');
    expect(await exists()).toEqual([true, true, true]);
    await group.removeConnection(connectionId);
    await group.sendToAll('not heard');
    await group.addUser('ann');
    await group.sendToAll('as a user');
    await group.removeUser('ann');
    await sdk.sendToAll('the end');
    expect([await client.next(), await client.next(), await client.next()].map(({ data }) => data)).toEqual([
      'as a connection',
      'as a user',
      'the end',
    ]);
    await client.close();
    await expect.poll(exists).toEqual([false, false, false]);
  });

  test.each([
    ['[RA-047] with a reason', { reason: 'ř'.repeat(200) }, ` Reason: ${'ř'.repeat(200)}`],
    ['[RA-048] without a reason', {}, ''],
  ])('%s: a JSON client is told, and both kinds get close 1000 without text', async (_, options, suffix) => {
    const hub = await startHub({ handler: { systemEvents: ['connected'] } });
    const [json, plain] = [await hub.dial(), await hub.dial({ protocols: [] })];
    const ids = [await hub.upstream.next(), await hub.upstream.next()].map(({ headers }) =>
      String(headers['ce-connectionid']),
    );
    const sdk = serverSdk(hub);
    for (const id of ids) await sdk.closeConnection(id, options);
    expect(await json.next()).toMatchObject({ event: 'connected' });
    expect(await json.next()).toEqual({
      type: 'system',
      event: 'disconnected',
      message: `Application server closed the connection.${suffix}`,
    });
    for (const client of [json, plain]) expect(await client.closed).toEqual({ code: 1000, reason: '' });
    expect(await Promise.all(ids.map(id => sdk.connectionExists(id)))).toEqual([false, false]);
    await sdk.closeConnection(ids[0] as string); // nobody is there, which is no error
  });

  test.each([[jsonProtocol], [undefined]])(
    '[RA-043] a send from the open handler of a client (%s) is received',
    async protocol => {
      const hub = await startHub();
      const sdk = serverSdk(hub);
      const { url } = await sdk.getClientAccessToken({ userId: 'ann', groups: ['g'] });
      const ws = new WebSocket(url, protocol === undefined ? [] : [protocol]);
      onTestFinished(() => ws.terminate());
      const client = new TestClient(ws);
      await once(ws, 'open');
      const sends = [sdk.sendToAll('a'), sdk.sendToUser('ann', 'u'), sdk.group('g').sendToAll('g')];
      await Promise.all(sends);
      if (protocol !== undefined) expect(await client.next()).toMatchObject({ event: 'connected' });
      const heard = [await client.nextText(), await client.nextText(), await client.nextText()];
      expect(heard.map(text => (protocol === undefined ? JSON.parse(text) : JSON.parse(text).data)).sort()).toEqual([
        'a',
        'g',
        'u',
      ]);
    },
  );
});
