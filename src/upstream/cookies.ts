import { CookieJar } from 'tough-cookie';

/** Cookies that upstreams set for one connection. [upstream-events 6.4] */
export class Cookies {
  readonly #jar = new CookieJar();

  /** `setCookie` holds `Set-Cookie` lines of a successful answer from `url`. */
  store(setCookie: readonly string[], url: string): void {
    // A cookie that does not parse, or is for another site, is the upstream's mistake and is dropped, as browsers do.
    for (const line of setCookie) this.#jar.setCookieSync(line, url, { ignoreError: true });
  }

  /** The `Cookie` header for `url`; undefined when there is nothing to send. */
  header(url: string): string | undefined {
    return this.#jar.getCookieStringSync(url) || undefined;
  }
}
