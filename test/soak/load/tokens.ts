import { type ClientClaims, KeyTokens } from '../../../src/auth/key-tokens.js';
import type { Hubwire } from '../server/hubwire.js';

/** Longer than any soak. */
const lifetimeMinutes = 48 * 60;

/** Tokens are dated back, so that they are valid before and after any step of the service's clock. */
const ageMs = 24 * 60 * 60_000;

/** Tokens as an app server makes them. */
export class Tokens {
  readonly #publicUrl: string;
  readonly #tokens: KeyTokens;

  constructor({ publicUrl, key }: Pick<Hubwire, 'publicUrl' | 'key'>) {
    this.#publicUrl = publicUrl;
    this.#tokens = new KeyTokens({ primary: key, secondary: undefined }, () => Date.now() - ageMs);
  }

  /** Where clients of the hub connect, with a query that says who they are. */
  clientUrl(hub: string, claims: ClientClaims, more = ''): URL {
    const url = this.bareUrl(hub, more);
    url.searchParams.set(
      'access_token',
      this.#tokens.sign(claims, `${this.#publicUrl}/client/hubs/${hub}`, lifetimeMinutes),
    );
    return url;
  }

  /** The same without a token. */
  bareUrl(hub: string, query: string): URL {
    return new URL(`${this.#publicUrl.replace(/^http/, 'ws')}/client/hubs/${hub}?${query}`);
  }

  /** For a caller of this path. */
  restToken(path: string): string {
    return this.#tokens.sign({}, this.#publicUrl + path, lifetimeMinutes);
  }
}
