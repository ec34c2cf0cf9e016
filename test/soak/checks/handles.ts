import type { Handles } from '../server/handles.js';
import { type Row, shown } from './row.js';

/** What comes and goes with the work of the moment. */
const passing = ['Immediate', 'Timeout'];

export interface HandleFacts {
  readonly before: Handles;
  readonly after: Handles;
}

/** After everybody has left, the service must hold open what it held open before anybody came. */
export function handleRows({ before, after }: HandleFacts): Row[] {
  return [
    before.descriptors === undefined || after.descriptors === undefined
      ? shown('open file descriptors', 'not counted: there is no /proc here')
      : same('open file descriptors', before.descriptors, after.descriptors),
    same('handles that Node counts', ownCopy(before.resources), ownCopy(after.resources)),
  ];
}

function same(check: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Row {
  const kinds = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changed = kinds.filter(kind => (before.get(kind) ?? 0) !== (after.get(kind) ?? 0));
  const total = [...after.values()].reduce((sum, count) => sum + count, 0);
  const figures = changed.map(kind => `${kind}: ${before.get(kind) ?? 0} before, ${after.get(kind) ?? 0} after`);
  return {
    check,
    figures: changed.length === 0 ? `${total}, as before` : figures.join('; '),
    isOk: changed.length === 0,
  };
}

function ownCopy(resources: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...resources].filter(([type]) => !passing.includes(type)));
}
