import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodesOf } from '../../../src/cli/completion/tree.js';
import { makeProgram } from '../../../src/cli/program.js';
import { blocksOf } from '../../support/doc-blocks.js';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/command-line.md'), 'utf8');
const examples = blocksOf(page)
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'));
const nodes = nodesOf(makeProgram({}));

/** Those that do something, and not those of the vendor's name, which are the same. */
const commands = nodes.filter(
  ({ path, commands: inner }) => path !== '' && inner.length === 0 && !path.startsWith('/webpubsub'),
);

describe('docs/command-line.md', () => {
  test('the tree has commands', () => {
    expect(commands.length).toBeGreaterThan(25);
  });

  test.each(commands)('has an example of $path', ({ path }) => {
    const words = `hubwire ${path.slice(1).replaceAll('/', ' ')}`;
    expect(examples.filter(line => line.includes(words))).not.toEqual([]);
  });

  test('examples use flags that exist', () => {
    const known = new Set(nodes.flatMap(({ flags }) => flags.map(({ name }) => name)));
    const used = examples
      .filter(line => line.includes('hubwire '))
      .flatMap(line => line.match(/--[a-z][a-z-]*/g) ?? []);
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter(flag => !known.has(flag))).toEqual([]);
  });
});
