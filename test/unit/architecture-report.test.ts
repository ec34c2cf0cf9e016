import { describe, expect, test } from 'vitest';
import { architectureOf, textOf } from '../support/architecture-report.js';
import { functionLengths } from '../support/function-lengths.js';
import type { SourceFile } from '../support/import-graph.js';

function filesOf(tree: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(tree).map(([path, text]) => ({ path, text }));
}

const tree = filesOf({
  'main.ts': `import { run } from './hub/run.js';\nimport './errors.js';\n`,
  'hub/run.ts': `import { Fault } from '../errors.js';\nimport type { Clock } from '../clock.js';\nimport { two } from './two.js';\n`,
  'hub/two.ts': `import type { Clock } from '../clock.js';\nexport { Fault } from '../errors.js';\n`,
  'clock.ts': `import type { Fault } from './errors.js';`,
  'errors.ts': '// import { main } from "./main.js";\n',
});

describe('the architecture report', () => {
  test('counts the imports between rooms, and how many are types; those within a room are no arrows', () => {
    expect(architectureOf(tree, []).arrows).toEqual([
      { from: 'clock', to: 'errors', imports: 1, types: 1 },
      { from: 'hub', to: 'clock', imports: 2, types: 2 },
      { from: 'hub', to: 'errors', imports: 2, types: 0 },
      { from: 'main', to: 'errors', imports: 1, types: 0 },
      { from: 'main', to: 'hub', imports: 1, types: 0 },
    ]);
  });

  test('a room is one floor above the highest room that it imports', () => {
    expect(architectureOf(tree, []).rooms).toEqual([
      { name: 'main', floor: 3, files: 1, lines: 2 },
      { name: 'hub', floor: 2, files: 2, lines: 5 },
      { name: 'clock', floor: 1, files: 1, lines: 1 },
      { name: 'errors', floor: 0, files: 1, lines: 1 },
    ]);
  });

  test('rooms in a cycle, and those above one, have no floor; the cycle of files is named', () => {
    const { rooms, cycles } = architectureOf(
      [...tree, { path: 'errors/loop.ts', text: `import { run } from '../hub/run.js';` }],
      [],
    );
    expect(rooms.filter(({ floor }) => floor === undefined).map(({ name }) => name)).toEqual([
      'clock',
      'errors',
      'hub',
      'main',
    ]);
    expect(cycles).toEqual([]);
    const looped = filesOf({ 'a/x.ts': `import '../b/y.js';`, 'b/y.ts': `import type { X } from '../a/x.js';` });
    expect(architectureOf(looped, []).cycles).toEqual(['a/x.ts: import cycle a/x.ts → b/y.ts → a/x.ts']);
  });

  test('sizes: median, the length that nine tenths do not exceed, and the largest', () => {
    const { files, functions } = architectureOf(tree, [9, 1, 2, 3, 4, 5, 6, 7, 8, 100]);
    expect(files).toEqual({ count: 5, median: 2, p90: 3, largest: 3, largestFile: 'hub/run.ts' });
    expect(functions).toEqual({ count: 10, median: 5, p90: 9, largest: 100 });
  });

  test('as text', () => {
    expect(textOf(architectureOf(tree, [3]))).toBe(
      [
        'floor  room    files  lines  imports (t: types only)',
        '3      main    1      2      errors 1, hub 1',
        '2      hub     2      5      clock 2t, errors 2',
        '1      clock   1      1      errors 1t',
        '0      errors  1      1      –',
        '',
        'rooms 4, arrows 5, cycles 0',
        'file length: 5 in all, median 2, p90 3, largest 3 lines (hub/run.ts)',
        'function length: 1 in all, median 3, p90 3, largest 3 lines',
        '',
      ].join('\n'),
    );
  });
});

test('lengths of functions: those with a block, from the first to the last line, comments before them left out', () => {
  const text = [
    '/** Comment. */',
    'export function one(): void {',
    '  two();',
    '}',
    'declare function none(): void;',
    'const arrow = () => 1;',
    'const block = () => { return 1; };',
    'class Box {',
    '  // comment',
    '  constructor() {',
    '    later(function () {',
    '      one();',
    '    });',
    '  }',
    '  get size(): number {',
    '    return 1; }',
    '  method(): void {}',
    '}',
  ];
  const lengths = functionLengths([
    { path: 'deep/a.ts', text: text.join('\n') },
    { path: 'b.ts', text: '' },
  ]);
  expect(lengths).toEqual([3, 1, 5, 3, 2, 1]);
});
