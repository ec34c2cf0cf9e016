import type { LedgerChange } from '../hub/ports.js';

/** What others need in order to speak for a node, as its ledger keeps it. [cluster 6.1] */
export type Entry =
  | {
      readonly kind: 'open';
      /** Canonical. */
      readonly hub: string;
      readonly id: string;
      /** As spelled by the token or the upstream: `""` is anonymous, as undefined is. */
      readonly userId: string | undefined;
      readonly subprotocol: string | undefined;
    }
  /** Its `ce-connectionState`, as of now. */
  | { readonly kind: 'fact'; readonly id: string; readonly state: string }
  /** Its cookies, as of now. */
  | { readonly kind: 'cookies'; readonly id: string; readonly cookies: readonly CookieRecord[] }
  | { readonly kind: 'joined' | 'left'; readonly id: string; readonly group: string }
  /** It has a state in the group, or none any more. */
  | { readonly kind: 'state' | 'noState'; readonly id: string; readonly group: string }
  /** It presents the member to the group, or nobody any more. */
  | { readonly kind: 'member'; readonly id: string; readonly group: string; readonly member: MemberRecord }
  | { readonly kind: 'noMember'; readonly id: string; readonly group: string }
  /** Its client has said which user it is. */
  | { readonly kind: 'signedIn'; readonly id: string; readonly userId: string }
  /** It is one of those that the group's members are told the number of, or none any more. */
  | { readonly kind: 'counted' | 'notCounted'; readonly id: string; readonly group: string }
  /** Its `disconnected` has this `ce-id`. */
  | { readonly kind: 'intent'; readonly id: string; readonly eventId: number }
  /** Nothing is left to be told of it. */
  | { readonly kind: 'done'; readonly id: string };

/** As the cookie library writes one. */
export type CookieRecord = Readonly<Record<string, unknown>>;

export type MemberRecord = Extract<LedgerChange, { readonly kind: 'member' }>['member'];

/** A connection of which something is left to be told. */
export interface OpenConnection {
  readonly hub: string;
  readonly id: string;
  readonly userId: string | undefined;
  readonly subprotocol: string | undefined;
  state: string | undefined;
  cookies: readonly CookieRecord[];
  /** Undefined: none, as most have. */
  groups: Set<string> | undefined;
  /** Groups in which it has a state. */
  states: Set<string> | undefined;
  /** By group. */
  members: Map<string, MemberRecord> | undefined;
  /** As its client has said; undefined: it has not. */
  signedInAs: string | undefined;
  /** Groups whose members are told how many connections they have. */
  counted: Set<string> | undefined;
  /** `ce-id` of its `disconnected`, once that is fixed. */
  eventId: number | undefined;
}

/** By id, in the order in which they were opened. */
export type OpenConnections = Map<string, OpenConnection>;

/** Puts an entry to effect. One about a connection that is done changes nothing. */
export function apply(connections: OpenConnections, entry: Entry): void {
  if (entry.kind === 'open') {
    connections.set(entry.id, newConnection(entry));
    return;
  }
  if (entry.kind === 'done') {
    connections.delete(entry.id);
    return;
  }
  const connection = connections.get(entry.id);
  if (connection !== undefined) change(connection, entry);
}

function newConnection({ hub, id, userId, subprotocol }: Extract<Entry, { kind: 'open' }>): OpenConnection {
  const inGroups = { groups: undefined, states: undefined, members: undefined, counted: undefined };
  const nothing = { state: undefined, cookies: [], signedInAs: undefined, eventId: undefined };
  return { hub, id, userId, subprotocol, ...nothing, ...inGroups };
}

function change(connection: OpenConnection, entry: Exclude<Entry, { kind: 'open' | 'done' }>): void {
  switch (entry.kind) {
    case 'fact':
      connection.state = entry.state;
      break;
    case 'cookies':
      connection.cookies = entry.cookies;
      break;
    case 'joined':
      connection.groups = (connection.groups ?? new Set()).add(entry.group);
      break;
    case 'left':
      connection.groups?.delete(entry.group);
      break;
    case 'state':
      connection.states = (connection.states ?? new Set()).add(entry.group);
      break;
    case 'noState':
      connection.states?.delete(entry.group);
      break;
    case 'member':
      connection.members = (connection.members ?? new Map()).set(entry.group, entry.member);
      break;
    case 'noMember':
      connection.members?.delete(entry.group);
      break;
    case 'signedIn':
      connection.signedInAs = entry.userId;
      break;
    case 'counted':
      connection.counted = (connection.counted ?? new Set()).add(entry.group);
      break;
    case 'notCounted':
      connection.counted?.delete(entry.group);
      break;
    case 'intent':
      connection.eventId = entry.eventId;
  }
}

/** Entries that make the connection what it is. */
export function* entriesOf(connection: OpenConnection): Iterable<Entry> {
  const { hub, id, userId, subprotocol, state, cookies, groups, states, members } = connection;
  const { signedInAs, counted, eventId } = connection;
  yield { kind: 'open', hub, id, userId, subprotocol };
  if (state !== undefined) yield { kind: 'fact', id, state };
  if (cookies.length > 0) yield { kind: 'cookies', id, cookies };
  for (const group of groups ?? []) yield { kind: 'joined', id, group };
  for (const group of states ?? []) yield { kind: 'state', id, group };
  for (const [group, member] of members ?? []) yield { kind: 'member', id, group, member };
  if (signedInAs !== undefined) yield { kind: 'signedIn', id, userId: signedInAs };
  for (const group of counted ?? []) yield { kind: 'counted', id, group };
  if (eventId !== undefined) yield { kind: 'intent', id, eventId };
}
