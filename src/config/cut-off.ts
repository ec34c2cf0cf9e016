import { type Document, isMap, isScalar, isSeq, type Pair } from 'yaml';
import { keyText } from './environment.js';
import type { Path } from './problems.js';

/** Keys of an event handler that select its events. */
const eventKeys = ['systemEvents', 'userEventPattern', 'groupPresenceEvents'];

export interface CutOff {
  readonly path: Path;
  readonly reason: string;
}

/**
 * Where a file seems to have been cut off as it was written or copied: it ends in the middle of a line, with a key that
 * has no value or a handler that takes no events. YAML has no mark of its end, so such a file is valid; without the
 * lines that are missing, hubs would be open that a `connect` handler guards.
 */
export function findCutOff(document: Document, text: string): CutOff | undefined {
  if (/[\r\n]$/.test(text)) return undefined;
  const path: (string | number)[] = [];
  let node: unknown = document.contents;
  let handler: CutOff | undefined;
  for (;;) {
    if (isHandler(path) && isEventless(node)) handler = { path: [...path], reason: eventless };
    const last = lastOf(node);
    if (last === undefined) break;
    path.push(last.segment);
    node = last.value;
  }
  if (isUnwritten(node) && /:[ \t]*$/.test(text)) return { path, reason: valueless };
  return endOf(node) === text.length ? handler : undefined;
}

const end = 'the file ends here in the middle of a line and seems to be truncated';
const rest = 'add what is missing, or end the last line with a line break';
const valueless = `${end}: the key has no value; ${rest}`;
const eventless = `${end}: the handler receives no events; ${rest}`;

function isHandler(path: Path): boolean {
  return path.length === 4 && path[0] === 'hubs' && path[2] === 'eventHandlers';
}

function isEventless(node: unknown): boolean {
  return isMap(node) && !node.items.some((pair: Pair) => eventKeys.includes(keyText(pair.key)));
}

function lastOf(node: unknown): { segment: string | number; value: unknown } | undefined {
  if (isSeq(node) && node.items.length > 0) return { segment: node.items.length - 1, value: node.items.at(-1) };
  const pair = isMap(node) ? node.items.at(-1) : undefined;
  return pair && { segment: keyText(pair.key), value: pair.value };
}

function isUnwritten(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function endOf(node: unknown): number | undefined {
  return isScalar(node) ? node.range?.[1] : undefined;
}
