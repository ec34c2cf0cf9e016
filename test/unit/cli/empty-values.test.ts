import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { groupArguments } from '../../../src/cli/argument-groups.js';
import { makeProgram } from '../../../src/cli/program.js';

/** Every command that does something, with the words that call it. */
function verbsOf(command: Command, words: readonly string[] = []): { words: readonly string[]; verb: Command }[] {
  if (command.commands.length === 0) return [{ words, verb: command }];
  return command.commands.flatMap(each => verbsOf(each, [...words, each.name()]));
}

/** A command line in which all that the verb requires is given. */
function needed(verb: Command): string[] {
  const values = verb.registeredArguments.map(({ required, argChoices }) => (required ? (argChoices?.[0] ?? 'x') : []));
  const flags = verb.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [`${long}`, 'x']);
  return [...values.flat(), ...flags];
}

/** The text with which a command line is refused; nothing is done when it is not. */
async function refusal(args: readonly string[]): Promise<string> {
  let text = '';
  const program = makeProgram({});
  for (const { verb } of verbsOf(program)) {
    verb.exitOverride().configureOutput({ writeErr: written => (text += written) });
    verb.action(() => {});
  }
  await program.parseAsync(groupArguments(args), { from: 'user' }).catch(() => {});
  return text;
}

/** Those whose value is a part of a text, and those that may be empty. */
const others = ['--payload', '--set', '--add', '--remove'];

const rows = verbsOf(makeProgram({})).flatMap(({ words, verb }) =>
  verb.options
    .filter(({ required, optional, long }) => (required || optional) && !others.includes(`${long}`))
    .map(({ long }) => ({ line: [...words, ...needed(verb), `${long}`, ''], flag: `${long}` })),
);

describe('a flag with an empty value', () => {
  test('the tree has flags with values', () => {
    expect(rows.length).toBeGreaterThan(150);
  });

  test('is refused, whatever the flag and the verb', async () => {
    const accepted: string[][] = [];
    for (const { line, flag } of rows) {
      const text = await refusal(line);
      if (!/ is empty; | argument '' is invalid/.test(text) || !text.includes(flag)) accepted.push(line);
    }
    expect(accepted).toEqual([]);
  });

  test.each([
    [['start', '--tls-cert', ''], '--tls-cert is empty; give it a value, or leave it out'],
    [['token', '--hub', 'chat', '--group', 'a', ''], '--group is empty; give it a value, or leave it out'],
    [['validate', ''], 'the argument "file" is empty; give it a value, or leave it out'],
  ])('%j', async (args, message) => {
    expect(await refusal(args)).toBe(`hubwire: ${message}\n`);
  });
});

test.each([
  [['send', '', '--hub', 'chat']],
  [['service', 'broadcast', '--hub-name', 'chat', '--payload', '']],
  [['start', '--trust-proxy']],
])('%j is not refused: a message may be empty, and a flag may have no value', async args => {
  expect(await refusal(args)).toBe('');
});
