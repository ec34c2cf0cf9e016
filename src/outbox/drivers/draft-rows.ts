import type { Lanes } from './lane.js';
import type { Change, RowKey } from './tables.js';

interface Draft {
  readonly rowKey: RowKey;
  /** It is written, and counted. */
  isKept: boolean;
}

/** Where a local store has the drafts of this process. Those of a former one are claimable since the store was opened. */
export class DraftRows {
  readonly #lanes: Lanes;
  readonly #rows = new Map<string, Draft>();

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  /** Before it is written, since it may be replaced meanwhile. */
  remember(id: string, rowKey: RowKey): void {
    this.#rows.set(id, { rowKey, isKept: false });
  }

  kept(id: string): void {
    const draft = this.#rows.get(id);
    if (draft === undefined) return;
    draft.isKept = true;
    this.#laneOf(draft).drafts += 1;
  }

  forget(id: string): void {
    const draft = this.#rows.get(id);
    if (draft === undefined) return;
    this.#rows.delete(id);
    if (draft.isKept) this.#laneOf(draft).drafts -= 1;
  }

  removals(ids: readonly string[]): Change[] {
    return ids.flatMap((id): Change[] => {
      const draft = this.#rows.get(id);
      return draft === undefined ? [] : [['drafts', draft.rowKey, undefined]];
    });
  }

  #laneOf({ rowKey: [endpoint] }: Draft) {
    return this.#lanes.of(endpoint as string);
  }
}
