/**
 * One line for each item, its values between tabs and without quotes: those of an object in order of their names. Of a list
 * within an item its length is shown, and of an object nothing. [MG-055]
 */
export function tsvOf(value: unknown): string {
  const items = Array.isArray(value) ? value : [value];
  return items.map(item => `${rowOf(item).join('\t')}\n`).join('');
}

function rowOf(item: unknown): readonly string[] {
  if (Array.isArray(item)) return item.map(cellOf);
  if (typeof item !== 'object' || item === null) return [typeof item === 'boolean' ? String(item) : cellOf(item)];
  return Object.entries(item)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => cellOf(value));
}

/** Scripts for `az` compare with its words for nothing, true and false, which are those of Python. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return String(value.length);
  return typeof value === 'object' ? '' : String(value);
}
