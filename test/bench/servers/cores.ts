import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The cores that the two sides keep to; undefined where they cannot be kept apart. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

/** Keeps this process, the load side, to one core, and names another one for the servers. */
export function separateCores(): Cores | undefined {
  const [server, load] = allowedCores();
  if (server === undefined || load === undefined) return undefined;
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', String(load), String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? { server, load } : undefined;
}

/** Where Linux lets this process run; empty elsewhere. */
function allowedCores(): number[] {
  if (process.platform !== 'linux') return [];
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Ticks per second of the times in /proc. */
const ticksPerSecond = process.platform === 'linux' ? Number(execFileSync('getconf', ['CLK_TCK'])) : Number.NaN;

/** Seconds of processor time that all threads of a process have used, in the system and out of it. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return secondsOf(ps('time', pid));
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field, the program's name, may hold blanks; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentBytes(pid: number): number {
  if (process.platform === 'linux') {
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  }
  return Number(ps('rss', pid)) * 1024;
}

function ps(column: string, pid: number): string {
  return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** `[[days-]hours:]minutes:seconds[.hundredths]` */
function secondsOf(text: string): number {
  const [clock = '', days = '0'] = text.split('-').reverse();
  return clock.split(':').reduce((total, part) => total * 60 + Number(part), 0) + Number(days) * 86_400;
}
