import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Outcome, type OutputArguments, printOutcome } from '../../../src/cli/output/output.js';
import { columns, tableOf } from '../../../src/cli/output/table.js';
import { tsvOf } from '../../../src/cli/output/tsv.js';
import { UsageError } from '../../../src/cli/usage-error.js';

afterEach(() => vi.restoreAllMocks());

/** What is written to standard output and standard error. */
async function printed(outcome: Outcome, args: OutputArguments, isTerminal = false, hasColors = true) {
  const out = { stdout: '', stderr: '' };
  const wasTerminal = process.stdout.isTTY;
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      out[name] += text;
      return true;
    });
  }
  process.stdout.isTTY = isTerminal;
  const wasColored = process.stdout.hasColors;
  process.stdout.hasColors = () => hasColors;
  try {
    await printOutcome(outcome, args);
  } finally {
    process.stdout.isTTY = wasTerminal;
    process.stdout.hasColors = wasColored;
    vi.restoreAllMocks();
  }
  return out;
}

const result = { name: 'b', id: 'x', list: [1, 2], inner: { z: 1, a: null } };
const outcome = { result, lines: ['for people'], sentence: 'It changed.' };

describe('[MG-055] [MG-056] the output', () => {
  test('is JSON in order of the keys for a program, a table with a sentence for a person', async () => {
    const json = `${JSON.stringify({ id: 'x', inner: { a: null, z: 1 }, list: [1, 2], name: 'b' }, null, 2)}\n`;
    expect(await printed(outcome, {})).toEqual({ stdout: json, stderr: '' });
    expect(await printed(outcome, {}, true)).toEqual({ stdout: 'for people\n', stderr: 'It changed.\n' });
    expect(await printed(outcome, { json: true }, true)).toEqual({ stdout: json, stderr: '' });
    expect(await printed(outcome, { output: 'table', onlyShowErrors: true })).toEqual({
      stdout: 'for people\n',
      stderr: '',
    });
    expect(await printed(outcome, { output: 'jsonc' })).toEqual({ stdout: json, stderr: '' });
  });

  test('a table has nothing that a terminal obeys', async () => {
    const lines = ['a\u001b[2J', 'b\u202e'];
    expect((await printed({ result, lines }, { output: 'table' })).stdout).toBe('a?[2J\nb?\n');
    expect((await printed({ result: { a: 'x\ny' } }, { output: 'table' })).stdout).toBe('A\n---\nx?y\n');
  });

  test('jsonc at a terminal is the JSON with colors', async () => {
    const { stdout } = await printed({ result: { a: '"1": 2', b: -1.5e3, c: true } }, { output: 'jsonc' }, true);
    expect(JSON.parse(stdout.replaceAll(/\u001b\[[\d;]*m/g, ''))).toEqual({ a: '"1": 2', b: -1500, c: true });
    expect(stdout).toContain('\u001b[');
    const plain = await printed({ result: { a: 1 } }, { output: 'jsonc' }, true, false); // NO_COLOR, or TERM=dumb
    expect(plain.stdout).toBe('{\n  "a": 1\n}\n');
  });

  test('of a query is what it finds, in the chosen format; nothing for nothing', async () => {
    const query = async (text: string, output: NonNullable<OutputArguments['output']>) =>
      (await printed(outcome, { query: text, output })).stdout;
    expect(await query('name', 'tsv')).toBe('b\n');
    expect(await query('[[name, inner, list]]', 'tsv')).toBe('b\t\t2\n');
    expect(await query('inner', 'tsv')).toBe('None\t1\n');
    expect(await query('{Name: name}', 'table')).toBe('Name\n----\nb\n');
    expect(await query('absent', 'json')).toBe('');
    expect(await query('list', 'none')).toBe('');
    expect(await query('inner', 'yaml')).toBe('a: null\nz: 1\n');
    await expect(query('[', 'json')).rejects.toThrow(UsageError);
  });
});

describe('tables', () => {
  test('have plain values only, and columns as wide as what stands in them', () => {
    expect(tableOf([{ id: 1, name: 'ann', n: 1, x: {} }, { name: 'b' }])).toEqual([
      'Name  N',
      '----  -',
      'ann   1',
      'b',
    ]);
    expect(tableOf([['a', 'b']])).toEqual(['Column1  Column2', '-------  -------', 'a        b']);
    expect(tableOf('text')).toEqual(['Result', '------', 'text']);
    expect(tableOf([])).toEqual([]);
    expect(columns(['A', 'B'], [])).toEqual(['A  B', '-  -']);
  });
});

test('tab-separated values use the words of `az`', () => {
  expect(tsvOf([{ b: true, a: null, c: [1, 2], d: {} }])).toBe('None\tTrue\t2\t\n');
  expect(tsvOf(true)).toBe('true\n');
  expect(tsvOf(['a', 1])).toBe('a\n1\n');
});
