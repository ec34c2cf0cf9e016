import type { GroupStateItem } from '../../protocols/messages.js';
import { FirstById } from '../first-by-id.js';

/** Most states in one snapshot. [client-protocols 4.9] */
export const maxSnapshotItems = 200;

/** Collects the first items in the order of connection ids: as many as a snapshot can hold. */
export function firstItems(): FirstById<GroupStateItem> {
  return new FirstById(maxSnapshotItems, ({ connectionId }) => connectionId);
}

/** Of several items of one connection the latest counts; cleared states are left out. */
export function latestStates(items: readonly GroupStateItem[]): readonly GroupStateItem[] {
  const latest = new Map<string, GroupStateItem>();
  for (const item of items) {
    const known = latest.get(item.connectionId);
    if (known === undefined || known.updatedAtMs < item.updatedAtMs) latest.set(item.connectionId, item);
  }
  const first = firstItems();
  for (const item of latest.values()) if (item.state !== undefined) first.add(item);
  return first.items;
}
