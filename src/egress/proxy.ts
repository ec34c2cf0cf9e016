import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../addresses.js';

/** Which proxies requests use, from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export interface ProxySettings {
  /** For http URLs; undefined: none. */
  readonly http: ProxyAddress | undefined;
  /** For https URLs. */
  readonly https: ProxyAddress | undefined;
  /** Hosts that are reached without a proxy: a list with commas or blanks, `*` for all. */
  readonly except: string;
}

export interface ProxyAddress {
  /** `http://host:port` or `https://host:port`, without credentials: for messages too. */
  readonly origin: string;
  /** Value of `Proxy-Authorization`; a secret. */
  readonly authorization: string | undefined;
  /** The variable it was read from, for messages. */
  readonly variable: string;
}

export const noProxies: ProxySettings = { http: undefined, https: undefined, except: '' };

/** Finds the proxy for an origin. */
export class Proxies {
  readonly #settings: ProxySettings;
  readonly #exceptions: readonly Exception[];

  constructor(settings: ProxySettings) {
    this.#settings = settings;
    this.#exceptions = settings.except
      .split(/[,\s]+/)
      .filter(item => item !== '')
      .map(exceptionOf);
  }

  /** Undefined: directly. This machine is always reached directly, as a proxy's loopback is another. */
  for(origin: string): ProxyAddress | undefined {
    const { protocol, hostname, port } = new URL(origin);
    const proxy = protocol === 'https:' ? this.#settings.https : this.#settings.http;
    if (proxy === undefined) return undefined;
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (isThisMachine(host)) return undefined;
    const portNumber = Number(port) || (protocol === 'https:' ? 443 : 80);
    return this.#exceptions.some(isMet => isMet(host, portNumber)) ? undefined : proxy;
  }
}

function isThisMachine(host: string): boolean {
  return isLoopback(host) || host.endsWith('.localhost');
}

type Exception = (host: string, port: number) => boolean;

/** `*`, a host with all that ends in `.host`, an address, or a network such as `10.0.0.0/8`; with or without a port. */
function exceptionOf(text: string): Exception {
  if (text === '*') return () => true;
  const network = networkOf(text);
  if (network !== undefined) return host => isIP(host) !== 0 && network.check(host, familyOf(host));
  const { name, port } = hostAndPort(text.toLowerCase());
  return (host, at) => (port === undefined || port === at) && (host === name || host.endsWith(`.${name}`));
}

function hostAndPort(text: string): { readonly name: string; readonly port: number | undefined } {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|(.+?))(?::(\d+))?$/.exec(isIP(text) === 6 ? `[${text}]` : text) ?? [];
  return {
    name: (bracketed ?? plain ?? '').replace(/^\*?\./, ''),
    port: port === undefined ? undefined : Number(port),
  };
}

function networkOf(text: string): BlockList | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits) || rest.length > 0) return undefined;
  if (Number(bits) > (isIP(address) === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), familyOf(address));
  return network;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
