import type { Observer } from '../hub/ports.js';
import { appHubPrefix } from '../protocols/names.js';
import { ApiFailure } from './failures.js';

const dayMs = 86_400_000;

/** Messages of one app on one day. */
interface Count {
  day: number;
  messages: number;
}

/**
 * Messages of apps since 00:00 UTC, on this node and in memory: an event counts once for each channel that it is published
 * to, by app servers and by clients, and once for each connection that receives it. Hot path: a batch only adds to numbers.
 */
export class MessageQuotas implements Pick<Observer, 'delivered'> {
  readonly #now: () => number;
  /** By the name of the app's hub. Bounded by the apps that are configured. */
  readonly #counts = new Map<string, Count>();

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  delivered(hub: string, sends: number, receivers: number): void {
    const count = this.#counts.get(hub) ?? this.#addApp(hub);
    if (count !== undefined) this.#today(count).messages += sends * (1 + receivers);
  }

  /**
   * May app servers publish more? The last event may exceed the quota.
   * @param perDay read at each use: a reload applies at once. Infinity: not limited
   * @throws ApiFailure `forbidden` [pusher-webhooks 4.3]
   */
  check(appId: string, perDay: number): void {
    if (perDay === Number.POSITIVE_INFINITY) return;
    const count = this.#counts.get(appHubPrefix + appId);
    if (count === undefined || this.#today(count).messages < perDay) return;
    throw new ApiFailure(
      'forbidden',
      `App ${appId} is over its quota of ${perDay} messages a day; the next day begins at 00:00 UTC.`,
    );
  }

  #addApp(hub: string): Count | undefined {
    if (!hub.startsWith(appHubPrefix)) return undefined;
    const count = { day: 0, messages: 0 };
    this.#counts.set(hub, count);
    return count;
  }

  #today(count: Count): Count {
    const day = Math.floor(this.#now() / dayMs);
    if (day !== count.day) {
      count.day = day;
      count.messages = 0;
    }
    return count;
  }
}
