/** Patterns of group names, as in the role `webpubsub.sendToGroups.chat-*`. [client-protocols 2.2] */

export const maxPatternLength = 1024;
export const maxStars = 5;

/** A run of any length, also none. */
interface Run {
  /** `*` stops at a dot, `**` or longer does not. */
  readonly crossesDots: boolean;
}

/** What stands between two runs, piece by piece: literal texts, and numbers of `?`, each of which is one character but a dot. */
type Segment = readonly (string | number)[];

/** Of a pattern with n runs there are n + 1 segments, which may be empty. */
interface Parts {
  readonly segments: readonly Segment[];
  readonly runs: readonly Run[];
}

/** A compiled pattern. It does not keep its text, which would keep the whole role in memory with each connection. */
export class GroupPattern {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  matches(group: string): boolean {
    return matches(this.#parts, group);
  }

  /** A text of the same meaning. */
  get text(): string {
    const { segments, runs } = this.#parts;
    const texts = segments.map((segment, index) => {
      const run = runs[index - 1];
      return `${run ? (run.crossesDots ? '**' : '*') : ''}${segment.map(textOf).join('')}`;
    });
    return texts.join('');
  }
}

function textOf(piece: string | number): string {
  return typeof piece === 'number' ? '?'.repeat(piece) : piece.replace(/[*?\\]/g, '\\$&');
}

/** Undefined when the text is not a valid pattern: too long, too many stars, or a stray backslash. */
export function compilePattern(text: string): GroupPattern | undefined {
  const parts = parse(text);
  return parts && new GroupPattern(parts);
}

function parse(text: string): Parts | undefined {
  if (text === '' || text.length > maxPatternLength) return undefined;
  const segments: (string | number)[][] = [[]];
  const runs: Run[] = [];
  let stars = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    if (char === '*') {
      const run = /^\*+/.exec(text.slice(at))?.[0].length ?? 1;
      stars += run; // every star character counts, those of ** too
      if (stars > maxStars) return undefined;
      runs.push({ crossesDots: run > 1 });
      segments.push([]);
      at += run - 1;
    } else if (char === '?') {
      append(segments.at(-1)!, 1);
    } else if (char === '\\') {
      at += 1;
      const escaped = text[at];
      if (escaped !== '*' && escaped !== '?' && escaped !== '\\') return undefined;
      append(segments.at(-1)!, escaped);
    } else {
      append(segments.at(-1)!, char);
    }
  }
  return { segments, runs };
}

/** Joins it with a last piece of its kind. */
function append(segment: (string | number)[], piece: string | number): void {
  const last = segment.at(-1);
  if (typeof last === 'string' && typeof piece === 'string') segment[segment.length - 1] = last + piece;
  else if (typeof last === 'number' && typeof piece === 'number') segment[segment.length - 1] = last + piece;
  else segment.push(piece);
}

/**
 * Keeps the places where the next segment may start, segment by segment, so that there is no backtracking: a regular
 * expression with five stars would need the fifth power of the length for a hostile group name. At each place whole
 * texts are compared, which is much faster than comparing character by character.
 */
function matches({ segments, runs }: Parts, text: string): boolean {
  let ends = endsOf(segments[0]!, text, [0]);
  for (const [index, { crossesDots }] of runs.entries()) {
    if (ends.length === 0) return false;
    ends = endsOf(segments[index + 1]!, text, crossesDots ? from(ends[0]!, text) : withinDots(ends, text));
  }
  return ends.at(-1) === text.length;
}

/** Where the segment ends when it starts at one of these places; both in ascending order. */
function endsOf(segment: Segment, text: string, starts: readonly number[]): readonly number[] {
  const ends: number[] = [];
  for (const start of starts) {
    const end = endOf(segment, text, start);
    if (end !== undefined) ends.push(end);
  }
  return ends;
}

function endOf(segment: Segment, text: string, start: number): number | undefined {
  let at = start;
  for (const piece of segment) {
    if (typeof piece === 'string') {
      if (!text.startsWith(piece, at)) return undefined;
      at += piece.length;
    } else {
      const end = at + piece;
      if (end > text.length) return undefined;
      for (; at < end; at += 1) if (text[at] === '.') return undefined;
    }
  }
  return at;
}

/** This place and all after it. */
function from(start: number, text: string): readonly number[] {
  return Array.from({ length: text.length - start + 1 }, (_, index) => start + index);
}

/** These places, and those after each up to the next dot. */
function withinDots(starts: readonly number[], text: string): readonly number[] {
  const places: number[] = [];
  let next = 0;
  for (const start of starts) {
    const dot = text.indexOf('.', start);
    const last = dot < 0 ? text.length : dot;
    for (next = Math.max(next, start); next <= last; next += 1) places.push(next);
  }
  return places;
}
