import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { PubSubError } from '../errors.js';

export interface OwnHostsOptions {
  /** The address that the listener is bound to; undefined: not known. */
  readonly boundHost: string | undefined;
  readonly hasTls: boolean;
  /** URLs under which it is reached besides, as `https://admin.example.com`. */
  readonly origins: readonly string[];
}

/**
 * Which `Host` and `Origin` requests may name. DNS rebinding: a web page can resolve its own name to this machine's address
 * and then call the listener as its own origin; it cannot change the name in Host. An IP address is nobody's name. [MG-122]
 */
export class OwnHosts {
  readonly #boundHost: string | undefined;
  readonly #scheme: 'http' | 'https';
  readonly #origins: readonly URL[];

  constructor({ boundHost, hasTls, origins }: OwnHostsOptions) {
    this.#boundHost = boundHost?.toLowerCase();
    this.#scheme = hasTls ? 'https' : 'http';
    this.#origins = origins.map(origin => new URL(origin));
  }

  /** @throws PubSubError `misdirected` */
  checkHost({ headers: { host } }: IncomingMessage): void {
    if (host === undefined || this.#isOwn(host)) return;
    const message =
      'This listener is not reached by this host name: use localhost or an IP address in the URL, or add the URL to HUBWIRE_ADMIN_ORIGINS.';
    throw new PubSubError('misdirected', message);
  }

  /** @throws PubSubError `forbidden` for a page of another origin */
  checkOrigin({ headers: { origin, host } }: IncomingMessage): void {
    if (origin === undefined || this.#isOwnOrigin(origin, host)) return;
    throw new PubSubError('forbidden', 'Web pages of other origins may not call this listener.');
  }

  /** Under which the caller reaches this listener, without a trailing slash. */
  adminUrl({ headers: { host = 'localhost' } }: IncomingMessage): string {
    const scheme = this.#origins.find(url => url.host === host.toLowerCase())?.protocol ?? `${this.#scheme}:`;
    return `${scheme}//${host.toLowerCase()}`;
  }

  /** Is it one of the URLs of this listener? Its path does not count. */
  isAdminUrl(text: string): boolean {
    return URL.canParse(text) && this.#isOwn(new URL(text).host);
  }

  #isOwnOrigin(origin: string, host: string | undefined): boolean {
    if (this.#origins.some(url => url.origin === origin)) return true;
    return host !== undefined && this.#isOwn(host) && origin === `${this.#scheme}://${host}`;
  }

  #isOwn(host: string): boolean {
    const name = host.replace(/:\d*$/, '').toLowerCase();
    if (isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
    return name === this.#boundHost || this.#origins.some(url => url.hostname === name);
  }
}
