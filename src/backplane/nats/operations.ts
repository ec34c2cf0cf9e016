import type { Answers, AnyQuery, Command, QueryKind, Target } from '../../hub/commands.js';
import type { NodeMembers, PresentMember } from '../../hub/features/present-members.js';
import type { OccupiedGroup } from '../../hub/occupancy.js';
import { badHead } from './bad-envelope.js';
import { readCommonSend, writeCommonSend } from './common-send.js';
import {
  byKind,
  count,
  type Field,
  flag,
  isRecord,
  list,
  oneOf,
  optional,
  type RecordField,
  record,
  someOf,
  text,
  time,
} from './fields.js';
import { keptMessage, member, publishedMessage, stateItem } from './message-fields.js';

/** Commands, queries and answers as they travel between nodes. A new one is a line here. [cluster 3.3] */

/** Hub, and group, user or connection. Hot path: read for each envelope. */
export const target: Field<Target> = {
  write(given) {
    const h = given.hub;
    if (given.scope === 'group') return { h, g: given.group };
    if (given.scope === 'user') return { h, u: given.userId };
    return given.scope === 'connection' ? { h, c: given.connectionId } : { h };
  },
  read(json, bodies) {
    if (!isRecord(json)) throw badHead('no target');
    const hub = text.read(json.h, bodies);
    if (json.g !== undefined) return { scope: 'group', hub, group: text.read(json.g, bodies) };
    if (json.u !== undefined) return { scope: 'user', hub, userId: text.read(json.u, bodies) };
    if (json.c !== undefined) return { scope: 'connection', hub, connectionId: text.read(json.c, bodies) };
    return { scope: 'hub', hub };
  },
};

/** In a list, the common ones are lists, and the rest are records. */
export const command: Field<Command> = {
  write: (value, bodies) => writeCommonSend(value, bodies) ?? anyCommand.write(value, bodies),
  read: (json, bodies) => (Array.isArray(json) ? readCommonSend(json, bodies) : anyCommand.read(json, bodies)),
};

const anyCommand = byKind<Command>({
  send: record({
    message: publishedMessage,
    excluded: someOf(text),
    filter: optional(text),
    ttlSeconds: time,
    keptMs: optional(time),
  }),
  groupState: record({ item: stateItem }),
  memberChanged: record({ member, isPresent: flag, by: text, atMs: optional(time) }),
  userChanged: record({ userId: text }),
});

const groupChange = record({ groups: list(text), filter: optional(text) });
const override = record({ permission: oneOf('joinLeaveGroup', 'sendToGroup'), group: text });
const nothing = record<object>({});

const byNames = record({ names: list(text), withMembers: flag });
const byPrefix = record({ prefix: text, withMembers: flag });
type ByNames = { readonly names: readonly string[]; readonly withMembers: boolean };
type ByPrefix = { readonly prefix: string; readonly withMembers: boolean };

/** A query for groups has one of the two keys: names or a prefix. */
const groups: RecordField<ByNames | ByPrefix> = {
  write: (value, bodies) => groups.writeTo({}, value, bodies),
  writeTo: (json, value, bodies) =>
    'names' in value ? byNames.writeTo(json, value, bodies) : byPrefix.writeTo(json, value, bodies),
  read: (json, bodies) => ('names' in (json as object) ? byNames : byPrefix).read(json, bodies),
  readTo: (value, json, bodies) => ('names' in json ? byNames : byPrefix).readTo(value, json, bodies),
};

export const query: Field<AnyQuery> = byKind<AnyQuery>({
  exists: nothing,
  check: override,
  count: record({ filter: optional(text) }),
  list: record({ after: optional(text), limit: count }),
  states: nothing,
  members: nothing,
  last: record({ group: text }),
  onlineUsers: record({ userIds: list(text) }),
  groups,
  join: groupChange,
  leave: groupChange,
  leaveAll: nothing,
  close: record({ reason: optional(text), excluded: someOf(text) }),
  grant: override,
  revoke: override,
});

const overridden = oneOf('done', 'conflict', 'noConnection');

export const answers: { readonly [K in QueryKind]: Field<Answers[K]> } = {
  exists: flag,
  check: flag,
  count,
  list: list(record({ connectionId: text, userId: optional(text) })),
  states: list(stateItem),
  members: list(record<NodeMembers>({ by: text, members: list(record<PresentMember>({ member, atMs: time })) })),
  last: list(keptMessage),
  onlineUsers: list(text),
  groups: list(record<OccupiedGroup>({ group: text, connections: count, memberIds: list(text) })),
  join: count,
  leave: count,
  leaveAll: count,
  close: count,
  grant: overridden,
  revoke: overridden,
};
