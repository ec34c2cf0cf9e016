import type { GroupMember } from '../../protocols/messages.js';
import { latestMembers, type NodeMembers, type PresentMember } from './present-members.js';

/** That the connections of a node present the member now, or do not any more. */
export interface MemberChange {
  readonly member: GroupMember;
  readonly isPresent: boolean;
  /** Tag of the node. */
  readonly by: string;
  /** Of one who is not present any more: when a connection of the node last joined with it, Unix milliseconds; undefined: not known. */
  readonly atMs?: number | undefined;
}

/** Whom the connections of the other nodes present to one group, by the node's tag. */
export class GroupMembers {
  readonly #nodes = new Map<string, Map<string, PresentMember>>();

  has(memberId: string): boolean {
    for (const members of this.#nodes.values()) if (members.has(memberId)) return true;
    return false;
  }

  /** With those of this node, each member once. */
  with(own: readonly PresentMember[]): readonly PresentMember[] {
    return latestMembers([...Array.from(this.#nodes.values(), members => [...members.values()]), own]);
  }

  ids(): ReadonlySet<string> {
    return new Set(Array.from(this.#nodes.values(), members => [...members.keys()]).flat());
  }

  /** @returns whether the other nodes present the member now, and did not before; or did, and do not now */
  change({ member, isPresent, by }: MemberChange): boolean {
    const wasPresent = this.has(member.id);
    const members = this.#nodes.get(by) ?? new Map<string, PresentMember>();
    if (isPresent) members.set(member.id, { member, atMs: members.get(member.id)?.atMs ?? 0 });
    else members.delete(member.id);
    if (members.size > 0) this.#nodes.set(by, members);
    else this.#nodes.delete(by);
    return wasPresent !== isPresent && this.has(member.id) === isPresent;
  }

  /** A node's answer, in place of what was known of it. */
  replace({ by, members }: NodeMembers): void {
    if (members.length === 0) this.#nodes.delete(by);
    else this.#nodes.set(by, new Map(members.map(each => [each.member.id, each])));
  }
}
