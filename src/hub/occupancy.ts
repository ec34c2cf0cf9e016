/** A group that has connections, as one node knows it, or as the answers of several say together. */
export interface OccupiedGroup {
  readonly group: string;
  readonly connections: number;
  /** Ids of the distinct members that they present; empty where these are not wanted. */
  readonly memberIds: readonly string[];
}

/** A connection is on one node; a member may be on several. */
export function mergedGroups(lists: readonly (readonly OccupiedGroup[])[]): readonly OccupiedGroup[] {
  const filled = lists.filter(({ length }) => length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const merged = new Map<string, { connections: number; memberIds: Set<string> }>();
  for (const { group, connections, memberIds } of filled.flat()) {
    const known = merged.get(group);
    if (known === undefined) {
      merged.set(group, { connections, memberIds: new Set(memberIds) });
      continue;
    }
    known.connections += connections;
    for (const id of memberIds) known.memberIds.add(id);
  }
  return Array.from(merged, ([group, { connections, memberIds }]) => ({
    group,
    connections,
    memberIds: [...memberIds],
  }));
}
