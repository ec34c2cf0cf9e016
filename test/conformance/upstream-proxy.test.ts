import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProxies } from '../../src/cli/settings.js';
import { proxiedFetch } from '../../src/egress/fetch.js';
import { reply } from '../support/answers.js';
import { appCertificate } from '../support/app-certificate.js';
import { startHandlers, textOf } from '../support/handlers.js';
import { HttpProxy } from '../support/http-proxy.js';
import { chatYaml, fileWith, runHubwire } from '../support/hubwire-process.js';
import { startUpstream } from '../support/upstream.js';

/** An upstream that only the proxy knows by its name. */
async function start(proxy: HttpProxy, env: Record<string, string> = { HTTP_PROXY: proxy.url }) {
  const upstream = await startUpstream();
  const origin = `http://app.internal:${new URL(upstream.origin).port}`;
  const proxies = readProxies(env);
  return { upstream, origin, ...(await startHandlers({ chat: `${origin}/{event}?code=k` }, {}, { proxies })) };
}

describe('[D15] an http upstream behind a proxy', () => {
  test('is validated and sent events through it, with its own Host', async () => {
    const proxy = await HttpProxy.start();
    const { upstream, origin, open } = await start(proxy);
    upstream.on('e', reply(200, { 'Content-Type': 'text/plain' }, 'hi'));
    expect(await open().event('e', textOf('x'))).toMatchObject({ bytes: Buffer.from('hi') });
    expect(proxy.asked).toEqual([`OPTIONS ${origin}/validate?code=k`, `POST ${origin}/e?code=k`]);
    expect(upstream.requests.at(-1)).toMatchObject({ url: '/e?code=k', headers: { host: origin.slice(7) } });
  });

  test('with a user name and password', async () => {
    const proxy = await HttpProxy.start({ credentials: 'me:pw' });
    const { upstream, open } = await start(proxy, { HTTP_PROXY: proxy.url.replace('//', '//me:pw@') });
    await open().event('e', textOf('x'));
    expect(upstream.requests.at(-1)?.event).toBe('e');
  });

  test('407 says what to do, without the credentials that were given', async () => {
    const proxy = await HttpProxy.start({ credentials: 'me:pw' });
    const { handlers, open } = await start(proxy, { HTTP_PROXY: proxy.url.replace('//', '//me:s3cret@') });
    const [status] = handlers.statuses();
    expect(status).toMatchObject({
      state: 'failed',
      answered: `the proxy ${proxy.url} (HTTP_PROXY) answered 407`,
      advice: expect.stringContaining('http://user:password@host:port'),
    });
    await expect(open().event('e', textOf('x'))).rejects.toThrow('answered 407');
    expect(JSON.stringify(status)).not.toContain('s3cret');
  });

  test('NO_PROXY leads past it', async () => {
    const proxy = await HttpProxy.start();
    const { handlers } = await start(proxy, { HTTP_PROXY: proxy.url, NO_PROXY: '.internal' });
    expect(handlers.statuses()[0]).toMatchObject({ state: 'failed', answered: 'host name not found' });
    expect(proxy.asked).toEqual([]);
  });

  test('a proxy that is down is named', async () => {
    const proxy = await HttpProxy.start();
    const { handlers } = await start(proxy, { HTTP_PROXY: 'http://127.0.0.1:1' });
    expect(handlers.statuses()[0]).toMatchObject({
      answered: 'no connection through the proxy http://127.0.0.1:1 (HTTP_PROXY) (ECONNREFUSED)',
    });
  });
});

describe('[D15] an https upstream behind a proxy', () => {
  async function tlsUpstream(): Promise<string> {
    const server = createServer(appCertificate, (_request, response) => {
      response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `https://app.internal:${(server.address() as AddressInfo).port}`;
  }

  /** A process of its own: which certificates are trusted is said by its environment. */
  async function validate(origin: string, env: Record<string, string>) {
    const file = await fileWith(chatYaml(`${origin}/{event}`));
    const ca = await fileWith(appCertificate.cert, 'ca.pem');
    const { stdout } = await runHubwire(['validate', file, '--json'], { NODE_EXTRA_CA_CERTS: ca, ...env });
    return JSON.parse(stdout).eventHandlers[0];
  }

  test('is reached by CONNECT', async () => {
    const [proxy, origin] = [await HttpProxy.start({ credentials: 'me:pw' }), await tlsUpstream()];
    const env = { https_proxy: proxy.url.replace('//', '//me:pw@') };
    expect(await validate(origin, env)).toMatchObject({ state: 'active', answered: expect.stringContaining('200') });
    expect(proxy.asked).toEqual([`CONNECT ${origin.slice(8)}`]);
  });

  test.each([
    [407, 'http://user:password@host:port'],
    [403, 'add its host to NO_PROXY'],
  ])('%i to CONNECT says what to do', async (refuses, advice) => {
    const [proxy, origin] = [await HttpProxy.start({ refuses }), await tlsUpstream()];
    expect(await validate(origin, { HTTPS_PROXY: proxy.url })).toMatchObject({
      state: 'failed',
      answered: `the proxy ${proxy.url} (HTTPS_PROXY) answered ${refuses}`,
      advice: expect.stringContaining(advice),
    });
  });

  test('502 to CONNECT is a connection that failed', async () => {
    const [proxy, origin] = [await HttpProxy.start({ refuses: 502 }), await tlsUpstream()];
    expect(await validate(origin, { HTTPS_PROXY: proxy.url })).toMatchObject({
      answered: `no connection through the proxy ${proxy.url} (HTTPS_PROXY) (PROXY_502)`,
    });
  });
});

test('[D15] documents of issuers of Entra tokens are fetched through the proxy', async () => {
  const proxy = await HttpProxy.start({ refuses: 403 });
  const fetchDocument = proxiedFetch(readProxies({ HTTPS_PROXY: proxy.url }));
  const init = { redirect: 'error', signal: AbortSignal.timeout(5_000) } as const;
  await expect(fetchDocument('https://login.example/keys', init)).rejects.toThrow();
  expect(proxy.asked).toEqual(['CONNECT login.example:443']);
});
