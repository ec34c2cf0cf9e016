import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Nothing on this machine or near it takes longer. */
const withinMs = 1_500;

/** Does something accept TCP connections there? @param host a name, or an address without brackets */
export function isListening(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** Does it speak TLS, whatever its certificate? */
export function speaksTls(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const end = (isTls: boolean) => {
      socket.destroy();
      resolve(isTls);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.once('secureConnect', () => end(true)).once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** Name and number of the process that listens on a port of this machine; undefined when the system does not tell. */
export async function listenerOf(port: number): Promise<string | undefined> {
  try {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map(name => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
    );
    const inodes = tables.flatMap(table => inodesOf(table, port));
    return inodes.length === 0 ? undefined : await processWith(new Set(inodes.map(inode => `socket:[${inode}]`)));
  } catch {
    return undefined; // only Linux has these files, and not for everybody
  }
}

/** Of the sockets in state LISTEN (0A). [proc(5) › /proc/net/tcp] */
export function inodesOf(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === '0A')
    .flatMap(fields => fields[9] ?? []);
}

async function processWith(sockets: ReadonlySet<string>): Promise<string | undefined> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  for (const pid of pids) {
    const links = await linksOf(`/proc/${pid}/fd`);
    if (!links.some(link => sockets.has(link))) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown');
    return `${name.trim()}, process ${pid}`;
  }
  return undefined;
}

/** None of processes of others. */
async function linksOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map(name => readlink(`${folder}/${name}`).catch(() => '')));
}
