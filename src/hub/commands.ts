import { PubSubError } from '../errors.js';
import type { GroupStateItem, PublishedMessage } from '../protocols/messages.js';
import type { MemberChange } from './features/group-members.js';
import { type KeptMessage, latestMessage } from './features/kept-message.js';
import type { NodeMembers } from './features/present-members.js';
import { latestStates } from './features/state-items.js';
import { mergedGroups, type OccupiedGroup } from './occupancy.js';

/** Which connections a command or query is for, wherever they are. Hub names are canonical (lower case). */
export type Target =
  | { readonly scope: 'hub'; readonly hub: string }
  | { readonly scope: 'group'; readonly hub: string; readonly group: string }
  | { readonly scope: 'user'; readonly hub: string; readonly userId: string }
  | { readonly scope: 'connection'; readonly hub: string; readonly connectionId: string };

/** The permissions that REST can grant and revoke. [rest-api 2.5] */
export type Permission = 'joinLeaveGroup' | 'sendToGroup';

export interface Member {
  readonly connectionId: string;
  readonly userId: string | undefined;
}

/** What the connections of a target are to receive. No node answers it. */
export type Command =
  | {
      readonly kind: 'send';
      readonly message: PublishedMessage;
      /** Connection ids. */
      readonly excluded: readonly string[];
      /** In the filter language of rest-api 4; each node evaluates it on its own connections. */
      readonly filter: string | undefined;
      /** How long the message may wait for a client that is away or slow; 0: for ever. */
      readonly ttlSeconds: number;
      /** For how long it is the group's last message, which later members are told; left out: it is not. */
      readonly keptMs?: number | undefined;
    }
  /** For members of the target group that subscribed: this is one member's state now. [client-protocols 4.9] */
  | { readonly kind: 'groupState'; readonly item: GroupStateItem }
  /** For members of the target group. */
  | ({ readonly kind: 'memberChanged' } & MemberChange)
  /** For those who watch the user: on a node its first connection came, or its last one went. */
  | { readonly kind: 'userChanged'; readonly userId: string };

/** A change of groups; with a filter, of the connections that it accepts. */
interface GroupChange {
  readonly groups: readonly string[];
  readonly filter: string | undefined;
}

interface Override {
  readonly permission: Permission;
  readonly group: string;
}

/** What each kind of query contains. */
interface Questions {
  /** Is there a connection? */
  exists: unknown;
  /** Is there one with the permission? */
  check: Override;
  count: { readonly filter: string | undefined };
  /** The first `limit` connections in the order of their ids; with `after`, of those whose ids come after it. */
  list: { readonly after: string | undefined; readonly limit: number };
  /** The states of the members of the target group. */
  states: unknown;
  /** Whom the connections of the target group present. */
  members: unknown;
  /** The message that is kept of a group: also on nodes without members of the group. */
  last: { readonly group: string };
  /** Of these, the users with connections. */
  onlineUsers: { readonly userIds: readonly string[] };
  /** The groups that have connections: of those that are named, or of those whose names begin with the prefix. */
  groups: ({ readonly names: readonly string[] } | { readonly prefix: string }) & { readonly withMembers: boolean };
  join: GroupChange;
  leave: GroupChange;
  leaveAll: unknown;
  close: { readonly reason: string | undefined; readonly excluded: readonly string[] };
  grant: Override;
  revoke: Override;
}

/** `conflict`: the limit of literal overrides is reached, and nothing was changed. */
export type Overridden = 'done' | 'conflict' | 'noConnection';

/** What one node answers to each kind of query, and what the answers of several are merged to. Of a change: the connections reached. */
export interface Answers {
  exists: boolean;
  check: boolean;
  count: number;
  /** In the order of their ids. */
  list: readonly Member[];
  /** In the order of connection ids; no more than a snapshot can hold. */
  states: readonly GroupStateItem[];
  /** One for each node. */
  members: readonly NodeMembers[];
  /** None or one. */
  last: readonly KeptMessage[];
  onlineUsers: readonly string[];
  groups: readonly OccupiedGroup[];
  join: number;
  leave: number;
  leaveAll: number;
  close: number;
  grant: Overridden;
  revoke: Overridden;
}

export type QueryKind = keyof Questions;

/** What each node with connections of a target answers: a question, or a change whose caller waits until it is done. */
export type Query<K extends QueryKind> = { readonly kind: K } & Questions[K];
export type AnyQuery = { [K in QueryKind]: Query<K> }[QueryKind];

/** How the answers of several nodes become one. */
interface Merge<Answer, Q = unknown> {
  merge(answers: readonly Answer[], query: Q): Answer;
  /** No answer of another node can change the result. */
  isFinal(answer: Answer, target: Target): boolean;
}

const never = () => false;

/** A connection is on one node only. */
const reached: Merge<number> = {
  merge: sum,
  isFinal: (connections, { scope }) => scope === 'connection' && connections > 0,
};

const anywhere: Merge<boolean> = {
  merge: answers => answers.includes(true),
  isFinal: isTrue => isTrue,
};

const overridden: Merge<Overridden> = {
  merge: answers => answers.find(answer => answer !== 'noConnection') ?? 'noConnection',
  isFinal: answer => answer !== 'noConnection',
};

const merges: { readonly [K in QueryKind]: Merge<Answers[K], Query<K>> } = {
  exists: anywhere,
  check: anywhere,
  count: { merge: sum, isFinal: never },
  list: { merge: firstMembers, isFinal: never },
  states: { merge: answers => latestStates(answers.flat()), isFinal: never },
  members: { merge: answers => answers.flat(), isFinal: never },
  last: { merge: latestMessage, isFinal: never },
  onlineUsers: { merge: answers => [...new Set(answers.flat())], isFinal: never },
  groups: { merge: mergedGroups, isFinal: never },
  join: reached,
  leave: reached,
  leaveAll: reached,
  close: reached,
  grant: overridden,
  revoke: overridden,
};

/** @param answers of at least one node */
export function merge<K extends QueryKind>(query: Query<K>, answers: readonly Answers[K][]): Answers[K] {
  return merges[query.kind].merge(answers, query);
}

/** Whether the answer of one node is the result, whatever the others answer. */
export function isFinal<K extends QueryKind>(target: Target, query: Query<K>, answer: Answers[K]): boolean {
  return merges[query.kind].isFinal(answer, target);
}

/** The command was not accepted: no node performs it. */
export function notAccepted(): PubSubError {
  return new PubSubError(
    'unknown',
    'the message was not accepted: too many messages to other nodes of the service are waiting. Try again.',
  );
}

/** The backplane did not accept that this node listens. */
export function notReached(cause: unknown): PubSubError {
  if (cause instanceof PubSubError) return cause;
  const message = 'other nodes of the service could not be told what this node is to receive. Try again.';
  return new PubSubError('unknown', message, { cause });
}

const mostNamed = 5;

/** @param nodes names of those that did not answer */
export function notAnswered(nodes: readonly string[]): PubSubError {
  const names = nodes.slice(0, mostNamed).join(', ') + (nodes.length > mostNamed ? ', …' : '');
  return new PubSubError(
    'unknown',
    `the result is not known: nodes of the service did not answer (${names}). Try again.`,
  );
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function firstMembers(lists: readonly (readonly Member[])[], { limit }: Query<'list'>): readonly Member[] {
  const filled = lists.filter(({ length }) => length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const byId = (a: Member, b: Member) => (a.connectionId < b.connectionId ? -1 : 1);
  return filled.flat().sort(byId).slice(0, limit);
}
