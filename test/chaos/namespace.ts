import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { PacketPartitions, type Partitions, ProxyPartitions } from './partitions.js';

const insideVariable = 'HUBWIRE_CHAOS_NAMESPACE';

/** Sets up the namespace that it is started in; fails where that, or a rule for packets, is not possible. */
const setUp = 'ip link set lo up && iptables -w -A INPUT -s 127.0.1.255 -j DROP && iptables -w -F INPUT';

/**
 * Runs this program once more, in a network namespace of its own, where that is possible: as root, with `unshare`, `ip` and
 * `iptables`. All processes that it starts are in there too, and its rules concern nobody else.
 * @returns its exit code; undefined when it is not possible, or this is that run already
 */
export async function runInNamespace(): Promise<number | undefined> {
  if (process.env[insideVariable] !== undefined || process.env.HUBWIRE_CHAOS_PROXIES !== undefined) return undefined;
  if (spawnSync('unshare', ['--net', 'sh', '-c', setUp]).status !== 0) return undefined;
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--net', 'sh', '-c', `${setUp} && exec "$@"`, 'sh', ...program], {
    stdio: 'inherit',
    env: { ...process.env, [insideVariable]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** By packets where this process has a namespace of its own. */
export function partitionsHere(): Partitions {
  return process.env[insideVariable] === undefined ? new ProxyPartitions() : new PacketPartitions();
}
