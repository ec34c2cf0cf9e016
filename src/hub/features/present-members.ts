import type { GroupMember } from '../../protocols/messages.js';

/** A member of a group, as the nodes tell each other. */
export interface PresentMember {
  readonly member: GroupMember;
  /** When a connection last joined with it, in Unix milliseconds: the latest one's word about the member counts. */
  readonly atMs: number;
}

/** Whom the connections of one node present to a group, in the order in which they came. */
export interface NodeMembers {
  /** Tag of the node. */
  readonly by: string;
  readonly members: readonly PresentMember[];
}

/** Each member once, with what was said last about it; in the order in which they come. */
export function latestMembers(lists: readonly (readonly PresentMember[])[]): readonly PresentMember[] {
  const latest = new Map<string, PresentMember>();
  for (const present of lists.flat()) {
    const known = latest.get(present.member.id);
    if (known === undefined || known.atMs < present.atMs) latest.set(present.member.id, present);
  }
  return [...latest.values()];
}
