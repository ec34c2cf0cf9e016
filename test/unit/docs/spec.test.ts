import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../../support/doc-pages.js';
import {
  type Citation,
  citationsOf,
  type Digests,
  digestNames,
  digestOf,
  isKnown,
  readDigests,
} from '../../support/spec.js';

const digests = readDigests();
const ownPath = 'test/unit/docs/spec.test.ts';

/** Source, tests and documents; this file makes citations up. */
const files = ['src', 'test', 'docs', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  .flatMap(filesOf)
  .filter(path => path !== ownPath);

function filesOf(place: string): string[] {
  if (place.endsWith('.md')) return [place];
  return readdirSync(join(repository, place), { recursive: true, encoding: 'utf8' })
    .map(path => `${place}/${path.replaceAll('\\', '/')}`)
    .filter(path => /\.(?:ts|md)$/.test(path) && !path.includes('/node_modules/'));
}

function unknownIn(text: string, among: Digests): string[] {
  return citationsOf(text)
    .filter(citation => !isKnown(citation, among))
    .map(({ page, place }) => `${page} ${place}`);
}

describe('the specification in docs/spec', () => {
  test.each(digestNames)('%s has numbered sections', name => {
    expect(digests.get(name)?.sections.size).toBeGreaterThan(5);
  });

  test('is cited by source, tests and documents', () => {
    const citing = files.filter(path => citationsOf(readFileSync(join(repository, path), 'utf8')).length > 0);
    for (const folder of ['src/', 'test/conformance/', 'test/unit/', 'docs/']) {
      expect(citing.some(path => path.startsWith(folder))).toBe(true);
    }
    expect(citing.length).toBeGreaterThan(100);
  });

  test('every citation names a section, a decision or an assertion that exists', () => {
    const unknown = files.flatMap(path =>
      unknownIn(readFileSync(join(repository, path), 'utf8'), digests).map(cited => `${path}: ${cited}`),
    );
    expect(unknown).toEqual([]);
  });
});

describe('the finder of citations', () => {
  test.each<[text: string, found: string[]]>([
    ['[client-protocols 4.3]', ['client-protocols 4.3']],
    ['[client-protocols 4.3, D7; rest-api 2.5]', ['client-protocols 4.3', 'client-protocols D7', 'rest-api 2.5']],
    ['[client-protocols 1.3, rest-api 1.2, 1.4]', ['client-protocols 1.3', 'rest-api 1.2', 'rest-api 1.4']],
    ['[upstream-events 2.5, D18, RFC 9110 5.5, 5.6]', ['upstream-events 2.5', 'upstream-events D18']],
    ['[rest-api 2.1–2.4]', ['rest-api 2.1–2.4']],
    ['[rest-api 5 › TTL]', ['rest-api 5 › TTL']],
    ['[rest-api 9, row 6]', ['rest-api 9, row 6']],
    ['[pusher-webhooks 1.5, row 37] and pusher-webhooks 3.4', ['pusher-webhooks 1.5, row 37', 'pusher-webhooks 3.4']],
    ['/** as in [client-protocols\n   * 4.3] */', ['client-protocols 4.3']],
    ['the order of rest-api 1.7, and (upstream-events §2)', ['rest-api 1.7', 'upstream-events 2']],
    ['(pusher-webhooks 1.5 row 37), rest-api 9, row 6', ['pusher-webhooks 1.5, row 37', 'rest-api 9, row 6']],
    ['rest-api 9, rows of tables; pusher-webhooks\n// 1.5, row 37', ['rest-api 9', 'pusher-webhooks 1.5, row 37']],
    ["test('[CP-012] [RA-022] one hub')", ['assertion CP-012', 'assertion RA-022']],
    ["test('[PW-014] first subscriber')", ['assertion PW-014']],
    ['| UE-120…UE-122 |', ['assertion UE-120', 'assertion UE-122']],
    ['[client-protokolls 4.3]', ['client-protokolls 4.3']],
    ['[issue 9, F1]', ['issue 9', 'issue F1']],
    [
      '[PW §3.8, 3.10; RA D2] [UE 2]',
      ['pusher-webhooks 3.8', 'pusher-webhooks 3.10', 'rest-api D2', 'upstream-events 2'],
    ],
    ['[RFC 9110 5.5] [CloudEvents HTTP 3.1] [F10] [x, y] list[3] [a](b.md) [D26]', []],
  ])('%j', (text, found) => {
    expect(citationsOf(text).map(({ page, place }) => `${page} ${place}`)).toEqual(found);
  });
});

describe('a citation', () => {
  const page = [
    '## 1. One',
    '| TTL | 3 s |',
    '| 6 | a row |',
    '**Reload.** Text.',
    '### 1.2 Two',
    '| D4 | why |',
    '## 11. Assertions',
    '- **CP-001** one',
    '| UE-002 | two |',
    'in prose: CP-009',
  ];
  const small: Digests = new Map([['rest-api', digestOf(page.join('\n'))]]);
  const cite = (place: string, of = 'rest-api'): Citation => ({ page: of, place });

  test.each([
    cite('1'),
    cite('1.2'),
    cite('1–1.2'),
    cite('D4'),
    cite('1 › TTL'),
    cite('1 › Reload'),
    cite('1, row 6'),
    cite('CP-001', 'assertion'),
    cite('UE-002', 'assertion'),
  ])('of $page $place is known', citation => {
    expect(isKnown(citation, small)).toBe(true);
  });

  test.each([
    cite('2'),
    cite('1.3'),
    cite('1.2.1'),
    cite('1–3'),
    cite('D5'),
    cite('1 › Reloading'),
    cite('1.2 › TTL'),
    cite('1, row 7'),
    cite('somewhere'),
    cite('F1'),
    cite('1', 'design'),
    cite('1', 'rest-apis'),
    cite('CP-002', 'assertion'),
    cite('CP-009', 'assertion'),
  ])('of $page $place is not known', citation => {
    expect(isKnown(citation, small)).toBe(false);
  });
});
