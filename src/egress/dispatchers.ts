import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { ProxyAddress } from './proxy.js';

/** A socket that cannot be opened within this is a connection failure, which is retried. */
const connectTimeoutMs = 10_000;

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

/** One keep-alive pool for the origin, by the proxy if there is one. */
export function wayTo(origin: string, proxy: ProxyAddress | undefined): Way {
  if (proxy === undefined) return { dispatcher: new Pool(origin, poolOptions), options: plain };
  return origin.startsWith('https:') ? throughTunnel(origin, proxy) : throughForwarder(origin, proxy);
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
