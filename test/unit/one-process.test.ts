import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf } from '../support/import-graph.js';
import { filesOfOneProcess } from '../support/one-process.js';
import { filesIn } from '../support/source-files.js';

const texts = new Map(filesIn('test', path => path.endsWith('.ts')).map(({ path, text }) => [path, text]));

/** Files of `test/` that this one loads, itself included. What is only imported as a type is not loaded. */
function loadedBy(path: string, found = new Set<string>()): ReadonlySet<string> {
  const text = texts.get(path);
  if (text === undefined || found.has(path)) return found;
  found.add(path);
  for (const { specifier, isType } of importsOf(text)) {
    if (!isType) loadedBy(posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'), found);
  }
  return found;
}

test('npm run test:nodes leaves out those files of test/conformance that start no service of several nodes', () => {
  const suites = [...texts.keys()].filter(path => /^conformance\/.*\.test\.ts$/.test(path));
  const without = suites.filter(path => !loadedBy(path).has('support/several-nodes.ts'));
  expect(without).toEqual(Object.keys(filesOfOneProcess).map(name => `conformance/${name}.test.ts`));
});
