import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** This checkout as git would clone it, with what is not committed yet, in another folder; packages are this one's. */
export async function copyCheckout(target: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of new Set(listed.toString().split('\0').filter(Boolean))) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await cp(join(root, path), join(target, path)).catch(ignoreDeleted);
  }
  await symlink(join(root, 'node_modules'), join(target, 'node_modules'));
}

function ignoreDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** npm's own settings of the run that these tests are part of would lead it back to this folder. */
const npmEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(lifecycle|package|command|config_local_prefix)|INIT_CWD)/.test(name),
  ),
);

export interface NpmResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** The registry cannot be reached from here. */
export class NoRegistry extends Error {}

/** @throws NoRegistry; or any other failure with what npm wrote */
export async function npm(args: readonly string[], cwd: string): Promise<NpmResult> {
  try {
    return await run('npm', args, { cwd, env: npmEnvironment, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    if (/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.test(stderr)) {
      throw new NoRegistry('the package registry cannot be reached', { cause: error });
    }
    throw new Error(`npm ${args.join(' ')}: ${message}\n${stderr}`);
  }
}

/** npm's warnings, but for those about this machine's own npm settings. */
export function warningsOf({ stderr }: NpmResult): readonly string[] {
  return stderr.split('\n').filter(line => /^npm warn/i.test(line) && !/Unknown .*config/.test(line));
}
