import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/troubleshooting.md'), 'utf8');

/** Shorter pieces occur by chance. */
const leastLength = 12;

/** What stands between quotes in the source, cut where a template has a value. */
const literals = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .flatMap(path => [
    ...readFileSync(join(repository, 'src', path), 'utf8').matchAll(/'([^'\n]+)'|`([^`]+)`|"([^"\n]+)"/g),
  ])
  .flatMap(([, single, template, double]) =>
    (single ?? template ?? double ?? '').replaceAll('\\', '').split(/\$\{[^}]*\}/),
  )
  .map(piece => piece.trim())
  .filter(piece => piece.length >= leastLength);

/** Quoted texts in the first cells of tables, without commands and settings, which have no blank. */
const quoted = page
  .split('\n')
  .filter(line => line.startsWith('| '))
  .flatMap(line => [...line.split(' | ', 1)[0]!.matchAll(/``(.+?)``(?!`)|`([^`]+)`/g)])
  .map(([, double, single]) => (double ?? single ?? '').trim())
  .filter(text => text.includes(' ') && text.length >= leastLength);

function isOfTheSource(text: string): boolean {
  const parts = text.split('…').map(part => part.trim());
  return literals.some(
    piece => text.includes(piece) || parts.some(part => part.length >= leastLength && piece.includes(part)),
  );
}

describe('docs/troubleshooting.md', () => {
  test('quotes texts', () => {
    expect(quoted.length).toBeGreaterThan(40);
  });

  test('quotes nothing that Hubwire does not say', () => {
    expect(quoted.filter(text => !isOfTheSource(text))).toEqual([]);
  });
});
