import { PubSubError } from '../../errors.js';
import type { ActOf, GroupView } from '../../protocols/acts.js';
import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { Members } from '../members.js';
import type { Backplane, Observer, Turn } from '../ports.js';
import { listenTo } from '../reach.js';
import type { CacheMisses, MessageCache } from './cache.js';
import type { MemberChange } from './group-members.js';
import { type KeptMessage, latestMessage } from './kept-message.js';
import type { Presence } from './presence.js';
import type { NodeMembers } from './present-members.js';

export interface ViewedJoinParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly members: Pick<Members, 'join' | 'count'>;
  readonly presence: Presence;
  readonly cache: MessageCache;
  readonly misses: CacheMisses;
  readonly backplane: Pick<Backplane, 'gather' | 'listen' | 'unlisten'>;
  readonly turn: Turn;
  readonly observer: Pick<Observer, 'tell' | 'fault'>;
}

export type JoinAct = ActOf<'join'>;

interface Waiting {
  readonly connection: Connection;
  readonly act: JoinAct;
  readonly done: (result: GroupView | PubSubError) => void;
}

/** What the other nodes have said of a group. */
interface Elsewhere {
  /** Undefined: nobody wants to know. */
  readonly members: readonly NodeMembers[] | undefined;
  readonly last: readonly KeptMessage[];
}

/**
 * Joins whose answer tells what the group is like. What is told and what the connection is sent later follow on: nothing is
 * missing, and nothing is told twice. So the other nodes are queried first; then, within one call, the connection joins and is
 * answered. All who join a group in the same turn are answered together, from one list.
 */
export class ViewedJoins {
  readonly #parts: ViewedJoinParts;
  /** For the next round of a group. A group that has an entry has a round scheduled or under way. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** Changes on other nodes while these are queried. */
  readonly #held = new Map<string, MemberChange[]>();

  constructor(parts: ViewedJoinParts) {
    this.#parts = parts;
  }

  /**
   * @param done called within the call in which the connection joins; not called when it has ended
   * @returns settles after that
   */
  join(connection: Connection, act: JoinAct, done: (result: GroupView | PubSubError) => void): Promise<void> {
    return new Promise(settle => {
      const finish: Waiting['done'] = result => {
        if (connection.isAlive) done(result);
        settle();
      };
      const { group } = act;
      const waiting = this.#waiting.get(group);
      if (waiting !== undefined) waiting.push({ connection, act, done: finish });
      else {
        this.#waiting.set(group, [{ connection, act, done: finish }]);
        this.#parts.turn.atEnd(() => void this.#rounds(group));
      }
    });
  }

  /** Another node's member came or went. */
  receive(group: string, change: MemberChange): void {
    this.#held.get(group)?.push(change);
  }

  /** Never rejects. */
  async #rounds(group: string): Promise<void> {
    for (let round = this.#waiting.get(group)!; round.length > 0; round = this.#waiting.get(group)!) {
      this.#waiting.set(group, []);
      try {
        await this.#round(group, round);
      } catch (cause) {
        const error = PubSubError.from(cause);
        if (error.kind === 'internal') this.#parts.observer.fault(`joins of a group of hub ${this.#parts.hub}`, cause);
        for (const { done } of round) done(error);
      }
    }
    this.#waiting.delete(group);
  }

  /** @throws PubSubError `unknown` when the other nodes cannot be told of the group */
  async #round(group: string, round: readonly Waiting[]): Promise<void> {
    const target = { scope: 'group', hub: this.#parts.hub, group } as const;
    const { presence, members } = this.#parts;
    const held: MemberChange[] = [];
    this.#held.set(group, held);
    presence.begin(group);
    try {
      const endListening = await listenTo(this.#parts.backplane, [target]);
      try {
        const elsewhere = await this.#gather(target, round);
        if (elsewhere.members !== undefined) presence.learn(group, elsewhere.members, held);
        this.#admit(group, round, elsewhere.last);
      } finally {
        endListening();
      }
    } finally {
      this.#held.delete(group);
      if (members.count(target) === 0) presence.forget(group);
      presence.end(group);
    }
  }

  /** Nodes that do not answer are left out: a client is told of most members rather than of none. */
  async #gather(target: Target & { scope: 'group' }, round: readonly Waiting[]): Promise<Elsewhere> {
    const { backplane, hub } = this.#parts;
    const never = () => false;
    const wantsMembers = round.some(({ act }) => act.view?.mostMembers !== undefined);
    const wantsLast = round.some(({ act }) => act.view?.last);
    const [members, last] = await Promise.all([
      wantsMembers ? backplane.gather(target, { kind: 'members' }, never) : undefined,
      wantsLast ? backplane.gather({ scope: 'hub', hub }, { kind: 'last', group: target.group }, never) : undefined,
    ]);
    return { members: members?.answers.flat(), last: latestMessage(last?.answers ?? []) };
  }

  /** Within one call. */
  #admit(group: string, round: readonly Waiting[], elsewhere: Elsewhere['last']): void {
    const { members, presence } = this.#parts;
    const admitted = this.#select(group, round);
    for (const { connection, act } of admitted) members.join(connection, group, act.tag)?.catch(ignore);
    for (const { connection, act } of admitted) {
      const member = act.tag?.member;
      if (member !== undefined && !connection.groups.has(group)) presence.retract(group, member);
    }
    const [kept] = latestMessage([elsewhere, this.#parts.cache.last(this.#parts.hub, group)]);
    const last = kept?.message;
    const list = this.#listOf(group);
    for (const { connection, act, done } of admitted) {
      const { view } = act;
      if (view?.last && last === undefined && connection.isAlive) this.#missed(connection, group);
      done({ members: view?.mostMembers === undefined ? undefined : list(), last: view?.last ? last : undefined });
    }
  }

  /** Those who may join; the group's members are told of them before they do. */
  #select(group: string, round: readonly Waiting[]): readonly Waiting[] {
    const { presence } = this.#parts;
    const ids = new Set(presence.all(group).map(({ member }) => member.id));
    return round.filter(({ connection, act, done }) => {
      const fault = connection.isAlive ? faultOf(connection, act, ids) : undefined;
      if (fault !== undefined || !connection.isAlive) {
        done(fault ?? new PubSubError('cancelled', 'the connection has ended'));
        return false;
      }
      const member = act.tag?.member;
      if (member === undefined) return true;
      ids.add(member.id);
      presence.announce(group, member);
      return true;
    });
  }

  /** Made once, if anybody wants it. */
  #listOf(group: string): () => NonNullable<GroupView['members']> {
    let list: GroupView['members'];
    return () => {
      list ??= this.#parts.presence.all(group).map(({ member }) => member);
      return list;
    };
  }

  #missed(connection: Connection, group: string): void {
    const { hub, misses, observer } = this.#parts;
    if (misses.isNew(group)) observer.tell({ kind: 'cacheMissed', hub, connection, group });
  }
}

/** @param ids of present members */
function faultOf(connection: Connection, { group, tag, isStrict, view }: JoinAct, ids: ReadonlySet<string>) {
  if (isStrict && connection.groups.has(group))
    return new PubSubError('conflict', `already a member of group ${group}`);
  const most = view?.mostMembers ?? Number.POSITIVE_INFINITY;
  if (tag?.member === undefined || ids.has(tag.member.id) || ids.size < most) return undefined;
  return new PubSubError('tooMany', `${group} has ${ids.size} members; at most ${most} are allowed`);
}

/** Other nodes could not be told of the first member, which has left again then. */
function ignore(): void {}
