import type { Clock } from '../../clock.js';
import type { GroupMember } from '../../protocols/messages.js';
import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { Backplane, Observer, Turn } from '../ports.js';
import type { Publisher } from '../publisher.js';
import { GroupMembers, type MemberChange } from './group-members.js';
import { latestMembers, type NodeMembers, type PresentMember } from './present-members.js';

export interface PresenceParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly publisher: Pick<Publisher, 'sendHere'>;
  readonly backplane: Pick<Backplane, 'tag' | 'publish'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly turn: Turn;
  readonly observer: Pick<Observer, 'tell'>;
  /** Called when there is nothing left to tell. */
  onIdle(): void;
}

/** A member that connections of this node present. */
interface Entry {
  member: GroupMember;
  atMs: number;
  /** 0: the first one is about to join; or the last one has left, and nobody has been told yet. */
  connections: number;
}

/**
 * Who is presented to groups, counted per member: several connections may present the same one, on several nodes. Each node
 * tells the others whom its own connections present, and its own clients of members that nobody presented before, or nobody
 * presents any more: so each client is told once, whatever several nodes do at the same time. [PW-022]
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #own = new Map<string, Map<string, Entry>>();
  /** Of groups with members of this node that wanted to know. */
  readonly #elsewhere = new Map<string, GroupMembers>();
  /** Groups that have members without connections. */
  readonly #departures = new Set<string>();
  /** Groups in which connections are about to join. */
  readonly #joining = new Set<string>();

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Have all who left been told? */
  get isIdle(): boolean {
    return this.#departures.size === 0;
  }

  /** On this node, in the order in which they came. */
  *of(group: string): Iterable<PresentMember> {
    for (const { member, atMs, connections } of this.#own.get(group)?.values() ?? []) {
      if (connections > 0) yield { member, atMs };
    }
  }

  /**
   * On all nodes, as far as they have answered; on this one, those of whom its clients have been told: whoever gets this list is
   * told of what comes next, and that may be that one of them has left.
   */
  all(group: string): readonly PresentMember[] {
    const own = Array.from(this.#own.get(group)?.values() ?? [], ({ member, atMs }) => ({ member, atMs }));
    return this.#elsewhere.get(group)?.with(own) ?? latestMembers([own]);
  }

  /** A connection has joined the group; `announce` has told of its member before. */
  entered(connection: Connection, group: string, member: GroupMember): void {
    const entry = this.#enter(group, member);
    if (entry.connections !== 1) return;
    this.#parts.observer.tell({ kind: 'memberAdded', hub: this.#parts.hub, connection, group, member });
  }

  #enter(group: string, member: GroupMember): Entry {
    const members = this.#own.get(group) ?? new Map<string, Entry>();
    this.#own.set(group, members);
    const atMs = this.#parts.clock.now();
    const entry = members.get(member.id) ?? { member, atMs, connections: 0 };
    Object.assign(entry, { member, atMs, connections: entry.connections + 1 });
    members.set(member.id, entry);
    return entry;
  }

  /** A connection has left the group. */
  left(connection: Connection, group: string, { id }: GroupMember): void {
    const entry = this.#own.get(group)?.get(id);
    if (entry === undefined || entry.connections === 0) return;
    entry.connections -= 1;
    if (entry.connections > 0) return;
    const { hub, observer } = this.#parts;
    observer.tell({ kind: 'memberRemoved', hub, connection, group, member: entry.member });
    this.#scheduleDepartures(group);
  }

  /** Tells of a member that is about to join, unless this node has told of it. */
  announce(group: string, member: GroupMember): void {
    const members = this.#own.get(group) ?? new Map<string, Entry>();
    if (members.has(member.id)) return;
    this.#own.set(group, members.set(member.id, { member, atMs: this.#parts.clock.now(), connections: 0 }));
    this.#change(group, member, true);
  }

  /** The member that was announced did not join. */
  retract(group: string, { id }: GroupMember): void {
    if (this.#own.get(group)?.get(id)?.connections === 0) this.#scheduleDepartures(group);
  }

  /** Until `end` is called, nobody who leaves is told: those who are about to join may present the same member. */
  begin(group: string): void {
    this.#joining.add(group);
  }

  end(group: string): void {
    this.#joining.delete(group);
    if (this.#departures.has(group)) this.#depart(group);
  }

  /** Another node's connections present the member now, or do not any more. */
  receive(group: string, change: MemberChange): void {
    if (change.by === this.#parts.backplane.tag) return;
    this.#adopt(group, change);
    const elsewhere = this.#elsewhere.get(group);
    const isNews = elsewhere === undefined || elsewhere.change(change);
    if (isNews) this.#tellUnlessHere(group, change.member, change.isPresent);
  }

  /** What was said last about a member stays, also when the connection that has said it is gone. [pusher-webhooks 7, row 37] */
  #adopt(group: string, { member, isPresent, atMs }: MemberChange): void {
    const own = this.#own.get(group)?.get(member.id);
    if (!isPresent && own !== undefined && atMs !== undefined && atMs > own.atMs) Object.assign(own, { member, atMs });
  }

  /**
   * What the other nodes have answered, in place of what was known of them.
   * @param since what they have told since they answered, in order
   */
  learn(group: string, answers: readonly NodeMembers[], since: readonly MemberChange[]): void {
    const known = this.#elsewhere.get(group);
    const before = known?.with([]) ?? [];
    const elsewhere = known ?? new GroupMembers();
    this.#elsewhere.set(group, elsewhere);
    for (const answer of answers) elsewhere.replace(answer);
    for (const change of since) elsewhere.change(change);
    if (known !== undefined) this.#tellDifferences(group, before, elsewhere);
  }

  /** What was not told, since messages between nodes may be lost. */
  #tellDifferences(group: string, before: readonly PresentMember[], elsewhere: GroupMembers): void {
    const ids = new Set(before.map(({ member }) => member.id));
    for (const { member } of before) if (!elsewhere.has(member.id)) this.#tellUnlessHere(group, member, false);
    for (const { member } of elsewhere.with([])) if (!ids.has(member.id)) this.#tellUnlessHere(group, member, true);
  }

  /** No connection of this node is in the group. */
  forget(group: string): void {
    this.#elsewhere.delete(group);
  }

  /** A node is gone whose connections presented the member: the others are told in its place. @param by its tag [CL-059] */
  gone(group: string, member: GroupMember, by: string): void {
    const change = { member, isPresent: false, by };
    this.#parts.backplane.publish(this.#target(group), { kind: 'memberChanged', ...change });
    this.receive(group, change);
  }

  #scheduleDepartures(group: string): void {
    if (this.#departures.has(group)) return;
    this.#departures.add(group);
    this.#parts.turn.atEnd(() => this.#depart(group));
  }

  #depart(group: string): void {
    if (this.#joining.has(group)) return;
    this.#departures.delete(group);
    const members = this.#own.get(group);
    for (const { member, connections, atMs } of members?.values() ?? []) {
      if (connections > 0) continue; // it is back
      members!.delete(member.id);
      this.#change(group, member, false, atMs);
    }
    if (members?.size === 0) this.#own.delete(group);
    if (this.isIdle) this.#parts.onIdle();
  }

  /** Nodes that cannot be told see it in their next list of members. */
  #change(group: string, member: GroupMember, isPresent: boolean, atMs?: number): void {
    const { backplane } = this.#parts;
    backplane.publish(this.#target(group), { kind: 'memberChanged', member, isPresent, by: backplane.tag, atMs });
    if (this.#elsewhere.get(group)?.has(member.id) !== true) this.#tell(group, member, isPresent);
  }

  #tellUnlessHere(group: string, member: GroupMember, isPresent: boolean): void {
    if (this.#own.get(group)?.has(member.id) !== true) this.#tell(group, member, isPresent);
  }

  /** The clients of this node. */
  #tell(group: string, member: GroupMember, isPresent: boolean): void {
    const message = { kind: isPresent ? 'memberAdded' : 'memberRemoved', group, member } as const;
    const command = { kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 } as const;
    this.#parts.publisher.sendHere(this.#target(group), command);
  }

  #target(group: string): Target {
    return { scope: 'group', hub: this.#parts.hub, group };
  }
}
