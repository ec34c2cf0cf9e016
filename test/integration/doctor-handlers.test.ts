import dns from 'node:dns';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { noProxies } from '../../src/egress/proxy.js';
import { AppServer } from '../support/app-server.js';
import {
  closedUrl,
  cors,
  express,
  handlerFindings,
  handlerYaml,
  inShort,
  listen,
  middleware,
  serve,
} from '../support/doctor.js';
import { HttpProxy } from '../support/http-proxy.js';
import { notRun } from '../support/not-run.js';

/** Proxies that know every host, and take each for this machine. */
async function proxies() {
  const proxy = await HttpProxy.start();
  const address = { origin: proxy.url, authorization: undefined, variable: 'HTTP_PROXY' };
  return { ...noProxies, http: address };
}

/** The same port, under another name. */
function renamed(url: string, host: string): string {
  return `http://${host}:${new URL(url).port}`;
}

async function hasIpv6(): Promise<boolean> {
  const server = createTcpServer();
  return new Promise(resolve => {
    server.once('error', () => resolve(false));
    server.listen(0, '::1', () => server.close(() => resolve(true)));
  });
}

describe('an app server that cannot be reached', () => {
  test('[MG-200] refused: nothing listens', async () => {
    const url = await closedUrl();
    const [finding, ...others] = await handlerFindings(handlerYaml(`${url}/{event}`));
    expect(finding).toMatchObject({
      code: 'refused',
      level: 'error',
      hub: 'chat',
      url: `${url}/{event}`,
      line: 4,
      seen: 'connection refused',
      advice: [
        'start the app',
        expect.stringContaining('host.docker.internal'),
        `is the app running at ${url}?`,
        expect.stringMatching(/^curl /),
      ],
    });
    expect(others).toEqual([]);
  });

  test('[MG-200] refused: in a container the app may be at the machine around it', async t => {
    if (process.platform !== 'linux') return notRun(t, 'only Linux has all of 127.0.0.0/8');
    const url = await serve(express(), '127.0.0.2');
    const machine = { isContainer: true, containerHost: '127.0.0.2' };
    const [finding] = await handlerFindings(handlerYaml(renamed(url, 'localhost')), { machine });
    expect(inShort([finding!])).toEqual(['error refused write']);
    expect(finding!.advice[0]).toContain(url);
    expect(finding!.advice[2]).toMatch(/^this is a container/);
  });

  test('[MG-201] dns: the name of a tunnel that is off', async () => {
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
      const done = args.at(-1) as (error: Error) => void;
      done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
    }) as never);
    const found = await handlerFindings(handlerYaml('http://my-app.ngrok-free.app/{event}'));
    lookup.mockRestore();
    expect(inShort(found)).toEqual(['error dns the']);
    expect(found[0]!.advice.join('\n')).toContain('http://localhost:PORT');
  });

  test('[MG-202] tunnel-page: the tunnel answers with a page of its own', async () => {
    const app = express();
    app.use((_request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Visit?</h1>'));
    const url = renamed(await serve(app), 'my-app.loca.lt');
    expect(inShort(await handlerFindings(handlerYaml(url), { proxies: await proxies() }))).toEqual([
      'error tunnel-page the',
    ]);
  });

  test('[MG-202] tunnel-page: the tunnel says that it has no target', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(404, { 'ngrok-error-code': 'ERR_NGROK_3200' }).end();
    app.onGet = app.onOptions;
    expect(inShort(await handlerFindings(handlerYaml(app.url)))).toEqual(['error tunnel-page the']);
    await app.close();
  });

  test('[MG-229] ports: the app listens on the other address of this machine', async t => {
    if (!(await hasIpv6())) return notRun(t, 'this machine has no IPv6');
    const app = express();
    app.use(middleware());
    const six = await serve(app, '::1');
    const found = await handlerFindings(handlerYaml(`${renamed(six, '127.0.0.1')}/eventhandler`));
    expect(inShort(found)).toEqual(['error ports write']);
    expect(found[0]!.advice[0]).toContain(six);
    const four = await serve(app, '127.0.0.1');
    const reverse = await handlerFindings(handlerYaml(`${renamed(four, '[::1]')}/eventhandler`));
    expect(inShort(reverse)).toEqual(['error ports write']);
    expect(reverse[0]!.advice[0]).toContain(four);
  });

  test('[MG-229] ports: localhost is ::1 alone, and the app listens on 127.0.0.1', async t => {
    if (!(await hasIpv6())) return notRun(t, 'this machine has no IPv6');
    const app = express();
    app.use(middleware());
    const url = await serve(app, '127.0.0.1');
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
      const done = args.at(-1) as (error: null, address: unknown, family?: number) => void;
      const { all } = args[1] as { all?: boolean };
      if (all === true) done(null, [{ address: '::1', family: 6 }]);
      else done(null, '::1', 6);
    }) as never);
    const found = await handlerFindings(handlerYaml(`${renamed(url, 'localhost')}/eventhandler`));
    lookup.mockRestore();
    expect(inShort(found)).toEqual(['error ports write']);
    expect(found[0]!.advice[0]).toContain(url);
  });

  test('a server that speaks no HTTP', async () => {
    const url = await listen(createTcpServer(socket => socket.on('data', () => socket.end('SSH-2.0-x\r\n'))));
    expect(inShort(await handlerFindings(handlerYaml(url)))).toEqual(['error no-answer check']);
  });
});

describe('an app that does not answer as an event handler', () => {
  test.each([
    ['/eventhandler', '/wrong/{event}', '/eventhandler/{event}'],
    ['/api/webpubsub/hubs/chat/', '/wrong/{event}', '/api/webpubsub/hubs/chat/{event}'],
  ])('[MG-203] path: the app serves %s, and not %s', async (path, written, meant) => {
    const app = express();
    app.use(middleware({ path }));
    const url = await serve(app);
    const found = await handlerFindings(handlerYaml(url + written));
    expect(inShort(found)).toEqual(['error path your']);
    expect(found[0]!.advice[0]).toContain(`answers at ${url}${meant}:`);
  });

  test('[MG-203] path: without the last slash, as the app has it', async () => {
    const app = await AppServer.start();
    const allow = app.onOptions;
    app.onOptions = (response, request) =>
      request.path === '/hook/' ? allow(response, request) : response.writeHead(404).end();
    const [finding] = await handlerFindings(handlerYaml(`${app.url}/hook`));
    expect(finding).toMatchObject({
      code: 'path',
      advice: expect.arrayContaining([expect.stringContaining(`${app.url}/hook/`)]),
    });
    await app.close();
  });

  test('[MG-203] path: nothing answers anywhere', async () => {
    expect(inShort(await handlerFindings(handlerYaml(`${await serve(express())}/x`)))).toEqual(['error path compare']);
  });

  test.each([
    [
      'another route is there',
      (app: ReturnType<typeof express>) => app.post('/eventhandler/validate', (_, response) => void response.end()),
    ],
    [
      'a catch-all route comes first',
      (app: ReturnType<typeof express>) => {
        app.use((_request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>App</h1>'));
        app.use(middleware());
      },
    ],
  ])('[MG-204] no-middleware: %s', async (_, mount) => {
    const app = express();
    mount(app);
    const found = await handlerFindings(handlerYaml(`${await serve(app)}/eventhandler/{event}`));
    expect(inShort(found)).toEqual(['error no-middleware mount']);
    for (const name of ['Express:', 'ASP.NET:', 'Functions:']) expect(found[0]!.advice.join('\n')).toContain(name);
  });

  test('[MG-205] cors-first: cors() answers OPTIONS', async () => {
    const app = express();
    app.use(cors());
    app.use(middleware());
    const found = await handlerFindings(handlerYaml(`${await serve(app)}/eventhandler/{event}`));
    expect(inShort(found)).toEqual(['error cors-first Express:']);
  });

  test('[MG-209] allowed-endpoints: the app allows another service', async () => {
    const app = express();
    app.use(middleware({ allowedEndpoints: ['https://mine.webpubsub.azure.com'] }));
    const found = await handlerFindings(handlerYaml(`${await serve(app)}/eventhandler/{event}`));
    expect(inShort(found)).toEqual(['error allowed-endpoints add']);
    expect(found[0]!.advice[0]).toContain('http://localhost:8080');
  });

  test('[MG-210] origin-port: the app allows another port of this service', async () => {
    const app = express();
    app.use(middleware({ allowedEndpoints: ['http://localhost:9090'] }));
    const found = await handlerFindings(handlerYaml(`${await serve(app)}/eventhandler/{event}`));
    expect(inShort(found)).toEqual(['error origin-port write']);
  });

  test('[MG-210] origin-port: the app answers with a path', async () => {
    const app = await AppServer.start();
    app.onOptions = response =>
      response.writeHead(200, { 'WebHook-Allowed-Origin': 'http://localhost:8080/client' }).end();
    expect(inShort(await handlerFindings(handlerYaml(app.url)))).toEqual(['error origin-port write']);
    await app.close();
  });

  test.each([
    [
      'reads several names as one, and refuses it',
      (names: string) => (names.includes(',') ? { status: 400 } : { status: 200, names: '*' }),
    ],
    ['answers with the list', (names: string) => ({ status: 200, names })],
  ])('[MG-211] origin-list: an app that %s', async (_, answerTo) => {
    const app = await AppServer.start();
    app.onOptions = (response, { headers }) => {
      const { status, names } = answerTo(String(headers['webhook-request-origin'])) as {
        status: number;
        names?: string;
      };
      response.writeHead(status, names === undefined ? {} : { 'WebHook-Allowed-Origin': names }).end();
    };
    const endpoints = ['https://one.example', 'https://two.example'];
    const found = await handlerFindings(handlerYaml(app.url), { endpoints });
    expect(inShort(found)).toEqual(['error origin-list update']);
    await app.close();
  });

  test('[MG-215] method: the app does not know OPTIONS', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(405, { Allow: 'POST' }).end();
    expect(inShort(await handlerFindings(handlerYaml(app.url)))).toEqual(['error method allow']);
    await app.close();
  });

  test('[MG-218] upstream-5xx: the app fails', async () => {
    const app = express();
    app.use(() => {
      throw new Error('no database');
    });
    const found = await handlerFindings(handlerYaml(await serve(app)));
    expect(inShort(found)).toEqual(['error upstream-5xx look']);
    expect(found[0]!.advice[0]).toMatch(/^look into the log of the app for .*\d\d:\d\d:\d\d GMT/);
  });
});

describe('something in front of the app', () => {
  test('[MG-212] code-missing: the path of Functions without a code', async () => {
    const app = await AppServer.start();
    app.onOptions = (response, { path }) =>
      path.includes('code=secret-of-the-app')
        ? response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end()
        : response.writeHead(401).end();
    const url = `${app.url}/runtime/webhooks/webpubsub`;
    expect(inShort(await handlerFindings(handlerYaml(url)))).toEqual(['error code-missing add']);
    const healthy = await handlerFindings(handlerYaml(`${url}?code=secret-of-the-app`));
    expect(inShort(healthy)).toEqual(['ok handler']);
    expect(JSON.stringify(healthy)).not.toContain('secret-of-the-app');
    await app.close();
  });

  test('[MG-212] code-missing: a host of Functions', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(401).end();
    const url = `${renamed(app.url, 'mine.azurewebsites.net')}/api/hook`;
    expect(inShort(await handlerFindings(handlerYaml(url), { proxies: await proxies() }))).toEqual([
      'error code-missing add',
    ]);
    await app.close();
  });

  test.each([
    [
      'redirects to a sign-in',
      302,
      { Location: 'https://login.microsoftonline.com/common/oauth2/authorize?state=SECRET' },
    ],
    ['names a sign-in', 401, { 'WWW-Authenticate': 'Bearer authorization_uri="https://login.windows.net/x"' }],
    ['has a mark of App Service', 401, { 'x-ms-middleware-request-id': 'x' }],
    ['lets preflights pass, and says nothing else', 401, {}],
  ])('[MG-213] easyauth: a layer that %s', async (_, status, headers) => {
    const app = await AppServer.start();
    app.onOptions = (response, { headers: given }) =>
      given['access-control-request-method'] === undefined
        ? response.writeHead(status, headers).end()
        : response.writeHead(204).end();
    const found = await handlerFindings(handlerYaml(app.url));
    expect(inShort(found)).toEqual(['error easyauth exclude']);
    expect(found[0]!.advice.join('\n')).toContain('preflights');
    expect(JSON.stringify(found)).not.toContain('SECRET');
    await app.close();
  });

  test('the request can be repeated with curl, which shows the same', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(401).end();
    const [finding] = await handlerFindings(handlerYaml(`${app.url}/{hub}/{event}?code=SECRET`));
    expect(finding!.advice.at(-1)).toBe(
      `curl -i -X OPTIONS -H 'WebHook-Request-Origin: localhost' -H 'ce-awpsversion: 1.0' '${app.url}/chat/validate?code=***'`,
    );
    await app.close();
  });

  test('a plain 401', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(401).end();
    expect(inShort(await handlerFindings(handlerYaml(app.url)))).toEqual(['error unauthorized allow']);
    await app.close();
  });

  test('[MG-214] redirect: to the same app with a slash', async () => {
    const app = await AppServer.start();
    app.onOptions = (response, { path }) => response.writeHead(308, { Location: `${path}/` }).end();
    const found = await handlerFindings(handlerYaml(`${app.url}/hook`));
    expect(inShort(found)).toEqual(['error redirect put']);
    expect(found[0]!.seen).toBe('answered 308 to /hook/');
    await app.close();
  });

  test('[MG-224] token-time: the clock of the app server', async () => {
    const app = await AppServer.start();
    app.onOptions = response => {
      const date = new Date(Date.now() + 5 * 60_000).toUTCString();
      response.writeHead(200, { 'WebHook-Allowed-Origin': '*', Date: date }).end();
    };
    const found = await handlerFindings(handlerYaml(app.url));
    expect(inShort(found)).toEqual(['ok handler', 'warning token-time correct']);
    expect(found[1]!.seen).toMatch(/^the clock of the app server is (299|300|301) s ahead of/);
    await app.close();
  });
});

describe('handlers of one hub', () => {
  test('a handler that takes nothing', async () => {
    const app = await AppServer.start();
    expect(inShort(await handlerFindings(handlerYaml(app.url, [])))).toEqual([
      'ok handler',
      'warning no-events receives',
    ]);
    await app.close();
  });

  test('[MG-241] ten dead upstreams are tried at once', async () => {
    const app = await AppServer.start();
    const waiting: (() => void)[] = [];
    app.onOptions = response => {
      waiting.push(() => response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end());
      if (waiting.length === 10) for (const answer of waiting) answer(); // none is answered before the last has come
    };
    const hubs = Array.from(
      { length: 10 },
      (_, at) => `  h${at}: { eventHandlers: [{ urlTemplate: "${app.url}/${at}", userEventPattern: "*" }] }`,
    );
    const found = await handlerFindings(`hubs:\n${hubs.join('\n')}\n`);
    expect(inShort(found)).toEqual(Array(10).fill('ok handler'));
    await app.close();
  });

  test('nothing but OPTIONS and GET is sent', async () => {
    const app = await AppServer.start();
    app.onOptions = response => response.writeHead(404).end();
    await handlerFindings(handlerYaml(app.url, ['systemEvents: [connect]', 'userEventPattern: "*"']));
    expect(new Set(app.requests.map(({ method }) => method))).toEqual(new Set(['OPTIONS', 'GET']));
    await app.close();
  });
});
