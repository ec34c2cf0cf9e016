import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Imported, importFrom, importFromAzure, type Peer } from '../config/import/import.js';
import { readConfigText } from '../config/load.js';
import { formatPath } from '../config/problems.js';
import { PubSubError } from '../errors.js';

export interface ImportArguments {
  readonly out?: string;
  readonly force?: boolean;
  readonly env?: boolean;
}

/** Only for its owner: it contains secrets. */
const ownerOnly = 0o600;

/**
 * Writes the apps of a peer's configuration, or the hubs of Azure Web PubSub, as a part of hubs.yaml, to standard output or to a file, and says on standard
 * error what of the configuration has no equal. Exit code 1 when the part has to be corrected by hand.
 * @throws ConfigError for a file that cannot be read; PubSubError `invalid` when the file to write exists
 */
export async function importPeer(peer: Peer | 'azure', file: string, args: ImportArguments): Promise<void> {
  const { out, force = false, env = false } = args;
  if (out !== undefined && !force && existsSync(out)) throw existing(out);
  const text = await readConfigText(file);
  const from = { file, asVariables: env };
  const imported = peer === 'azure' ? importFromAzure(text, from) : importFrom(peer, text, from);
  if (out === undefined) process.stdout.write(imported.text);
  else await write(out, imported.text, force);
  for (const line of reportLines(imported, { out, asVariables: env })) process.stderr.write(`${line}\n`);
  if (imported.problems.length > 0) process.exitCode = 1;
}

async function write(out: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(out, text, { flag: force ? 'w' : 'wx', mode: ownerOnly });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw existing(out);
    throw new PubSubError('invalid', `${out} cannot be written (${code}); choose another file with --out`, { cause });
  }
}

function existing(out: string): PubSubError {
  return new PubSubError(
    'invalid',
    `${out} exists already, and nothing was written; choose another file, or add --force`,
  );
}

/** What a person reads beside the block. Without any secret. */
export function reportLines(
  { apps, hubs, secrets, unmatched, problems }: Imported,
  { out, asVariables }: { out: string | undefined; asVariables: boolean },
): readonly string[] {
  const withoutEqual = unmatched
    .filter(({ advice }) => advice === undefined)
    .map(({ path }) => `  ${formatPath(path)}`);
  const withAdvice = unmatched
    .filter(({ advice }) => advice !== undefined)
    .map(({ path, advice }) => `  ${formatPath(path)}: ${advice}`);
  const variables = secrets.map(({ name, place }) => `  ${name}: ${place}`);
  const corrections = problems.map(({ line, path, reason }) => `  line ${line} ${path}: ${reason}`);
  return [
    `${hubs > 0 ? `${hubs} hub(s)` : `${apps} app(s)`}${out === undefined ? '' : ` written to ${out}`}`,
    ...(asVariables
      ? section('secrets to set as environment variables:', variables)
      : secretsWarning(secrets.length, out)),
    ...section('to be set elsewhere, or different here:', withAdvice),
    ...section('without an equal:', withoutEqual),
    ...section('to be corrected before the service accepts it:', corrections),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function secretsWarning(count: number, out: string | undefined): readonly string[] {
  if (count === 0) return [];
  return [
    `warning: ${out ?? 'the output'} contains ${count} secret(s) as they are; --env writes \${NAME} in their place`,
  ];
}
