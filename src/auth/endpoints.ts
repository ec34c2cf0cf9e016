import { PubSubError } from '../errors.js';
import { excessOf, urlForPeople } from '../urls.js';

/** A base that clients and app servers use to reach the service. */
export interface Base {
  /** `host[:port]`, lower case, the scheme's default port left out. */
  readonly authority: string;
  /** Path in front of every route, without a trailing slash; usually empty. */
  readonly path: string;
}

/** Parsed endpoints. Hot path: they are not parsed again for each token. */
interface Parsed {
  /** What they were parsed from; empty when they are configured. */
  readonly listening: string;
  readonly urls: readonly URL[];
  readonly bases: readonly Base[];
  /** Of the bases, each once; the longest first. */
  readonly paths: readonly string[];
}

/** The service's public endpoints: the audience of tokens, and the origin in requests to upstreams. [client-protocols D26, rest-api 1.3] */
export class Endpoints {
  readonly #configured: readonly URL[];
  readonly #listening: () => string;
  #parsed: Parsed | undefined;
  /** Of the latest request. Hot path: most name the same host. */
  #ofHost: { readonly host: string; readonly parsed: Parsed; readonly bases: readonly Base[] } | undefined;

  /**
   * @param configured absolute http(s) URLs; the first one is used wherever a URL is made
   * @param listening the address of the public listener, used when nothing is configured
   * @throws PubSubError `invalid` for something that is not an http(s) URL, or has more than a path behind its host; without its secrets
   */
  constructor(configured: readonly string[], listening: () => string) {
    this.#configured = configured.map(parseEndpoint);
    this.#listening = listening;
  }

  get isConfigured(): boolean {
    return this.#configured.length > 0;
  }

  /** The first endpoint, without a trailing slash, e.g. `https://pubsub.example.com`. */
  get primary(): string {
    return this.#current().urls[0]?.href.replace(/\/$/, '') ?? '';
  }

  /** Host names without port, as `WebHook-Request-Origin` names them. [upstream-events D6, D7] */
  get hostnames(): readonly string[] {
    return [...new Set(this.#current().urls.map(url => url.hostname))];
  }

  /** Hosts with the port, where it is not the scheme's own. [upstream-events 4.2] */
  get hosts(): readonly string[] {
    return [...new Set(this.#current().urls.map(url => url.host))];
  }

  /** Ports under which the service is reached. */
  get ports(): readonly number[] {
    const { urls } = this.#current();
    return [...new Set(urls.map(url => Number(url.port) || (url.protocol === 'https:' ? 443 : 80)))];
  }

  /** Paths in front of every route, without a trailing slash; the longest first, and none where all endpoints are at the root. */
  get basePaths(): readonly string[] {
    return this.#current().paths;
  }

  /** Bases an audience may name: all of ours; the request's own host too when requested, or when none is configured. */
  bases(requestHost: string | undefined, alwaysRequestHost: boolean): readonly Base[] {
    const parsed = this.#current();
    if (requestHost === undefined || (this.isConfigured && !alwaysRequestHost)) return parsed.bases;
    if (this.#ofHost?.host !== requestHost || this.#ofHost.parsed !== parsed) {
      this.#ofHost = { host: requestHost, parsed, bases: withHost(parsed, requestHost) };
    }
    return this.#ofHost.bases;
  }

  /** The listener's address is known only once it listens. */
  #current(): Parsed {
    const listening = this.isConfigured ? '' : this.#listening();
    if (this.#parsed?.listening === listening) return this.#parsed;
    const urls = this.isConfigured ? this.#configured : [new URL(listening)];
    const bases = urls.map(baseOf);
    this.#parsed = { listening, urls, bases, paths: pathsOf(bases) };
    return this.#parsed;
  }
}

function withHost({ bases, paths }: Parsed, host: string): readonly Base[] {
  const authority = host.toLowerCase().replace(/:(80|443)$/, '');
  return [...bases, { authority, path: '' }, ...paths.map(path => ({ authority, path }))];
}

function baseOf(url: URL): Base {
  return { authority: url.host, path: url.pathname.replace(/\/$/, '') };
}

function pathsOf(bases: readonly Base[]): readonly string[] {
  const paths = new Set(bases.map(({ path }) => path).filter(path => path !== ''));
  return [...paths].sort((a, b) => b.length - a.length);
}

function parseEndpoint(text: string): URL {
  const excess = excessOf(text);
  if (excess !== undefined) throw new PubSubError('invalid', `endpoint ${excess}`);
  const shown = urlForPeople(text);
  if (!URL.canParse(text)) {
    throw new PubSubError('invalid', `endpoint "${shown}" is not a URL; write it like https://pubsub.example.com`);
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new PubSubError('invalid', `endpoint "${shown}" must start with http:// or https://`);
  }
  return url;
}
