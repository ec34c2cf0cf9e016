import type { Closed, Ended, Identified, Joined, Left, Opened } from '../hub/facts.js';
import { Arrivals, type Pair, type ReaderParts } from './arrivals.js';

const groupPair: Pair = ['group_occupied', 'group_vacated'];
const userPair: Pair = ['user_connected', 'user_disconnected'];

/** Turns the facts of one Web PubSub hub into the events of its webhooks. */
export class HubReader {
  readonly #parts: ReaderParts;
  readonly #arrivals: Arrivals;

  /** @param key canonical name of the hub */
  constructor(key: string, parts: ReaderParts) {
    this.#parts = parts;
    this.#arrivals = new Arrivals(key, parts);
  }

  identified({ userId, isFirst }: Identified): void {
    if (!isFirst || !userId) return; // "" is anonymous
    this.#arrivals.came({ key: ['user', userId], track: `user ${userId}` }, userPair, () => {
      return { name: 'user_connected', atMs: this.#now(), userId };
    });
  }

  opened({ connection: { id, userId } }: Opened): void {
    this.#arrivals.tell(`connection ${id}`, 'connected', () => {
      return { name: 'connected', atMs: this.#now(), connectionId: id, userId: userId || undefined };
    });
  }

  joined({ group, isFirst }: Joined): void {
    if (!isFirst) return;
    this.#arrivals.came({ key: ['group', group], track: `group ${group}` }, groupPair, () => {
      return { name: 'group_occupied', atMs: this.#now(), group };
    });
  }

  left({ group, isLast }: Left): void {
    if (!isLast) return;
    const gone = { name: 'group_vacated', atMs: 0, group } as const;
    this.#arrivals.left({ key: ['group', group], track: `group ${group}` }, groupPair, gone);
  }

  ended({ connection: { userId }, isLastOfUser }: Ended): void {
    if (!isLastOfUser || !userId) return;
    const gone = { name: 'user_disconnected', atMs: 0, userId } as const;
    this.#arrivals.left({ key: ['user', userId], track: `user ${userId}` }, userPair, gone);
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
