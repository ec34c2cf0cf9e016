import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type AddressGuard, connectTimeoutMs, guardedConnector } from './connector.js';
import type { ProxyAddress } from './proxy.js';

/** An answer's head, as Node's own default is, four times over: sign-in layers and proxies in front of an app add cookies. */
const maxHeadBytes = 64 * 1024;

/** Time limits of an exchange are its own, kept by the injected clock. */
const poolOptions = {
  headersTimeout: 0,
  bodyTimeout: 0,
  connectTimeout: connectTimeoutMs,
  maxHeaderSize: maxHeadBytes,
} as const;

/** What is dispatched, in the form that the way to its origin needs. */
export interface Way {
  readonly dispatcher: Dispatcher;
  options(
    method: Dispatcher.HttpMethod,
    path: string,
    headers: string[],
    body: Buffer | null,
  ): Dispatcher.DispatchOptions;
}

/**
 * One keep-alive pool for the origin, by the proxy if there is one.
 * @param guard of the addresses to connect to; behind a proxy, which resolves names itself, it is the proxy's to refuse them
 */
export function wayTo(origin: string, proxy: ProxyAddress | undefined, guard: AddressGuard | undefined): Way {
  if (proxy === undefined) return { dispatcher: directPool(origin, guard), options: plain };
  return origin.startsWith('https:') ? throughTunnel(origin, proxy) : throughForwarder(origin, proxy);
}

function directPool(origin: string, guard: AddressGuard | undefined): Pool {
  return new Pool(origin, guard === undefined ? poolOptions : { ...poolOptions, connect: guardedConnector(guard) });
}

function plain(method: Dispatcher.HttpMethod, path: string, headers: string[], body: Buffer | null) {
  return { method, path, headers, body };
}

/** https: a CONNECT tunnel through the proxy, which sees no plain text. */
function throughTunnel(origin: string, proxy: ProxyAddress): Way {
  return { dispatcher: tunnel(proxy), options: (...request) => ({ origin, ...plain(...request) }) };
}

/** Reaches any origin by CONNECT. */
export function tunnel(proxy: ProxyAddress): Dispatcher {
  return new ProxyAgent({
    uri: proxy.origin,
    ...(proxy.authorization !== undefined && { token: proxy.authorization }),
    requestTls: { timeout: connectTimeoutMs },
    proxyTls: { timeout: connectTimeoutMs },
    clientFactory: (url, options) => new Pool(url, { ...options, headersTimeout: connectTimeoutMs }),
    factory: (url, options) => new Pool(url, { ...(options as Pool.Options), ...poolOptions }),
  });
}

/** http: the proxy is sent the whole URL. [RFC 9112 3.2.2] */
function throughForwarder(origin: string, proxy: ProxyAddress): Way {
  const own = ['Host', new URL(origin).host];
  if (proxy.authorization !== undefined) own.push('Proxy-Authorization', proxy.authorization);
  return {
    dispatcher: new Pool(proxy.origin, poolOptions),
    options: (method, path, headers, body) => plain(method, origin + path, [...own, ...headers], body),
  };
}
