import type { Clock } from '../../clock.js';
import type { Connection } from '../connection.js';
import type { PendingSends } from '../delivery/pending-sends.js';
import type { GoneConnection } from '../gone.js';
import type { Members } from '../members.js';
import type { Backplane, Ledger, Observer, Turn } from '../ports.js';
import type { Publisher } from '../publisher.js';
import { CacheMisses, type MessageCache } from './cache.js';
import type { MemberChange } from './group-members.js';
import { MemberCounts } from './member-counts.js';
import { Presence } from './presence.js';
import type { NodeMembers } from './present-members.js';
import { ViewedJoins } from './viewed-joins.js';
import { Watchlists } from './watchlists.js';

export interface FeatureParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly members: Members;
  readonly publisher: Publisher;
  readonly sends: PendingSends;
  readonly cache: MessageCache;
  readonly backplane: Backplane;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly observer: Observer;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Pick<Ledger, 'line'> | undefined;
  /** Called when there may be nothing left to tell other nodes. */
  onIdle(): void;
}

/** What only some protocols use of a hub: each is made when it is first used, as a hub without clients is made for each call. */
export class Features {
  readonly #parts: FeatureParts;
  #presence: Presence | undefined;
  #joins: ViewedJoins | undefined;
  #misses: CacheMisses | undefined;
  #watchlists: Watchlists | undefined;
  #counts: MemberCounts | undefined;

  constructor(parts: FeatureParts) {
    this.#parts = parts;
  }

  /** Nothing is left to tell other nodes: the hub may be forgotten when it is empty. */
  get isIdle(): boolean {
    return this.#presence?.isIdle ?? true;
  }

  get presence(): Presence {
    this.#presence ??= new Presence(this.#parts);
    return this.#presence;
  }

  get joins(): ViewedJoins {
    this.#joins ??= new ViewedJoins({ ...this.#parts, presence: this.presence, misses: this.misses });
    return this.#joins;
  }

  get misses(): CacheMisses {
    this.#misses ??= new CacheMisses(() => this.#parts.clock.monotonicMs());
    return this.#misses;
  }

  get watchlists(): Watchlists {
    this.#watchlists ??= new Watchlists(this.#parts);
    return this.#watchlists;
  }

  get counts(): MemberCounts {
    this.#counts ??= new MemberCounts(this.#parts);
    return this.#counts;
  }

  /** Another node's connections present a member now, or do not any more. */
  memberChanged(group: string, change: MemberChange): void {
    this.joins.receive(group, change);
    this.presence.receive(group, change);
  }

  /** Whom this node's connections present to the group. */
  membersHere(group: string): NodeMembers {
    return { by: this.#parts.backplane.tag, members: [...this.presence.of(group)] };
  }

  /** The first connection of a user was opened, who is watched as one who signs in is. Hot path. */
  came(userId: string): void {
    this.#watchlists?.changed(userId);
  }

  /** A connection has ended; what it told and watched as a user who had signed in ends with it. */
  ended(connection: Connection, isLastOfUser: boolean): void {
    if (this.#watchlists === undefined) return;
    this.#watchlists.forget(connection);
    if (isLastOfUser) this.#watchlists.changed(connection.userId!);
  }

  /** A connection of a node that is gone. */
  endElsewhere({ userId, signedInAs, members, counted, by }: GoneConnection): void {
    for (const [group, member] of members) this.presence.gone(group, member, by);
    for (const group of counted) this.counts.changed(group);
    if (signedInAs !== undefined) this.watchlists.changed(signedInAs);
    else if (userId) this.#watchlists?.changed(userId); // "" is anonymous
  }

  /** A connection has left a group. Hot path: most hubs use none of this. */
  left(connection: Connection, group: string, isLast: boolean): void {
    if (this.#counts !== undefined) this.#counts.left(connection, group);
    if (!isLast) return;
    this.#misses?.left(group);
    this.#presence?.forget(group);
  }

  /** A message of the group is kept. */
  kept(group: string): void {
    this.#misses?.end(group);
  }
}
