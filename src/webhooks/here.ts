import type { GroupMember } from '../protocols/messages.js';

/** Who is there on this node. All of it is read live: those who come or go meanwhile may be in it or not. @param hub its key among sources */
export interface Here {
  groups(hub: string): Iterable<string>;
  /** Whom the group's connections present. */
  members(hub: string, group: string): Iterable<GroupMember>;
  users(hub: string): Iterable<string>;
}

export const nobodyHere: Here = { groups: () => [], members: () => [], users: () => [] };
