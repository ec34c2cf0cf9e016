import { whys } from './codes.js';
import type { Finding, Level } from './finding.js';

const marks: Readonly<Record<Level, string>> = { ok: '✔', warning: '!', error: '✘' };

/** What a terminal has. */
const columns = 80;

/** For people: each finding, then, unless all is well, how many there are of each kind. @param file name of hubs.yaml, for its lines */
export function reportLines(findings: readonly Finding[], file: string): readonly string[] {
  const counts = (['ok', 'warning', 'error'] as const).map(
    level => `${findings.filter(finding => finding.level === level).length} ${marks[level]}`,
  );
  const lines = findings.flatMap(finding => linesOf(finding, file)).map(printable);
  return findings.every(({ level }) => level === 'ok') ? lines : [...lines, '', counts.join('  ')];
}

function linesOf(finding: Finding, file: string): readonly string[] {
  const { level, code, hub, url, line, seen, advice } = finding;
  const place = [hub, url, line === undefined ? undefined : `${file}:${line}`].filter(text => text !== undefined);
  const head = [`${marks[level]} ${code}`, ...place].join('  ');
  if (level === 'ok') {
    const whole = `${head}  ${seen}`;
    return whole.length <= columns ? [whole] : [head, ...wrapped('    ', seen)];
  }
  return [
    head,
    ...wrapped('    seen  ', seen),
    ...wrapped('    why   ', whys[code]),
    ...advice.flatMap((step, index) => wrapped(index === 0 ? '    do    ' : '        - ', step)),
  ];
}

/** Answers and tokens may contain what a terminal would obey. */
function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** Words are not divided: URLs can be copied; commands stay on one line for the same reason. */
function wrapped(label: string, text: string): readonly string[] {
  if (text.startsWith('curl ')) return [label + text];
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** A finding as programs read it; null where there is nothing to say. */
export interface ReportItem {
  readonly code: string;
  readonly level: Level;
  readonly hub: string | null;
  readonly url: string | null;
  readonly seen: string;
  /** A line a step. */
  readonly advice: string | null;
  readonly line: number | null;
}

export function reportItems(findings: readonly Finding[]): readonly ReportItem[] {
  return findings.map(({ code, level, hub, url, seen, advice, line }) => ({
    code,
    level,
    hub: hub ?? null,
    url: url ?? null,
    seen,
    advice: advice.length === 0 ? null : advice.join('\n'),
    line: line ?? null,
  }));
}
