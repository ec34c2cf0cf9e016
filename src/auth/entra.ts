import type { TokenCredential } from '@azure/identity';
import { LRUCache } from 'lru-cache';
import { type Clock, within } from '../clock.js';
import { PubSubError } from '../errors.js';

/** Where requests to upstreams get their bearer tokens. */
export interface TokenSource {
  /** @throws PubSubError `eventFailed` when no token can be obtained */
  token(resource: string): Promise<string>;
}

export interface EntraOptions {
  readonly clock: Clock;
  /** Who the service is; by default what `DefaultAzureCredential` finds in the environment. */
  readonly credential?: TokenCredential;
}

interface Held {
  readonly token: string;
  /** Unix milliseconds, set by the issuer. */
  readonly expiresAtMs: number;
  /** Unix milliseconds. From then on a call starts a renewal, and uses the current token. */
  readonly renewAtMs: number;
  /** Monotonic milliseconds. No renewal starts before then. */
  pausedUntilMs: number;
}

const maxResources = 256;
const requestTimeoutMs = 30_000;
const maxRenewalLeadMs = 5 * 60_000;
const failedRenewalPauseMs = 10_000;

/** Entra ID tokens of the service's own identity, one per resource, renewed before they expire. [upstream-events 6.1] */
export class EntraTokens implements TokenSource {
  readonly #clock: Clock;
  readonly #held = new LRUCache<string, Held>({ max: maxResources });
  readonly #requests = new Map<string, Promise<Held>>();
  #credential: Promise<TokenCredential> | undefined;

  constructor(options: EntraOptions) {
    this.#clock = options.clock;
    if (options.credential) this.#credential = Promise.resolve(options.credential);
  }

  async token(resource: string): Promise<string> {
    const held = this.#held.get(resource);
    const nowMs = this.#clock.now();
    if (!held || nowMs >= held.expiresAtMs) return (await this.#request(resource)).token;
    if (nowMs >= held.renewAtMs && this.#clock.monotonicMs() >= held.pausedUntilMs) this.#renew(resource, held);
    return held.token;
  }

  #renew(resource: string, held: Held): void {
    this.#request(resource).catch(() => {
      // The cached token is still valid: deliveries use it, and the reason is reported when it has expired.
      held.pausedUntilMs = this.#clock.monotonicMs() + failedRenewalPauseMs;
    });
  }

  /** One request at a time per resource; all waiting callers share the response. */
  #request(resource: string): Promise<Held> {
    const underWay = this.#requests.get(resource);
    if (underWay) return underWay;
    const request = this.#obtain(resource).finally(() => this.#requests.delete(resource));
    this.#requests.set(resource, request);
    return request;
  }

  async #obtain(resource: string): Promise<Held> {
    const held = await this.#obtainWithin(resource, requestTimeoutMs).catch(error => {
      throw new PubSubError('eventFailed', refusal(resource, error), { cause: error });
    });
    this.#held.set(resource, held);
    return held;
  }

  async #obtainWithin(resource: string, timeoutMs: number): Promise<Held> {
    const abort = new AbortController();
    const late = () => new TokenUnavailable(`no answer within ${timeoutMs / 1000} s`);
    try {
      return await within(timeoutMs, this.#getToken(resource, abort.signal), late, this.#clock);
    } finally {
      abort.abort(); // of no effect once there is an answer
    }
  }

  async #getToken(resource: string, abortSignal: AbortSignal): Promise<Held> {
    this.#credential ??= defaultCredential();
    const credential = await this.#credential;
    const answer = await credential.getToken(`${resource}/.default`, { abortSignal });
    const obtainedAtMs = this.#clock.now();
    if (!answer || !/^[\x21-\x7e]+$/.test(answer.token)) throw new TokenUnavailable('the answer contains no token');
    const lifetimeMs = answer.expiresOnTimestamp - obtainedAtMs;
    if (!(lifetimeMs > 0)) throw new TokenUnavailable('the token had already expired');
    const leadMs = Math.min(maxRenewalLeadMs, lifetimeMs / 2);
    return {
      token: answer.token,
      expiresAtMs: answer.expiresOnTimestamp,
      renewAtMs: answer.expiresOnTimestamp - leadMs,
      pausedUntilMs: Number.NEGATIVE_INFINITY,
    };
  }
}

/** The library is large, and only needed for handlers with a managed identity. */
async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

class TokenUnavailable extends Error {
  override readonly name = 'TokenUnavailable';
}

/** The library's own messages may quote answers of identity endpoints, so only the error's name and status are shown. */
function refusal(resource: string, error: unknown): string {
  const why = error instanceof TokenUnavailable ? error.message : nameAndStatus(error);
  return `no Entra ID token for ${resource}: ${why}; check the service's managed identity and the handler's resource`;
}

function nameAndStatus(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? ` (status ${error.statusCode})` : '';
  return `${error.name}${status}`;
}
