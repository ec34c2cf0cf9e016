import SortedBTree from 'sorted-btree';

type BTreeClass = typeof SortedBTree.default;

/** The package is CommonJS: Node gives its exports as the default import, bundlers and test runners the class itself. */
export const BTree: BTreeClass = SortedBTree.default ?? (SortedBTree as unknown as BTreeClass);
