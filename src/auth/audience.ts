import { PubSubError } from '../errors.js';
import type { Base, Endpoints } from './endpoints.js';

/** Checks whether one `aud` string of a token is for the request. */
export type AudienceCheck = (audience: string) => boolean;

interface Audience {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/** Scheme, authority, path and query of the raw text: a group name may contain an encoded `?`, so nothing is decoded first. */
const audienceShape = /^(https?|wss?):\/\/([^/?#@]+)([^?#]*)(\?[^#]*)?/i;

/**
 * Is the token for this REST request? Scheme and query do not count; host and path do. [rest-api 1.3]
 * @param requestPath the request's raw target; a query is ignored
 */
export function requestAudience(
  requestPath: string,
  endpoints: Endpoints,
  requestHost: string | undefined,
): AudienceCheck {
  const path = requestPath.replace(/[?#].*$/s, '').replace(/\/$/, '');
  const bases = endpoints.bases(requestHost, false);
  return text => {
    const audience = parseAudience(text);
    return audience !== undefined && basesOf(bases, audience).some(base => continues(audience.path, base.path + path));
  };
}

/** What an audience of a client's token is checked for. */
interface ClientPlace {
  readonly hub: string;
  readonly isLegacyPath: boolean;
  readonly bases: readonly Base[];
}

/** Checks what tokens of clients are for. Hot path: most have the audience of the one before, which is not parsed again. */
export class ClientAudiences {
  readonly #endpoints: Endpoints;
  #latest: { readonly text: string; readonly place: ClientPlace } | undefined;

  constructor(endpoints: Endpoints) {
    this.#endpoints = endpoints;
  }

  /**
   * Is the token for clients of this hub? Only the exact path counts; on the legacy path also `/client/?hub=`. [client-protocols 1.3]
   */
  of(hub: string, isLegacyPath: boolean, requestHost: string | undefined): AudienceCheck {
    const bases = this.#endpoints.bases(requestHost, true);
    const place = { hub, isLegacyPath, bases };
    return text => this.#isLatest(text, place) || this.#isFor(text, place);
  }

  #isLatest(text: string, { hub, isLegacyPath, bases }: ClientPlace): boolean {
    if (text !== this.#latest?.text) return false;
    const { place } = this.#latest;
    return hub === place.hub && bases === place.bases && isLegacyPath === place.isLegacyPath;
  }

  #isFor(text: string, place: ClientPlace): boolean {
    const isAllowed = isClientAudience(text, place);
    if (isAllowed) this.#latest = { text, place };
    return isAllowed;
  }
}

function isClientAudience(text: string, { hub, isLegacyPath, bases }: ClientPlace): boolean {
  const audience = parseAudience(text);
  if (audience === undefined) return false;
  const whole = audience.path + audience.query;
  const allowed = [`/client/hubs/${hub}`];
  if (isLegacyPath) allowed.push(`/client/?hub=${hub}`, `/client?hub=${hub}`);
  return basesOf(bases, audience).some(base => allowed.some(path => sameText(whole, base.path + path)));
}

function parseAudience(text: string): Audience | undefined {
  const [, scheme, authority, path, query] = audienceShape.exec(text) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  const defaultPort = /s$/i.test(scheme) ? ':443' : ':80';
  const host = authority.toLowerCase();
  return {
    authority: host.endsWith(defaultPort) ? host.slice(0, -defaultPort.length) : host,
    path: path ?? '',
    query: query ?? '',
  };
}

function basesOf(bases: readonly Base[], audience: Audience): readonly Base[] {
  return bases.filter(base => base.authority === audience.authority);
}

/** Equal, or longer by whole segments. */
function continues(path: string, start: string): boolean {
  return sameText(path, start) || anyForm(path, start, (longer, shorter) => longer.startsWith(`${shorter}/`));
}

function sameText(a: string, b: string): boolean {
  return a === b || anyForm(a, b, (left, right) => left === right);
}

/** Compares ignoring case, raw against raw, then decoded once against decoded once. */
function anyForm(a: string, b: string, compare: (a: string, b: string) => boolean): boolean {
  if (compare(a.toLowerCase(), b.toLowerCase())) return true;
  const [decodedA, decodedB] = [decodeOnce(a), decodeOnce(b)];
  return decodedA !== undefined && decodedB !== undefined && compare(decodedA.toLowerCase(), decodedB.toLowerCase());
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // malformed escapes can only match raw
  }
}

/** The token is valid, but for another audience. Claims are not secret; they are shown shortened and without control characters. */
export class WrongAudience extends PubSubError {
  readonly #audiences: readonly string[];
  /** Are host and port right, and the hub or the path wrong? */
  readonly isOfOtherPath: boolean;

  constructor(audiences: readonly string[], message = tokenIsFor(audiences), isOfOtherPath = false) {
    super('unauthorized', message);
    this.#audiences = audiences;
    this.isOfOtherPath = isOfOtherPath;
  }

  /** The same, with what the token would have to be for. @param path of the request, below the endpoint's base */
  answeredAt(path: string, bases: readonly Base[]): WrongAudience {
    if (bases.length === 0) return this;
    const named = bases.filter(base => this.#audiences.some(audience => isPathBelow(audience, base)));
    const isOfOtherPath = named.length > 0;
    const wholes = (isOfOtherPath ? named : bases).map(base => base.authority + base.path + path);
    const allowed = listed([...new Set(wholes)]); // the host of the request may be an endpoint's
    const isOfPath = named.some(base => this.#audiences.some(audience => isOf(audience, base.path + path)));
    const message = isOfPath
      ? `${tokenIsFor(this.#audiences)}; ${requestNeeds} ${allowed}, without a query`
      : isOfOtherPath
        ? `token is for another hub or path: ${listed(this.#audiences)}; ${requestNeeds} ${allowed}`
        : `${tokenIsFor(this.#audiences)}; ${serviceAnswersTo} ${allowed} (HUBWIRE_ENDPOINT)`;
    return new WrongAudience(this.#audiences, message, isOfOtherPath);
  }
}

const serviceAnswersTo = 'this service answers to';
const requestNeeds = 'this request needs a token for';

/** Is it the text of a `WrongAudience`, with what a token would have to be for? */
export function isAudienceText(text: string): boolean {
  return text.includes(serviceAnswersTo) || text.includes(requestNeeds);
}

function tokenIsFor(audiences: readonly string[]): string {
  return audiences.length === 0 ? 'token has no aud claim' : `token is for ${listed(audiences)}`;
}

/** Is its path this one, whatever its query is? */
function isOf(text: string, path: string): boolean {
  const audience = parseAudience(text);
  return audience !== undefined && sameText(audience.path, path);
}

/** Is it for clients or for REST calls under this base, so that nothing but the rest of the path can be wrong? */
function isPathBelow(text: string, base: Base): boolean {
  const audience = parseAudience(text);
  if (audience?.authority !== base.authority) return false;
  const { path } = audience;
  const isBelow = path.toLowerCase().startsWith(base.path.toLowerCase());
  return isBelow && /^\/(?:client|api)(?:\/|$)/i.test(path.slice(base.path.length));
}

/** The authorities that a text of `WrongAudience` names as those of the service; undefined for another text. */
export function authoritiesIn(text: string): readonly string[] | undefined {
  const [, listedText] = /; this service answers to (.+) \(HUBWIRE_ENDPOINT\)$/.exec(text) ?? [];
  return listedText?.split(', ').map(each => each.replace(/\/.*$/, ''));
}

const most = { audiences: 3, length: 200 };

/** Of a query it is shown only that there is one: a token for clients must have none. */
function listed(audiences: readonly string[]): string {
  const shown = audiences.slice(0, most.audiences).map(text => {
    const clean = text.replace(/\?.*$/s, '?…').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
    return clean.length > most.length ? `${clean.slice(0, most.length)}…` : clean;
  });
  return audiences.length > most.audiences ? `${shown.join(', ')}, …` : shown.join(', ');
}
