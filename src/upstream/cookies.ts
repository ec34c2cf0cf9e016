import { Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';
import type { EventsRecord } from '../hub/session.js';
import { isSendable } from './header-text.js';
import { shown } from './reply.js';

/** Of one cookie, its name and value. [RFC 6265 6.1] */
const maxCookieBytes = 4 * 1024;

/** Of all of them together, as they are sent in one header: many servers accept no more than 16 KiB of headers. */
const maxJarBytes = 8 * 1024;
const maxCookies = 50;

/** Cookies that upstreams set for one connection. [upstream-events 6.4] */
export class Cookies {
  readonly #store = new MemoryCookieStore();
  readonly #jar = new CookieJar(this.#store);
  /** The cookies of the jar by domain, path and name, in the order in which they were set. */
  readonly #kept = new Map<string, Cookie>();

  /** @throws TypeError for what is not a cookie */
  static from(records: EventsRecord['cookies']): Cookies {
    const cookies = new Cookies();
    const made = new Map([...records].sort(byCreation).map(record => [record, cookieOf(record)]));
    for (const record of records) cookies.#restore(made.get(record)!);
    return cookies;
  }

  /** As the library writes them, in the order in which they were set, with their place in the order of their creation. */
  record(): EventsRecord['cookies'] {
    return [...this.#kept.values()].map(cookie => ({ ...cookie.toJSON(), creationIndex: cookie.creationIndex }));
  }

  /**
   * Keeps what can be sent back. Beyond the limits those go that were set first.
   * @param setCookie `Set-Cookie` lines of a successful answer from `url`
   * @returns warnings for the operator: cookies that are dropped, and why
   */
  store(setCookie: readonly string[], url: string): readonly string[] {
    const warnings: string[] = [];
    for (const line of setCookie) {
      const cookie = Cookie.parse(line);
      if (cookie === undefined) continue; // not a cookie: the upstream's mistake, which browsers ignore too
      const problem = problemOf(cookie);
      if (problem === undefined) this.#keep(cookie, url);
      else warnings.push(`cookie "${shown(cookie.key)}" is dropped: ${problem}`);
    }
    if (this.#makeRoom()) {
      warnings.push(
        `more than ${maxCookies} cookies or ${maxJarBytes} bytes of them for one connection: the oldest are dropped`,
      );
    }
    return warnings;
  }

  /** The `Cookie` header for `url`; undefined when there is nothing to send. */
  header(url: string): string | undefined {
    return this.#jar.getCookieStringSync(url) || undefined;
  }

  #keep(cookie: Cookie, url: string): void {
    // One for another site is the upstream's mistake and is dropped, as browsers do.
    const kept = this.#jar.setCookieSync(cookie, url, { ignoreError: true });
    if (kept === undefined) return;
    const id = idOf(kept);
    this.#kept.delete(id);
    if (kept.TTL() > 0) this.#kept.set(id, kept);
  }

  #restore(cookie: Cookie): void {
    void this.#store.putCookie(cookie);
    this.#kept.set(idOf(cookie), cookie);
  }

  /** True when a cookie was dropped that had not expired. */
  #makeRoom(): boolean {
    let bytes = 0;
    for (const [id, cookie] of this.#kept) {
      if (cookie.TTL() > 0) bytes += bytesOf(cookie);
      else this.#kept.delete(id);
    }
    let hasDropped = false;
    for (const [id, cookie] of this.#kept) {
      if (bytes <= maxJarBytes && this.#kept.size <= maxCookies) break;
      this.#kept.delete(id);
      bytes -= bytesOf(cookie);
      this.#store.removeCookie(cookie.domain ?? '', cookie.path ?? '/', cookie.key, () => {});
      hasDropped = true;
    }
    return hasDropped;
  }
}

function idOf({ domain, path, key }: Cookie): string {
  return JSON.stringify([domain, path, key]);
}

type CookieRecord = EventsRecord['cookies'][number];

/** Cookies of equal paths are sent in the order in which they were created: the library counts them as they are made. */
function byCreation(a: CookieRecord, b: CookieRecord): number {
  return Number(a.creationIndex) - Number(b.creationIndex);
}

function cookieOf(record: CookieRecord): Cookie {
  const cookie = Cookie.fromJSON(record);
  if (cookie?.domain && cookie.path && cookie.key) return cookie;
  throw new TypeError('not a cookie with a name, a domain and a path');
}

/** With `=`, and the `; ` before the next one. */
function bytesOf({ key, value }: Cookie): number {
  return key.length + value.length + 3;
}

function problemOf(cookie: Cookie): string | undefined {
  const { key, value } = cookie;
  if (cookie.TTL() <= 0) return isSendable(key) ? undefined : 'its name contains characters other than printable ASCII'; // it only removes one
  if (!isSendable(key) || !isSendable(value))
    return 'it contains characters other than printable ASCII and could not be sent back';
  return key.length + value.length > maxCookieBytes ? `it is larger than ${maxCookieBytes} bytes` : undefined;
}
