import type { Clock } from '../../clock.js';
import type { GroupMember } from '../../protocols/messages.js';
import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { Backplane, Observer, Turn } from '../ports.js';
import type { Publisher } from '../publisher.js';
import type { PresentMember } from './present-members.js';

export interface PresenceParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly publisher: Pick<Publisher, 'offer'>;
  readonly backplane: Pick<Backplane, 'gather'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly turn: Turn;
  readonly observer: Pick<Observer, 'tell' | 'fault'>;
  /** Called when there is nothing left to tell. */
  onIdle(): void;
}

/** A member that connections of this node present. */
interface Entry {
  member: GroupMember;
  atMs: number;
  /** 0: the last one has left, and the other members have not been told yet. */
  connections: number;
}

/**
 * Who the connections of this node present to their groups, counted per member: several connections may present the same
 * one. That the last one has left is told to the group at the end of the turn, unless the member is back or on another node.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #groups = new Map<string, Map<string, Entry>>();
  /** Groups that have members without connections. */
  readonly #departures = new Set<string>();
  /** Departures that are being told. */
  #underWay = 0;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Are the other members told of all who left? */
  get isIdle(): boolean {
    return this.#departures.size === 0 && this.#underWay === 0;
  }

  /** Do the other members know of it, as far as this node can tell? */
  isKnown(group: string, memberId: string): boolean {
    return this.#groups.get(group)?.has(memberId) ?? false;
  }

  /** On this node, in the order in which they came. */
  *of(group: string): Iterable<PresentMember> {
    for (const { member, atMs, connections } of this.#groups.get(group)?.values() ?? []) {
      if (connections > 0) yield { member, atMs };
    }
  }

  /** A connection has joined the group; `announce` has told the members before. */
  entered(connection: Connection, group: string, member: GroupMember): void {
    const entry = this.#enter(group, member);
    if (entry.connections !== 1) return;
    this.#parts.observer.tell({ kind: 'memberAdded', hub: this.#parts.hub, connection, group, member });
  }

  #enter(group: string, member: GroupMember): Entry {
    const members = this.#groups.get(group) ?? new Map<string, Entry>();
    this.#groups.set(group, members);
    const atMs = this.#parts.clock.now();
    const entry = members.get(member.id) ?? { member, atMs, connections: 0 };
    Object.assign(entry, { member, atMs, connections: entry.connections + 1 });
    members.set(member.id, entry);
    return entry;
  }

  /** A connection has left the group. */
  left(connection: Connection, group: string, { id }: GroupMember): void {
    const entry = this.#groups.get(group)?.get(id);
    if (entry === undefined || entry.connections === 0) return;
    entry.connections -= 1;
    if (entry.connections > 0) return;
    const { hub, observer, turn } = this.#parts;
    observer.tell({ kind: 'memberRemoved', hub, connection, group, member: entry.member });
    if (this.#departures.has(group)) return;
    this.#departures.add(group);
    turn.atEnd(() => void this.#depart(group).then(() => this.isIdle && this.#parts.onIdle()));
  }

  /** Tells the group of a member that is about to join. */
  announce(group: string, member: GroupMember): void {
    this.#tell('memberAdded', group, member);
  }

  /** The member that was announced did not join. */
  retract(group: string, member: GroupMember): void {
    if (!this.isKnown(group, member.id)) this.#tell('memberRemoved', group, member);
  }

  /** Never rejects. */
  async #depart(group: string): Promise<void> {
    this.#departures.delete(group);
    const gone = [...(this.#groups.get(group)?.values() ?? [])].filter(({ connections }) => connections === 0);
    if (gone.length === 0) return;
    this.#underWay += 1;
    const elsewhere = await this.#elsewhere(group);
    this.#underWay -= 1;
    const members = this.#groups.get(group);
    for (const entry of gone) {
      if (entry.connections > 0 || members?.get(entry.member.id) !== entry) continue; // it is back
      members.delete(entry.member.id);
      if (!elsewhere.has(entry.member.id)) this.#tell('memberRemoved', group, entry.member);
    }
    if (members?.size === 0) this.#groups.delete(group);
  }

  /** Ids; of nodes that do not answer, none. */
  async #elsewhere(group: string): Promise<ReadonlySet<string>> {
    try {
      const { answers } = await this.#parts.backplane.gather(this.#target(group), { kind: 'members' }, () => false);
      return new Set(answers.flat().map(({ member }) => member.id));
    } catch (error) {
      this.#parts.observer.fault(`members of a group of hub ${this.#parts.hub}`, error);
      return new Set();
    }
  }

  /** Nodes that cannot be told see it in their next list of members. */
  #tell(kind: 'memberAdded' | 'memberRemoved', group: string, member: GroupMember): void {
    this.#parts.publisher.offer(this.#target(group), { kind, group, member });
  }

  #target(group: string): Target {
    return { scope: 'group', hub: this.#parts.hub, group };
  }
}
