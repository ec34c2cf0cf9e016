import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { parseHttpUrl } from '../urls.js';
import { type Claims, checkHeader, checkTimes, claimStrings } from './claims.js';

/** Who may make tokens for callers of the data plane. */
export interface EntraIssuer {
  /** The `iss` of its tokens, an https URL. */
  readonly issuer: string;
  /** Where its keys are published; undefined: the URL in its OpenID document. */
  readonly jwksUri: string | undefined;
}

export interface EntraAccess {
  readonly isDisabled: boolean;
  /** What `aud` of such a token may be; a trailing slash does not count. */
  readonly audiences: readonly string[];
  readonly issuers: readonly EntraIssuer[];
}

export interface EntraVerifierOptions {
  /** Read at each token: a reload applies at once. */
  readonly access: () => EntraAccess;
  readonly clock: Clock;
  /** How an issuer's documents are fetched; by default directly. */
  readonly fetch?: Fetch;
}

/** As the standard's, of which this much is needed. */
type Fetch = (
  url: string,
  init: { readonly redirect: 'error'; readonly signal: AbortSignal },
) => Promise<Pick<Response, 'ok' | 'status'> & { readonly body: AsyncIterable<Uint8Array> | null }>;

/** An issuer's keys are fetched again after this time, and at once for an unknown key. */
const refreshAfterMs = 60 * 60_000;
/** Keys are not trusted any more when they could not be fetched again for this long. */
const forgetAfterMs = 24 * 60 * 60_000;
/** Anyone can make tokens that name unknown keys, so these must not determine how often keys are fetched. */
const leastPauseMs = 10_000;
const requestTimeoutMs = 10_000;
const maxDocumentBytes = 1024 * 1024;
const maxIssuers = 256;

/** Checks Entra ID access tokens of callers of the data plane. [rest-api 1.4] */
export class EntraVerifier {
  readonly #options: EntraVerifierOptions;
  readonly #keys = new LRUCache<string, IssuerKeys>({ max: maxIssuers });

  constructor(options: EntraVerifierOptions) {
    this.#options = options;
  }

  /** Is the token, by its unverified claims, an Entra ID token? Then it is not checked in any other way. */
  isAddressed(token: string): boolean {
    const payload = decode(token)?.payload;
    return typeof payload === 'object' && this.isAudience(payload.aud);
  }

  /**
   * The values of the token's `roles` claim, when a configured issuer signed it for this service and its times are valid.
   * @throws PubSubError `unauthorized` that names the failed check; `internal` when the issuer's keys are not available
   */
  async verify(token: string): Promise<readonly string[]> {
    const { isDisabled, issuers } = this.#options.access();
    if (isDisabled) throw unauthorized('Entra ID tokens are not accepted by this service');
    const { header, payload } = decode(token) ?? {};
    // Keys are fetched from configured issuers only: the token's claim selects one of them.
    const issuer = typeof payload === 'object' && issuers.find(known => isSame(known.issuer, String(payload.iss)));
    if (!issuer) throw unauthorized('the token is not from a configured issuer');
    if (header?.alg !== 'RS256') throw unauthorized('the token is not signed with RS256');
    const key = await this.#keysOf(issuer).find(String(header.kid));
    if (key === undefined) throw unauthorized('the token is signed with a key that its issuer does not publish');
    return claimStrings(this.#verified(token, key, issuer).roles);
  }

  #verified(token: string, key: string, issuer: EntraIssuer): Claims {
    const { header, claims } = verifySignature(token, key);
    checkHeader(header);
    checkTimes(claims, Math.floor(this.#options.clock.now() / 1000));
    if (!this.isAudience(claims.aud)) throw unauthorized('the token is for another audience');
    if (!isSame(issuer.issuer, String(claims.iss))) throw unauthorized('the token is from another issuer');
    return claims;
  }

  /** Is this what `aud` of a token for this verifier can be? @param audience the claim, of whatever type */
  isAudience(audience: unknown): boolean {
    const { audiences } = this.#options.access();
    return claimStrings(audience).some(given =>
      audiences.some(ours => isSame(given.toLowerCase(), ours.toLowerCase())),
    );
  }

  #keysOf(issuer: EntraIssuer): IssuerKeys {
    const name = JSON.stringify([issuer.issuer, issuer.jwksUri]);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const { clock, fetch: fetchDocument = fetch } = this.#options;
    const keys = new IssuerKeys(issuer, clock, fetchDocument);
    this.#keys.set(name, keys);
    return keys;
  }
}

/** The signing keys of one issuer by `kid`, fetched when they are needed. */
class IssuerKeys {
  readonly #issuer: EntraIssuer;
  readonly #clock: Clock;
  readonly #fetchDocument: Fetch;
  #keys: ReadonlyMap<string, string> = new Map();
  /** Monotonic milliseconds, as the next. */
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  /** Of the last fetch, when it failed. */
  #failure: PubSubError | undefined;

  constructor(issuer: EntraIssuer, clock: Clock, fetchDocument: Fetch) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#fetchDocument = fetchDocument;
  }

  /** A PEM; undefined when the issuer has no such key. @throws PubSubError `internal` when that cannot be known */
  async find(kid: string): Promise<string | undefined> {
    const ageMs = this.#clock.monotonicMs() - this.#fetchedAtMs;
    const held = ageMs < forgetAfterMs ? this.#keys.get(kid) : undefined;
    if (held !== undefined && ageMs < refreshAfterMs) return held;
    const refreshed = this.#refresh();
    if (held !== undefined) return held;
    await refreshed;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#keys.get(kid);
  }

  /** Never rejects. At most one fetch at a time, and none too soon after the last. */
  #refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (this.#clock.monotonicMs() - this.#askedAtMs < leastPauseMs) return Promise.resolve();
    this.#askedAtMs = this.#clock.monotonicMs();
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      this.#keys = await fetchKeys(this.#issuer, url => fetchJson(url, this.#clock, this.#fetchDocument));
      this.#fetchedAtMs = this.#clock.monotonicMs();
      this.#failure = undefined;
    } catch (cause) {
      const message = `the signing keys of ${this.#issuer.issuer} cannot be fetched`;
      this.#failure = new PubSubError('internal', message, { cause });
    }
  }
}

type FetchJson = (url: string) => Promise<unknown>;

async function fetchKeys(issuer: EntraIssuer, fetchDocument: FetchJson): Promise<ReadonlyMap<string, string>> {
  const jwksUri = issuer.jwksUri ?? (await discover(issuer.issuer, fetchDocument));
  const fetcher = async (url: string) => (await fetchDocument(url)) as { keys: unknown };
  const { publishedKeys } = await import('./published-keys.js'); // 118 modules, which nothing else needs
  return await publishedKeys(jwksUri, fetcher);
}

/** [OpenID Connect Discovery 4] */
async function discover(issuer: string, fetchDocument: FetchJson): Promise<string> {
  const document = await fetchDocument(`${withoutSlash(issuer)}/.well-known/openid-configuration`);
  const { issuer: named, jwks_uri: jwksUri } = (document ?? {}) as { issuer?: unknown; jwks_uri?: unknown };
  if (!isSame(String(named), issuer)) throw new Error('the OpenID document is that of another issuer');
  if (typeof jwksUri !== 'string') throw new Error('the OpenID document names no jwks_uri');
  return jwksUri;
}

async function fetchJson(url: string, clock: Clock, fetchDocument: Fetch): Promise<unknown> {
  if (!isTrustworthy(parseHttpUrl(url))) throw new Error('keys can be fetched only over https, or from this machine');
  const abort = new AbortController();
  const cancel = clock.after(requestTimeoutMs, () => abort.abort(new Error('no answer in time')));
  try {
    const response = await fetchDocument(url, { redirect: 'error', signal: abort.signal });
    if (!response.ok) throw new Error(`the issuer answered ${response.status}`);
    return JSON.parse(await textOf(response));
  } finally {
    cancel();
  }
}

async function textOf(response: Awaited<ReturnType<Fetch>>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxDocumentBytes) throw new Error('the issuer’s document is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Keys that could be replaced in transit would admit anyone. */
function isTrustworthy({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

function decode(token: string): jwt.Jwt | undefined {
  try {
    return jwt.decode(token, { complete: true }) ?? undefined;
  } catch {
    return undefined; // not a token at all
  }
}

function verifySignature(token: string, key: string): { readonly header: object; readonly claims: Claims } {
  try {
    const { header, payload } = jwt.verify(token, key, signatureOnly);
    if (typeof payload !== 'string') return { header, claims: payload };
  } catch {
    throw unauthorized('the token is not signed by its issuer'); // the library's message may quote the token
  }
  throw unauthorized('the token contains no claims');
}

/** `exp` and `nbf` are checked with the other claims. */
const signatureOnly: jwt.VerifyOptions & { readonly complete: true } = {
  algorithms: ['RS256'],
  complete: true,
  ignoreExpiration: true,
  ignoreNotBefore: true,
};

function isSame(a: string, b: string): boolean {
  return withoutSlash(a) === withoutSlash(b);
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}

function unauthorized(message: string): PubSubError {
  return new PubSubError('unauthorized', message);
}
