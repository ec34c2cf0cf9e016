import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf } from '../../support/doc-blocks.js';
import { brokenLinks, docPages, repository } from '../../support/doc-pages.js';
import { shellFaults } from '../../support/shell-faults.js';

const pages = docPages();

describe('the documents', () => {
  test('are found', () => {
    expect(pages.length).toBeGreaterThan(5);
    expect(pages.flatMap(({ blocks }) => blocks).length).toBeGreaterThan(10);
  });

  test('of docs/ are all listed in README', () => {
    const readme = pages.find(({ path }) => path === 'README.md')?.text ?? '';
    const unlisted = pages.filter(({ path }) => path.startsWith('docs/') && !readme.includes(`](${path})`));
    expect(unlisted.map(({ path }) => path)).toEqual([]);
  });

  test.each(pages)('$path: every link within the repository leads somewhere', page => {
    expect(brokenLinks(page)).toEqual([]);
  });

  test.each(pages)('$path: every command is run by a test, or says why not', ({ blocks }) => {
    const untested = blocks.filter(({ language, marks }) => language === 'sh' && !isTested(marks));
    expect(untested.map(({ line, text }) => `line ${line}: ${text}`)).toEqual([]);
  });

  test.each(pages)('$path: commands can be pasted into bash and zsh', ({ blocks }) => {
    const faults = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(({ line, text }) => shellFaults(text).map(fault => `line ${line}: ${fault}`));
    expect(faults).toEqual([]);
  });

  test.each(pages)('$path: JSON is JSON', ({ blocks }) => {
    for (const { text } of blocks.filter(({ language }) => language === 'json')) {
      expect(() => JSON.parse(text), text).not.toThrow();
    }
  });
});

/** `run`: by test/integration/docs.test.ts. */
function isTested(marks: ReadonlyMap<string, string>): boolean {
  const test = marks.get('tested-by');
  if (test !== undefined) return existsSync(join(repository, test));
  return marks.has('run') || (marks.get('not-run') ?? '').length > 10;
}

describe('the reader of code blocks', () => {
  test('finds language, marks, text and line, indented blocks too', () => {
    const page = [
      '# A',
      '```sh run',
      'one',
      'two',
      '```',
      '',
      '- item',
      '  ```js browser="a b" x',
      '    deep',
      '  ```',
    ];
    expect(blocksOf(page.join('\n'))).toEqual([
      { language: 'sh', marks: new Map([['run', '']]), text: 'one\ntwo', line: 2 },
      {
        language: 'js',
        marks: new Map([
          ['browser', 'a b'],
          ['x', ''],
        ]),
        text: '  deep',
        line: 8,
      },
    ]);
  });

  test('a block that is not closed is an error', () => {
    expect(() => blocksOf('text\n```sh\nls')).toThrow('line 2');
  });

  test('finds links that lead nowhere', () => {
    const text = '[a](docs/no-such.md) [b](README.md#no-such-heading) [c](https://x.test/) [d](LICENSE) `[e](no)`';
    expect(brokenLinks({ path: 'README.md', text, blocks: [] })).toEqual([
      'docs/no-such.md',
      'README.md#no-such-heading',
    ]);
  });
});

test.each([
  ['npm ci # installs', 'a comment'],
  ['# first\nnpm ci', 'a comment'],
  ['echo `date`', 'a backtick'],
  ['echo "a `date`"', 'a backtick'],
  ['hubwire hub update --set a[0]=b', 'a pattern'],
  ['curl http://localhost:8080/?a=b', 'a pattern'],
  ['path=/api', 'the variable "path"'],
  ['cd /; path=/api', 'the variable "path"'],
])('the check of commands refuses %s', (script, fault) => {
  expect(shellFaults(script)).toEqual([expect.stringContaining(fault)]);
});

test.each([
  "grep '^# TYPE' file",
  'curl "$url?a=b" | head -n 1',
  "echo 'a `b` [c]'",
  'cat <<\'JSON\' > file\n[ # `]\nJSON\necho "a # b"',
  'hubwire token --rest POST /path=',
])('the check of commands accepts %s', script => {
  expect(shellFaults(script)).toEqual([]);
});
