import { cycles, type FileImport, fileImports, roomOf, type SourceFile } from './import-graph.js';

/** One room of `src`: a folder, or a file that is a room of its own. */
export interface Room {
  readonly name: string;
  /** The longest way down to a room that imports no other; undefined in a cycle of rooms. */
  readonly floor: number | undefined;
  readonly files: number;
  readonly lines: number;
}

/** All imports of one room by another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly imports: number;
  /** How many of them are `import type`. */
  readonly types: number;
}

export interface Sizes {
  readonly count: number;
  readonly median: number;
  readonly p90: number;
  readonly largest: number;
}

export interface ArchitectureReport {
  /** From the top floor to the ground. */
  readonly rooms: readonly Room[];
  readonly arrows: readonly Arrow[];
  /** One way round for each file that can reach itself; type imports count. */
  readonly cycles: readonly string[];
  /** Lines. */
  readonly files: Sizes & { readonly largestFile: string };
  /** Lines. */
  readonly functions: Sizes;
}

/** @param functionLengths lines of each function of these files */
export function architectureOf(files: readonly SourceFile[], functionLengths: readonly number[]): ArchitectureReport {
  const imports = fileImports(files);
  const arrows = arrowsOf(imports);
  const bySize = files.map(({ path, text }) => ({ path, lines: linesOf(text) })).sort((a, b) => b.lines - a.lines);
  return {
    rooms: roomsOf(files, arrows),
    arrows,
    cycles: cycles(targetsByFile(files, imports)),
    files: { ...sizesOf(bySize.map(({ lines }) => lines)), largestFile: bySize[0]?.path ?? '' },
    functions: sizesOf(functionLengths),
  };
}

/** A table for people. */
export function textOf(report: ArchitectureReport): string {
  const rooms = report.rooms.map(({ name, floor, files, lines }) => [
    floor === undefined ? 'cycle' : String(floor),
    name,
    String(files),
    String(lines),
    report.arrows
      .filter(({ from }) => from === name)
      .map(arrowText)
      .join(', ') || '–',
  ]);
  const { files, functions } = report;
  return [
    ...aligned([['floor', 'room', 'files', 'lines', 'imports (t: types only)'], ...rooms]),
    '',
    `rooms ${rooms.length}, arrows ${report.arrows.length}, cycles ${report.cycles.length}`,
    ...report.cycles,
    `file length: ${sizesText(files)} lines (${files.largestFile})`,
    `function length: ${sizesText(functions)} lines`,
    '',
  ].join('\n');
}

function arrowText({ to, imports, types }: Arrow): string {
  if (types === imports) return `${to} ${imports}t`;
  return types === 0 ? `${to} ${imports}` : `${to} ${imports} (${types}t)`;
}

function sizesText({ count, median, p90, largest }: Sizes): string {
  return `${count} in all, median ${median}, p90 ${p90}, largest ${largest}`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? [];
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function arrowsOf(imports: readonly FileImport[]): Arrow[] {
  const arrows = new Map<string, Arrow>();
  for (const { from, to, isType } of imports) {
    const ends = { from: roomOf(from), to: roomOf(to) };
    if (ends.from === ends.to) continue;
    const key = `${ends.from} ${ends.to}`;
    const { imports: count, types } = arrows.get(key) ?? { imports: 0, types: 0 };
    arrows.set(key, { ...ends, imports: count + 1, types: types + (isType ? 1 : 0) });
  }
  return [...arrows.values()].sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

function roomsOf(files: readonly SourceFile[], arrows: readonly Arrow[]): Room[] {
  const names = [...new Set(files.map(({ path }) => roomOf(path)))];
  const floors = floorsOf(names, arrows);
  return names
    .map(name => {
      const own = files.filter(({ path }) => roomOf(path) === name);
      const lines = own.reduce((sum, { text }) => sum + linesOf(text), 0);
      return { name, floor: floors.get(name), files: own.length, lines };
    })
    .sort((a, b) => (b.floor ?? Infinity) - (a.floor ?? Infinity) || compare(a.name, b.name));
}

/** Rooms get their floor once all rooms below them have one; those left over are part of a cycle or above one. */
function floorsOf(names: readonly string[], arrows: readonly Arrow[]): ReadonlyMap<string, number> {
  const floors = new Map<string, number>();
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const name of names.filter(one => !floors.has(one))) {
      const below = arrows.filter(({ from }) => from === name).map(({ to }) => floors.get(to));
      if (below.includes(undefined)) continue;
      floors.set(name, Math.max(0, ...below.map(floor => (floor as number) + 1)));
      isChanged = true;
    }
  }
  return floors;
}

function targetsByFile(files: readonly SourceFile[], imports: readonly FileImport[]): Map<string, string[]> {
  const targets = new Map(files.map(({ path }) => [path, [] as string[]]));
  for (const { from, to } of imports) targets.get(from)?.push(to);
  return targets;
}

function sizesOf(values: readonly number[]): Sizes {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { count: sorted.length, median: at(0.5), p90: at(0.9), largest: at(1) };
}

function linesOf(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
