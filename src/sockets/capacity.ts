import type { PubSubError } from '../errors.js';
import type { Hub } from '../hub/hub.js';
import type { Hubs } from '../hub/hubs.js';
import { retryAfterSeconds } from '../listener/socket-guard.js';
import { ConnectRate } from './connect-rate.js';
import { RefusedUpgrade } from './refusal.js';

/** Read at each connect: a reload applies at once. Infinity: no limit. */
export interface ConnectLimits {
  maxConnections(): number;
  connectionsPerHub(): number;
  connectsPerSecond(): number;
}

/** Has the hub as many clients as it may have? Those that are being admitted count as connected. */
export function isFull({ size, lifecycle }: Hub, most: number): boolean {
  return size + lifecycle.admitting >= most;
}

/** Is there room for one more client? */
export class Capacity {
  readonly #hubs: Hubs;
  readonly #limits: ConnectLimits;
  readonly #rate: ConnectRate;

  constructor(hubs: Hubs, limits: ConnectLimits, monotonicMs: () => number) {
    this.#hubs = hubs;
    this.#limits = limits;
    this.#rate = new ConnectRate(monotonicMs);
  }

  /**
   * When a limit is reached, disconnected sessions are ended to admit a new client, the longest disconnected first.
   * @param hub undefined: it has no clients yet
   * @throws RefusedUpgrade `tooMany`, with `Retry-After`
   */
  check(hub: Hub | undefined): void {
    const perSecond = this.#limits.connectsPerSecond();
    if (perSecond !== Number.POSITIVE_INFINITY) this.#checkRate(perSecond);
    const perHub = this.#limits.connectionsPerHub();
    if (hub !== undefined && perHub !== Number.POSITIVE_INFINITY) this.#checkHub(hub, perHub);
    const most = this.#limits.maxConnections();
    if (most !== Number.POSITIVE_INFINITY) this.#checkAll(most); // to count them takes time where there are many hubs
  }

  #checkRate(perSecond: number): void {
    const waitMs = this.#rate.take(perSecond);
    if (waitMs === 0) return;
    throw tooMany('more clients connect than limits.connectsPerSecond allows', Math.ceil(waitMs / 1_000));
  }

  #checkHub(hub: Hub, most: number): void {
    while (isFull(hub, most)) {
      if (!hub.lifecycle.endLongestAway())
        throw tooMany(`hub ${hub.name} has as many connections as limits.connectionsPerHub allows`);
    }
  }

  #checkAll(most: number): void {
    while (this.#hubs.size + this.#hubs.admitting >= most) {
      if (!this.#hubs.endLongestAway()) {
        throw tooMany('the service has as many connections as limits.maxConnections allows');
      }
    }
  }
}

function tooMany(message: string, seconds = retryAfterSeconds): PubSubError {
  return new RefusedUpgrade('tooMany', message, { 'Retry-After': String(seconds) });
}
