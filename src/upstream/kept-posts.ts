/** What the ledger has of a notification. */
export interface LedgerEntry {
  readonly isKept: Promise<boolean>;
  readonly onOver?: () => void;
}

/** Posts it once the ledger has it; never, when others speak for this node by then. */
export async function whenKept(entry: LedgerEntry, post: () => Promise<void>): Promise<void> {
  if (!(await entry.isKept)) return;
  await post();
  entry.onOver?.();
}
