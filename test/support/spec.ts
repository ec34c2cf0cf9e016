import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './doc-pages.js';

/** The pages of `docs/spec` that code and tests cite by name. */
export const digestNames = [
  'client-protocols',
  'upstream-events',
  'rest-api',
  'pusher-webhooks',
  'management',
  'cluster',
  'design',
] as const;

/** What ids of assertions begin with, and the page that states them: `[CP §8.3]` is short for `[client-protocols 8.3]`. */
const pageOfPrefix = {
  CP: 'client-protocols',
  UE: 'upstream-events',
  RA: 'rest-api',
  PW: 'pusher-webhooks',
  MG: 'management',
  CL: 'cluster',
} as const satisfies Record<string, (typeof digestNames)[number]>;
type Prefix = keyof typeof pageOfPrefix;
export const assertionPrefixes = Object.keys(pageOfPrefix) as readonly Prefix[];

/** What can be cited of one page. */
export interface Digest {
  /** Section number → its text up to the next heading of the same or a higher level. */
  readonly sections: ReadonlyMap<string, string>;
  /** `D7` in client-protocols and upstream-events. */
  readonly decisions: ReadonlySet<string>;
  /** `CP-012`, `UE-014`, `RA-065`, `PW-003`, `MG-014`, `CL-014`. */
  readonly assertions: ReadonlySet<string>;
}

export type Digests = ReadonlyMap<string, Digest>;

export interface Citation {
  /** `client-protocols`, or `assertion` for an id that stands by itself. */
  readonly page: string;
  /** A section with what may follow it, a decision, or an assertion: `5 › TTL`, `2.1–2.4`, `9, row 6`, `D7`, `CP-012`. */
  readonly place: string;
}

const anyPrefix = assertionPrefixes.join('|');
const assertionId = new RegExp(`\\b(?:${anyPrefix})-\\d{3}\\b`, 'g');
const statedAssertion = new RegExp(`^(?:- \\*\\*|\\| )((?:${anyPrefix})-\\d{3})(?:\\*\\*| \\|)`, 'gm');
const shortCitation = new RegExp(`^(${anyPrefix}) (?=§?D?\\d)`);

export function readDigests(): Digests {
  return new Map(
    digestNames.map(name => [name, digestOf(readFileSync(join(repository, 'docs/spec', `${name}.md`), 'utf8'))]),
  );
}

export function digestOf(markdown: string): Digest {
  const headings = [...markdown.matchAll(/^(#{2,}) (\d+(?:\.\d+)*)\.? .*$/gm)];
  const sections = headings.map(({ 1: marks = '', 2: number = '', index }, at): [string, string] => {
    const next = headings.slice(at + 1).find(({ 1: level = '' }) => level.length <= marks.length);
    return [number, markdown.slice(index, next?.index)];
  });
  const named = (pattern: RegExp) => new Set([...markdown.matchAll(pattern)].map(([, id = '']) => id));
  return {
    sections: new Map(sections),
    decisions: named(/^\| (D\d+) \|/gm),
    assertions: named(statedAssertion),
  };
}

/**
 * Everything in a text that cites a page: `[client-protocols 4.3, D7; rest-api 2.5]`, the same names in prose without
 * brackets, with the row of a section if one follows, and assertion ids. A bracket of this form with an unknown name is a citation too, so that a misspelled one is
 * found. What follows the name of an outside source in the same bracket (`RFC 9110 5.5`) is not.
 */
export function citationsOf(text: string): Citation[] {
  const flat = text.replace(/\n\s*(?:\*|\/\/)?[ \t]*/g, ' '); // a citation may continue on the next line of a comment
  const brackets = [...flat.matchAll(/\[([^[\]]*)\]/g)].flatMap(([, inside = '']) => citedIn(inside));
  const prose = flat.replace(/\[[^[\]]*\]/g, ' ');
  const name = digestNames.join('|');
  const mentions = [
    ...prose.matchAll(new RegExp(`\\b(${name}) §?(\\d+(?:\\.\\d+)*|D\\d+)\\b(?:,? (row \\d+)\\b)?`, 'g')),
  ];
  const ids = [...text.matchAll(assertionId)];
  return [
    ...brackets,
    ...mentions.map(([, page = '', place = '', row]) => ({
      page,
      place: row === undefined ? place : `${place}, ${row}`,
    })),
    ...ids.map(([place]) => ({ page: 'assertion', place })),
  ];
}

/** In place of a page: a source that is not in the repository. */
const outside = '';

function citedIn(bracket: string): Citation[] {
  const found: Citation[] = [];
  let page: string | undefined; // of the part before
  for (const given of bracket.split(/[;,]\s*/)) {
    const part = given.replace(shortCitation, (_, prefix: Prefix) => `${pageOfPrefix[prefix]} `);
    const [, name, place] = /^([a-z]+(?:-[a-z]+)*) §?(\d.*|D\d.*)$/.exec(part) ?? [];
    if (name === 'row') {
      appendRow(found, part);
    } else if (name !== undefined && place !== undefined) {
      page = name;
      found.push({ page, place });
    } else if (/^[A-Z][A-Za-z]+ /.test(part)) {
      page = outside;
    } else if (page === undefined) {
      return []; // an array, a type, the text of a link
    } else if (page !== outside) {
      found.push({ page, place: part.replace('§', '') });
    }
  }
  return found;
}

/** `9, row 6` names a row of the section before it. */
function appendRow(found: Citation[], row: string): void {
  const last = found.pop();
  if (last !== undefined) found.push({ ...last, place: `${last.place}, ${row}` });
}

/** Does the place exist on that page? */
export function isKnown({ page, place }: Citation, digests: Digests): boolean {
  if (page === 'assertion') return [...digests.values()].some(({ assertions }) => assertions.has(place));
  const digest = digests.get(page);
  if (digest === undefined) return false;
  const [first = '', ...rest] = place.split(/\s*[–…]\s*/);
  return [first, ...rest].every(one => isPlace(one, digest));
}

function isPlace(place: string, { sections, decisions }: Digest): boolean {
  const [, number = '', name, row] = /^([\d.]+|D\d+)(?: › (.+))?(?:, row (\d+))?$/.exec(place) ?? [];
  if (number.startsWith('D')) return decisions.has(place);
  const section = sections.get(number);
  if (section === undefined) return false;
  const cell = name ?? row;
  return cell === undefined || section.split('\n').some(line => isAbout(line, cell));
}

/** A row of a table or a paragraph that begins with the name. */
function isAbout(line: string, name: string): boolean {
  return line.startsWith(`| ${name} |`) || line.startsWith(`**${name}.**`);
}
