import type { Closed, Ended, Identified, Joined, Left, Opened } from '../hub/facts.js';
import { Arrivals, type LocalPlace, type Pair, type ReaderParts } from './arrivals.js';
import type { Here } from './here.js';
import type { Source } from './sources.js';

/** Turns the facts of one Web PubSub hub into the events of its webhooks. */
export class HubReader {
  readonly #key: string;
  readonly #parts: ReaderParts;
  readonly #arrivals: Arrivals;

  /** @param key canonical name of the hub */
  constructor(key: string, parts: ReaderParts) {
    this.#key = key;
    this.#parts = parts;
    this.#arrivals = new Arrivals(key, parts);
  }

  /** At a reload: those who are there already, one after another. @param before the source as it was */
  *notePresent({ groups, users }: Here, before: Source | undefined): Iterable<void> {
    for (const group of groups(this.#key)) yield this.#arrivals.wasThere(groupPlace(group), groupPair(group), before);
    for (const userId of users(this.#key)) yield this.#arrivals.wasThere(userPlace(userId), userPair(userId), before);
  }

  identified({ userId, isFirst }: Identified): void {
    if (isFirst && userId) this.#arrivals.came(userPlace(userId), userPair(userId)); // "" is anonymous
  }

  opened({ connection: { id, userId } }: Opened): void {
    this.#arrivals.tell(`connection ${id}`, 'connected', () => {
      return { name: 'connected', atMs: this.#now(), connectionId: id, userId: userId || undefined };
    });
  }

  joined({ group, isFirst }: Joined): void {
    if (isFirst) this.#arrivals.came(groupPlace(group), groupPair(group));
  }

  left({ group, isLast }: Left): void {
    if (isLast) this.#arrivals.left(groupPlace(group), groupPair(group));
  }

  ended({ connection: { userId }, isLastOfUser }: Ended): void {
    if (isLastOfUser && userId) this.#arrivals.left(userPlace(userId), userPair(userId));
  }

  closed({ connection: { id, userId }, ending: { reason } }: Closed): void {
    this.#arrivals.tell(`connection ${id}`, 'disconnected', () => {
      return { name: 'disconnected', atMs: this.#now(), connectionId: id, userId: userId || undefined, reason };
    });
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

function groupPlace(group: string): LocalPlace {
  return { key: ['group', group], track: `group ${group}` };
}

function groupPair(group: string): Pair {
  return {
    appeared: { name: 'group_occupied', atMs: 0, group },
    gone: { name: 'group_vacated', atMs: 0, group },
  };
}

function userPlace(userId: string): LocalPlace {
  return { key: ['user', userId], track: `user ${userId}` };
}

function userPair(userId: string): Pair {
  return {
    appeared: { name: 'user_connected', atMs: 0, userId },
    gone: { name: 'user_disconnected', atMs: 0, userId },
  };
}
