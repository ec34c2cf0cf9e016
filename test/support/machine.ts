import { once } from 'node:events';
import { lstat, readdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join, relative } from 'node:path';

/** A port on loopback that nobody listened on a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface FoundFile {
  /** From the folder that was searched. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly changedAtMs: number;
}

/** Everything below a folder but folders, in order of path; links are not followed. */
export async function filesUnder(folder: string): Promise<readonly FoundFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter(entry => !entry.isDirectory()).map(entry => join(entry.parentPath, entry.name));
  const found = await Promise.all(
    paths.map(async path => {
      const { size, mtimeMs } = await lstat(path);
      return { path: relative(folder, path), size, changedAtMs: mtimeMs };
    }),
  );
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
