import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { outputOf } from './programs.js';

const run = promisify(execFile);

/** Names that clients of Pusher's clusters `mt1` and `eu` connect to. */
export const hostNames = ['ws-mt1.pusher.com', 'ws-eu.pusher.com', 'api-mt1.pusher.com', 'api-eu.pusher.com'] as const;

/** Switches the loopback interface on and puts another file in the place of /etc/hosts; then runs the rest. */
const arrange = 'ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"';

/**
 * Runs a program of this repository where those names lead to this machine and all ports are free: in a network and a mount
 * namespace of its own, which need root or a kernel that lets users make namespaces. The machine itself stays as it is.
 * @returns what it printed. @throws when there can be no such namespace, with what is missing
 */
export async function inPrivateNamespace(program: URL, args: readonly string[]): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const flags = [...(isRoot ? [] : ['--user', '--map-root-user']), '--net', '--mount', '--'];
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-names-'));
  const hosts = join(folder, 'hosts');
  await writeFile(hosts, `127.0.0.1 localhost\n::1 localhost\n127.0.0.1 ${hostNames.join(' ')}\n`);
  const inside = (...command: readonly string[]) => [...flags, 'sh', '-c', arrange, 'sh', hosts, ...command];
  try {
    await run('unshare', inside('true')).catch((error: Error & { stderr?: string }) => {
      throw new Error(`there can be no private network and mount namespace here: ${reasonOf(error)}`);
    });
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), fileURLToPath(program)];
    return await outputOf('unshare', inside(...node, ...args));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function reasonOf({ message, stderr = '' }: Error & { stderr?: string }): string {
  if (process.platform !== 'linux') return 'they are a feature of Linux';
  const reason = stderr.trim() || message;
  return `${reason}. Run it as root, with util-linux (unshare, mount) and iproute2 (ip) installed`;
}
