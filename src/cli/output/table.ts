/** A column is no wider than what stands in it. */
const gap = '  ';

/** Without a place in a table: they are long, and the same in each row. */
const skippedKeys: readonly string[] = ['id', 'type'];

/** A table of the plain values of each item; lists and objects in it are left out. */
export function tableOf(value: unknown): readonly string[] {
  const items = (Array.isArray(value) ? value : [value]).map(cellsOf);
  const heads = [...new Set(items.flatMap(item => Object.keys(item)))];
  if (heads.length === 0) return [];
  return columns(
    heads,
    items.map(item => heads.map(head => item[head] ?? '')),
  );
}

/** @param rows as many cells each as there are heads */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map(row => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(gap)
      .trimEnd();
  return [line(heads), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)];
}

function cellsOf(item: unknown): Readonly<Record<string, string>> {
  if (Array.isArray(item)) return Object.fromEntries(item.map((value, at) => [`Column${at + 1}`, textOf(value)]));
  if (typeof item !== 'object' || item === null) return { Result: textOf(item) };
  const plain = Object.entries(item).filter(
    ([key, value]) => !skippedKeys.includes(key) && value !== null && typeof value !== 'object',
  );
  return Object.fromEntries(
    plain.map(([key, value]) => [key.replace(/^./, first => first.toUpperCase()), textOf(value)]),
  );
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
