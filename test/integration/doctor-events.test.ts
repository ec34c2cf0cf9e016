import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import { AppServer } from '../support/app-server.js';
import {
  type Changes,
  type ExpressApp,
  express,
  handlerFindings,
  handlerYaml,
  inShort,
  middleware,
  serve,
} from '../support/doctor.js';

const everything = ['systemEvents: [connect, connected, disconnected]', 'userEventPattern: "*"'];

/** What is found when events are sent to the app at this URL. */
function eventsTo(url: string, changes: Changes = {}, more: readonly string[] = everything) {
  return handlerFindings(handlerYaml(url, more), { focus: { connect: true }, ...changes });
}

async function expressUrl(mount: (app: ExpressApp) => void): Promise<string> {
  const app = express();
  mount(app);
  return `${await serve(app)}/eventhandler/{event}`;
}

const answering = middleware({
  handleConnect: (_request, response) => response.success(),
  handleUserEvent: (request, response) => response.success(JSON.stringify(request.data), 'json'),
  onConnected: () => {},
});

describe('events that are sent with --connect', () => {
  test('a healthy app gets one connection of user hubwire-doctor', async () => {
    const app = await AppServer.start();
    const found = await eventsTo(app.url);
    expect(inShort(found)).toEqual(['ok handler', 'ok events']);
    expect(found[1]!.seen).toMatch(
      /^connect \d+ ms, connected \d+ ms, event "message" \(text\) \d+ ms, .*, disconnected \d+ ms$/,
    );
    const types = app.posts.map(({ headers }) => headers['ce-type']);
    expect(types.toSorted()).toEqual([
      'azure.webpubsub.sys.connect',
      'azure.webpubsub.sys.connected',
      'azure.webpubsub.sys.disconnected',
      'azure.webpubsub.user.message',
      'azure.webpubsub.user.message',
    ]);
    expect(new Set(app.posts.map(({ headers }) => headers['ce-userid']))).toEqual(new Set(['hubwire-doctor']));
    await app.close();
  });

  test('the vendor’s middleware, mounted as it should be', async () => {
    const url = await expressUrl(app => {
      app.use(answering);
      app.use(express.json());
    });
    expect(inShort(await eventsTo(url))).toEqual(['ok handler', 'ok events']);
  });

  test('[MG-206] body-parser: express.json() before the handler', async () => {
    const url = await expressUrl(app => {
      app.use(express.json());
      app.use(answering);
    });
    const found = await eventsTo(url);
    expect(inShort(found)).toEqual(['ok handler', 'error body-parser mount']);
    expect(found[1]!.seen).toMatch(
      /^no answer to connect and event "message" \(JSON\) within 0.5 s, while text is answered/,
    );
  });

  test('[MG-207] hub-mismatch: the handler was made for another hub', async () => {
    const url = await expressUrl(app => app.use(middleware({}, 'other')));
    const found = await eventsTo(url);
    expect(inShort(found)).toEqual(['ok handler', 'error hub-mismatch make']);
    expect(found[1]!.seen).toContain('answered 404 to connect of hub "chat"');
    expect(found[1]!.advice).toContain("Express: new WebPubSubEventHandler('chat', …)");
  });

  test('[MG-208] no-handler-for-event: no function for user events', async () => {
    const url = await expressUrl(app => app.use(middleware({ handleConnect: (_, response) => response.success() })));
    expect(inShort(await eventsTo(url))).toEqual(['ok handler', 'warning no-handler-for-event write']);
  });

  test('[MG-208] no-handler-for-event: an SDK without events of groups', async () => {
    const url = await expressUrl(app => app.use(answering));
    const found = await eventsTo(url, {}, [...everything, 'groupPresenceEvents: { eventNames: [joined] }']);
    expect(inShort(found)).toEqual(['ok handler', 'error no-handler-for-event remove']);
    expect(found[1]!.advice[0]).toContain('joined from groupPresenceEvents');
  });

  test.each([
    [50, 5_000, 'warning slow-connect do'],
    [20, 50, 'error slow-connect do'],
  ])('[MG-217] slow-connect: an answer after more than %i and %i ms', async (slowMs, tooSlowMs, expected) => {
    const app = await AppServer.start();
    app.onPost = (response, { headers }) => {
      const isConnect = headers['ce-type'] === 'azure.webpubsub.sys.connect';
      setTimeout(() => response.writeHead(204).end(), isConnect ? 120 : 0);
    };
    const found = await eventsTo(app.url, { limits: { slowMs, tooSlowMs, giveUpMs: 5_000 } });
    expect(inShort(found)).toEqual(['ok handler', expected]);
    await app.close();
  });

  test('[MG-217] slow-connect: no answer at all', async () => {
    const url = await expressUrl(app => app.use(middleware({ handleConnect: () => {} })));
    const found = await eventsTo(url, {}, ['systemEvents: [connect]']);
    expect(inShort(found)).toEqual(['ok handler', 'error slow-connect do']);
  });

  test('[MG-218] upstream-5xx: the app fails at an event, with a request id to look for', async () => {
    const app = await AppServer.start();
    app.onPost = response => response.writeHead(500).end();
    const found = await eventsTo(app.url, {}, ['userEventPattern: order']);
    expect(inShort(found)).toEqual(['ok handler', 'error upstream-5xx look']);
    const ids = app.posts.map(({ headers }) => headers['x-ms-client-request-id']);
    expect(ids.some(id => found[1]!.advice[0]!.endsWith(`request id ${id}`))).toBe(true);
    await app.close();
  });

  test('[MG-228] second-key: an app that takes one signature', async () => {
    const app = await AppServer.start();
    app.onPost = (response, { headers }) => {
      const id = String(headers['ce-connectionid']);
      const expected = `sha256=${createHmac('sha256', developmentKey).update(id).digest('hex')}`;
      response.writeHead(headers['ce-signature'] === expected ? 204 : 401).end();
    };
    const second = 'the-second-key-0123456789-0123456789-01';
    const two = { keys: { primary: developmentKey, secondary: second } };
    expect(inShort(await eventsTo(app.url, two))).toEqual(['ok handler', 'error second-key accept']);
    expect(inShort(await eventsTo(app.url))).toEqual(['ok handler', 'ok events']);
    const other = { keys: { primary: second, secondary: undefined } };
    expect(inShort(await eventsTo(app.url, other))).toEqual(['ok handler', 'error unauthorized if']);
    await app.close();
  });

  test('an app that refuses this user may be right', async () => {
    const url = await expressUrl(app =>
      app.use(
        middleware({
          handleConnect: (_, response) => response.fail(401),
          handleUserEvent: (_, response) => response.success('x', 'text'),
        }),
      ),
    );
    expect(inShort(await eventsTo(url))).toEqual(['ok handler', 'warning unauthorized if']);
  });

  test('an answer that cannot be sent to clients', async () => {
    const app = await AppServer.start();
    app.onPost = response => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>');
    const found = await eventsTo(app.url, {}, ['userEventPattern: order']);
    expect(inShort(found)).toEqual(['ok handler', 'error event-failed use']);
    await app.close();
  });

  test('a handler that is not active is sent no event', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(200).end();
    expect(inShort(await eventsTo(app.url))).toEqual(['error no-middleware mount']);
    expect(app.posts).toEqual([]);
    await app.close();
  });
});
