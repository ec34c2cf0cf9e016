/** One line of the result. */
export interface Row {
  readonly check: string;
  /** For people. */
  readonly figures: string;
  /** Undefined: it is shown and not judged. */
  readonly isOk: boolean | undefined;
}

/** A name for people, and what was counted. */
export type Figure = readonly [name: string, count: number];

/** Both were counted independently, and must be the same. */
export type Pair = readonly [Figure, Figure];

export function equal(check: string, ...pairs: readonly Pair[]): Row {
  const figures = pairs.map(([a, b]) => `${textOf(a)}${a[1] === b[1] ? ' = ' : ' ≠ '}${textOf(b)}`).join('; ');
  return { check, figures, isOk: pairs.every(([a, b]) => a[1] === b[1]) };
}

/** As `equal`, where each two may differ by as much as was given up in the middle. */
export function equalWithin([what, most]: Figure, check: string, ...pairs: readonly Pair[]): Row {
  const { figures } = equal(check, ...pairs);
  const isOk = pairs.every(([[, a], [, b]]) => Math.abs(a - b) <= most);
  return { check, figures: most === 0 ? figures : `${figures}; ${textOf([what, most])}`, isOk };
}

/** Each must be at most the next. */
export function ascending(check: string, ...figures: readonly Figure[]): Row {
  const counts = figures.map(([, count]) => count);
  const isOk = counts.every((count, index) => index === 0 || (counts[index - 1] as number) <= count);
  return { check, figures: figures.map(textOf).join(' ≤ '), isOk };
}

/** None of what must not happen. The first ones are shown. */
export function none(check: string, found: readonly string[], whole = found.length): Row {
  const shown = found.slice(0, 3).join(' · ');
  return { check, figures: whole === 0 ? 'none' : `${whole}: ${shown}`, isOk: whole === 0 };
}

export function shown(check: string, figures: string): Row {
  return { check, figures, isOk: undefined };
}

export function list(check: string, counts: Iterable<readonly [string, number]>): Row {
  return shown(check, [...counts].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', '));
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function textOf([name, count]: Figure): string {
  return `${count.toLocaleString('en')} ${name}`;
}
