import { createServer as createTcpServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { examine } from '../../src/doctor/examine.js';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { AppServer } from '../support/app-server.js';
import {
  type Changes,
  closedUrl,
  express,
  handlerYaml,
  inShort,
  listen,
  middleware,
  serve,
  subjectOf,
} from '../support/doctor.js';
import { fileWith } from '../support/hubwire-process.js';
import { startReverseProxy } from '../support/reverse-proxy.js';
import { startHub } from '../support/start-hub.js';
import { signToken } from '../support/tokens.js';

const handlesAll = ['systemEvents: [connect, connected, disconnected]', 'userEventPattern: "*"'];

/** A running service with one app server, as `examine` sees it. */
async function running(app: string, changes: Changes = {}, settings: { yaml?: string; endpoints?: string[] } = {}) {
  const yaml = settings.yaml ?? handlerYaml(app, handlesAll);
  const admin = { host: '127.0.0.1', port: 0 };
  const { service } = await startHub({ yaml, admin, ...(settings.endpoints && { endpoints: settings.endpoints }) });
  return subjectOf(yaml, {
    endpoints: [service.publicUrl],
    listener: service.publicUrl,
    admin: service.adminUrl,
    limits: { slowMs: 5_000, tooSlowMs: 6_000, giveUpMs: 8_000 },
    ...changes,
  });
}

async function healthyApp(): Promise<string> {
  const app = express();
  app.use(
    middleware({
      handleConnect: (_request, response) => response.success(),
      handleUserEvent: (_request, response) => response.success('hello', 'text'),
    }),
  );
  return `${await serve(app)}/eventhandler/{event}`;
}

describe('a service with its app server', () => {
  test('[MG-241] healthy: nothing but ok', async () => {
    const app = await healthyApp();
    expect(inShort(await examine(await running(app)))).toEqual([
      'ok listener',
      'ok listener',
      'ok admin',
      'ok handler',
    ]);
    const connected = await examine(await running(app, { focus: { connect: true } }));
    expect(inShort(connected)).toEqual([
      ...['ok listener', 'ok listener', 'ok admin', 'ok handler', 'ok events', 'ok client'],
    ]);
    expect(connected.at(-1)!.seen).toMatch(
      /^connect \d+ ms, join \d+ ms, send \d+ ms, echo \d+ ms, event "message" \d+ ms$/,
    );
  });

  test('not running: a fault', async () => {
    const url = await closedUrl();
    const addresses = { endpoints: [url], endpoint: url, listener: url, admin: url };
    const yaml = 'hubs: { chat: {} }\n';
    for (const focus of [{ connect: false }, { connect: true }]) {
      const found = await examine(subjectOf(yaml, { ...addresses, focus }));
      expect(inShort(found)).toEqual(['error listener start', 'error admin start']);
    }
  });

  test('running, with the admin listener elsewhere', async () => {
    const found = await examine(await running(await healthyApp(), { admin: await closedUrl() }));
    expect(inShort(found)).toContain('warning admin name');
  });

  test.each([
    ['https', 'http', 'it speaks TLS, and the URL is one of plain HTTP'],
    ['http', 'https', 'it does not speak TLS'],
  ] as const)('it speaks %s, and the URL says %s', async (spoken, written, seen) => {
    const { cert, key } = firstCertificate;
    const tls = { certFile: await fileWith(cert, 'cert.pem'), keyFile: await fileWith(key, 'key.pem') };
    const { service } = await startHub({
      admin: { host: '127.0.0.1', port: 0 },
      ...(spoken === 'https' && { tls, adminTls: tls }),
    });
    const urlOf = (url: string) => url.replace(/^https?/, written);
    const [listener, admin] = [urlOf(service.publicUrl), urlOf(service.adminUrl!)];
    const found = await examine(
      subjectOf('hubs: {}\n', { endpoints: [listener], endpoint: listener, listener, admin }),
    );
    expect(inShort(found)).toEqual(['error listener does', 'error admin does']);
    for (const finding of found) expect(finding.seen).toBe(seen);
    expect(found[0]!.advice[0]).toBe(`does its URL start with ${spoken}://? Name it with --url`);
  });

  test('a client whose event fails', async () => {
    const app = await AppServer.start();
    const yaml = handlerYaml(app.url);
    const subject = await running(
      app.url,
      { focus: { connect: true } },
      { yaml: `delivery: { retryDelaysInSeconds: [] }\n${yaml}` },
    );
    app.onPost = response => response.writeHead(500).end();
    const found = await examine(subject);
    expect(inShort(found).slice(-2)).toEqual(['error upstream-5xx look', 'error client repair']);
    expect(found.at(-1)!.seen).toMatch(/^event "message" was refused: InternalServerError/);
    await app.close();
  });

  test('a client that the app refuses', async () => {
    const app = await AppServer.start();
    app.onPost = response => response.writeHead(403).end('not you');
    const found = await examine(await running(app.url, { focus: { connect: true } }));
    expect(found.at(-1)).toMatchObject({ code: 'client', seen: 'the upgrade was answered 403: not you' });
    await app.close();
  });

  test('[MG-224] token-time: the clock of the service', async () => {
    const clock = { ...systemClock, now: () => Date.now() + 120_000 };
    const found = await examine(await running(await healthyApp(), { clock }));
    expect(inShort(found)).toContain('warning token-time correct');
    expect(found.find(({ seen }) => seen.includes('of the service'))!.seen).toMatch(/is 1(19|20|21) s behind/);
  });

  test('[MG-227] key: the service runs with other keys', async () => {
    const keys = { primary: 'another-key-of-at-least-32-bytes-0123456789', secondary: undefined };
    const found = await examine(await running(await healthyApp(), { keys }));
    expect(inShort(found)).toContain('error key give');
  });

  test('[MG-222, MG-225] a token that is given is looked at', async () => {
    const token = signToken({ aud: 'https://webpubsub.azure.com', exp: 1 });
    const found = await examine(await running(await healthyApp(), { focus: { connect: false, token } }));
    expect(inShort(found)).toContain('error entra-as-client get');
  });
});

describe('a port', () => {
  test('[MG-229] ports: another program has that of the service', async () => {
    const url = await serve(express());
    const [finding] = await examine(subjectOf('hubs: {}\n', { endpoints: [url], listener: url }));
    expect(inShort([finding!])).toEqual(['error ports end']);
    expect(finding!.seen).toContain('EADDRINUSE');
    if (process.platform === 'linux') expect(finding!.seen).toContain(`process ${process.pid}`);
  });

  test('[MG-229] ports: what has it speaks no HTTP', async () => {
    const url = await listen(createTcpServer(socket => socket.end('220 smtp\r\n')));
    expect(inShort(await examine(subjectOf('hubs: {}\n', { endpoints: [url], listener: url })))).toEqual([
      'error ports end',
    ]);
  });

  test('an endpoint that leads elsewhere', async () => {
    const url = await serve(express());
    expect(inShort(await examine(subjectOf('hubs: {}\n', { endpoints: [url] })))).toEqual(['error listener check']);
  });
});

describe('a proxy in front of the service', () => {
  /** What is found through it. */
  async function through(
    proxy: Parameters<typeof startReverseProxy>[1],
    changes: Changes = {},
    yaml = 'hubs: { chat: {} }\n',
  ) {
    const { service } = await startHub({ yaml });
    const url = await startReverseProxy(service.publicUrl, proxy);
    return examine(
      subjectOf(yaml, {
        endpoints: [url],
        listener: service.publicUrl,
        limits: { slowMs: 5_000, tooSlowMs: 6_000, giveUpMs: 8_000 },
        ...changes,
      }),
    );
  }

  test('that passes all on', async () => {
    expect(inShort(await through({}))).toEqual(['ok listener', 'ok listener', 'ok listener']);
  });

  test('[MG-223] token-aud: the service sees another host', async () => {
    const found = await through({ rewrite: head => head.replace(/^Host: .*$/im, 'Host: internal:8080') });
    expect(inShort(found)).toEqual(['ok listener', 'ok listener', 'error token-aud set']);
    expect(found[2]!.seen).toContain('internal:8080');
  });

  test('[MG-226] ws-proxy: the Upgrade header is dropped', async () => {
    const found = await through({ rewrite: head => head.replace(/^(?:Upgrade|Connection): .*\r\n/gim, '') });
    expect(inShort(found)).toEqual(['ok listener', 'ok listener', 'error ws-proxy let']);
    expect(found[2]!.seen).toMatch(/^answered 400 to a WebSocket upgrade/);
    expect(found[2]!.advice.join('\n')).toMatch(/nginx:[\s\S]*Traefik[\s\S]*ALB/);
  });

  test('[MG-226] ws-proxy: silent connections are cut before the keep-alive', async () => {
    const yaml = 'hubs: { chat: { webSocketKeepAliveIntervalInSeconds: 1 } }\n';
    const found = await through({ idleMs: 400 }, { focus: { connect: true } }, yaml);
    expect(inShort(found)).toEqual(['ok listener', 'ok listener', 'ok listener', 'error ws-proxy raise']);
    expect(found[3]!.advice[0]).toContain('above 2 s');
  });

  test('silent connections that are kept', async () => {
    const yaml = 'hubs: { chat: { webSocketKeepAliveIntervalInSeconds: 1 } }\n';
    const found = await through({}, { focus: { connect: true } }, yaml);
    expect(inShort(found)).toEqual(['ok listener', 'ok listener', 'ok listener', 'ok client']);
    expect(found[3]!.seen).toMatch(/idle \d+ ms$/);
  });
});
