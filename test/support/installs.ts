import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';

const run = promisify(execFile);
const cacheRoot = fileURLToPath(new URL('../../.cache', import.meta.url));

/** Longest that installing one suite's packages may take with cold caches, in milliseconds. */
const installPatienceMs = 600_000;

/** A folder for what is installed and built: it stays between runs, and git ignores it. */
export async function keptFolder(...names: readonly string[]): Promise<string> {
  const folder = join(cacheRoot, ...names);
  await mkdir(folder, { recursive: true });
  await writeFile(join(cacheRoot, '.gitignore'), '*\n');
  return folder;
}

/** Runs a tool to its end. @throws with the line of its output that says best what was missing */
export async function tool(file: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await run(file, args, { cwd, timeout: installPatienceMs, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error(`${file} is not installed`);
    throw new Error(`${file} failed: ${reasonIn(`${stdout}\n${stderr}`)}`);
  }
}

/** The line that names what could not be had, without addresses, paths and colours. */
function reasonIn(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .map(line => line.replace(/^\[ERROR\]\s*/, '').trim())
    .filter(line => line !== '');
  const telling = lines.find(line => /could not|not available|no matching|not found|forbidden|error/i.test(line));
  const line = telling ?? lines.at(-1) ?? 'it printed nothing';
  return line.replace(/https?:\/\/\S+|(?<=^|\s)\/\S+/g, '…').slice(0, 250);
}

const underWay = new Map<string, Promise<void>>();

/** Does the work again only when the content of `inputs` has changed since; once for all that want it at the same time. */
export function oncePer(stamp: string, inputs: readonly string[], work: () => Promise<void>): Promise<void> {
  const begun = underWay.get(stamp);
  if (begun !== undefined) return begun;
  const done = workOncePer(stamp, inputs, work).finally(() => underWay.delete(stamp));
  underWay.set(stamp, done);
  return done;
}

async function workOncePer(stamp: string, inputs: readonly string[], work: () => Promise<void>): Promise<void> {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(await readFile(input));
  const digest = hash.digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === digest) return; // no stamp: never done
  await work();
  await writeFile(stamp, digest);
}
