import type { Row } from './checks/row.js';

/** The table that people read, and the last line that says it all. */
export function textOf(rows: readonly Row[], seed: number, name = 'soak'): string {
  const width = Math.max(...rows.map(({ check }) => check.length));
  const lines = rows.map(({ check, figures, isOk }) => `${verdictOf(isOk)}  ${check.padEnd(width)}  ${figures}`);
  const failed = failuresOf(rows).length;
  const judged = rows.filter(({ isOk }) => isOk !== undefined).length;
  const last = failed === 0 ? `${name}: ${judged} checks hold` : `${name}: FAILED, ${failed} of ${judged} checks`;
  return [...lines, `${last} (--seed ${seed})`].join('\n');
}

export function failuresOf(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ isOk }) => isOk === false);
}

function verdictOf(isOk: boolean | undefined): string {
  if (isOk === undefined) return '      ';
  return isOk ? 'ok    ' : 'FAILED';
}
