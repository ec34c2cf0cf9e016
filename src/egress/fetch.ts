import { type Dispatcher, fetch as fetchBy } from 'undici';
import { tunnel } from './dispatchers.js';
import { noProxies, Proxies, type ProxyAddress, type ProxySettings } from './proxy.js';

/** What the callers need of `fetch`. */
export type Fetch = (
  url: string,
  init: { readonly redirect: 'error'; readonly signal: AbortSignal },
) => Promise<{
  readonly ok: boolean;
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array> | null;
}>;

/** `fetch` for documents that are wanted once in a while, by the proxy if there is one. */
export function proxiedFetch(settings: ProxySettings = noProxies): Fetch {
  const proxies = new Proxies(settings);
  const tunnels = new Map<ProxyAddress, Dispatcher>();
  return (url, init) => {
    const proxy = proxies.for(url);
    if (proxy === undefined) return fetch(url, init);
    const dispatcher = tunnels.get(proxy) ?? tunnel(proxy);
    tunnels.set(proxy, dispatcher);
    return fetchBy(url, { ...init, dispatcher });
  };
}
