import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { completionOf } from '../../src/cli/completion/completion.js';
import { makeProgram } from '../../src/cli/program.js';
import { fileWith, runHubwire } from '../support/hubwire-process.js';
import { hasProgram, notRun } from '../support/not-run.js';

const run = promisify(execFile);

/** Asks for completion as the shell does after Tab, once for each line: words between spaces, the last one being typed. */
const bashAsking = `
for line in "$@"; do
  IFS=' ' read -ra COMP_WORDS <<< "$line"
  [[ $line == *' ' ]] && COMP_WORDS+=("")
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  COMPREPLY=()
  _hubwire
  echo "\${COMPREPLY[*]}"
done
`;

/** What bash proposes for lines. */
async function proposed(...lines: string[]): Promise<readonly (readonly string[])[]> {
  const script = `${completionOf('bash', makeProgram({}))}\n${bashAsking}`;
  const { stdout } = await run('bash', ['-c', script, 'bash', ...lines]);
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split(' '));
}

describe('[MG-059] completion', () => {
  test('bash proposes commands, flags and their values, on every level', async () => {
    const [top, hub, group, flags, format, short, shells, keys] = await proposed(
      'hubwire ',
      'hubwire hub ',
      'hubwire webpubsub service group a',
      'hubwire hub create --hub-name chat --e',
      'hubwire hub list --output t',
      'hubwire webpubsub key show -o js',
      'hubwire completion ',
      'hubwire key regenerate --key-type ',
    );
    expect(top).toEqual(
      expect.arrayContaining(['start', 'doctor', 'hub', 'webpubsub', 'completion', '--sample', '--help']),
    );
    expect(hub).toEqual(['create', 'update', 'show', 'list', 'delete', '--help']);
    expect(group).toEqual(['add-connection', 'add-user']);
    expect(flags).toEqual(['--event-handler']);
    expect([format, short]).toEqual([
      ['table', 'tsv'],
      ['json', 'jsonc'],
    ]);
    expect(shells).toEqual(['bash', 'zsh', 'fish', '--help']);
    expect(keys).toEqual(['primary', 'secondary', 'salt']);
  });

  test('bash proposes files where a flag takes one', async () => {
    const file = await fileWith('', 'my-hubs.yaml');
    expect(await proposed(`hubwire hub list --hubs ${dirname(file)}/my-`)).toEqual([[file]]);
  });

  test('the command prints the script, which bash reads without a word', async () => {
    const { stdout, code } = await runHubwire(['completion', 'bash']);
    expect(code).toBe(0);
    expect(stdout).toBe(completionOf('bash', makeProgram({})));
    expect(await run('bash', ['--norc', '-eu', '-c', `${stdout}\ncomplete -p hubwire`])).toMatchObject({
      stdout: 'complete -o default -F _hubwire hubwire\n',
      stderr: '',
    });
  });

  test('fish proposes the same', async context => {
    if (!hasProgram('fish')) return notRun(context, 'fish is not installed; sh test/setup.sh installs it');
    const file = join(dirname(await fileWith('', 'x')), 'hubwire.fish');
    await writeFile(file, completionOf('fish', makeProgram({})));
    const ask = async (line: string) =>
      (await run('fish', ['--no-config', '-c', `source ${file}; complete -C "${line}"`])).stdout
        .split('\n')
        .map(each => each.split('\t')[0]);
    expect(await ask('hubwire webpubsub service group add-')).toEqual(['add-connection', 'add-user', '']);
    expect(await ask('hubwire hub list --output t')).toEqual(['table', 'tsv', '']);
  });

  test('zsh proposes the same', async context => {
    if (!hasProgram('zsh')) return notRun(context, 'zsh is not installed; sh test/setup.sh installs it');
    // In place of what only works while a line is edited.
    const script = `compdef() { }; compadd() { shift; print -r -- "$@" }
${completionOf('zsh', makeProgram({}))}
words=(hubwire webpubsub service group ""); CURRENT=5; _hubwire
words=(hubwire hub list -o ""); CURRENT=5; _hubwire`;
    expect((await run('zsh', ['-f', '-c', script])).stdout).toBe(
      'add-connection remove-connection add-user remove-user send --help\njson jsonc table tsv yaml none\n',
    );
  });
});
