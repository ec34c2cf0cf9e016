import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { connectorFor, connectTimeoutMs, type SocketRules } from './connector.js';
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
 * @param rules their guard is of direct ways: a proxy resolves names itself, so it is the proxy's to refuse addresses
 */
export function wayTo(origin: string, proxy: ProxyAddress | undefined, rules: SocketRules): Way {
  if (proxy === undefined) return { dispatcher: poolTo(origin, rules), options: plain };
  const toProxy = { localAddress: rules.localAddress };
  return origin.startsWith('https:') ? throughTunnel(origin, proxy, toProxy) : throughForwarder(origin, proxy, toProxy);
}

function poolTo(origin: string, rules: SocketRules): Pool {
  const isPlain = rules.guard === undefined && rules.localAddress === undefined;
  return new Pool(origin, isPlain ? poolOptions : { ...poolOptions, connect: connectorFor(rules) });
}

function plain(method: Dispatcher.HttpMethod, path: string, headers: string[], body: Buffer | null) {
  return { method, path, headers, body };
}

/** https: a CONNECT tunnel through the proxy, which sees no plain text. */
function throughTunnel(origin: string, proxy: ProxyAddress, toProxy: SocketRules): Way {
  return { dispatcher: tunnel(proxy, toProxy), options: (...request) => ({ origin, ...plain(...request) }) };
}

/** Reaches any origin by CONNECT. */
export function tunnel(proxy: ProxyAddress, toProxy: SocketRules = {}): Dispatcher {
  const connect = toProxy.localAddress === undefined ? undefined : connectorFor(toProxy);
  return new ProxyAgent({
    uri: proxy.origin,
    ...(proxy.authorization !== undefined && { token: proxy.authorization }),
    requestTls: { timeout: connectTimeoutMs },
    proxyTls: { timeout: connectTimeoutMs },
    clientFactory: (url, options) =>
      new Pool(url, { ...options, headersTimeout: connectTimeoutMs, ...(connect && { connect }) }),
    factory: (url, options) => new Pool(url, { ...(options as Pool.Options), ...poolOptions }),
  });
}

/** http: the proxy is sent the whole URL. [RFC 9112 3.2.2] */
function throughForwarder(origin: string, proxy: ProxyAddress, toProxy: SocketRules): Way {
  const own = ['Host', new URL(origin).host];
  if (proxy.authorization !== undefined) own.push('Proxy-Authorization', proxy.authorization);
  return {
    dispatcher: poolTo(proxy.origin, toProxy),
    options: (method, path, headers, body) => plain(method, origin + path, [...own, ...headers], body),
  };
}
