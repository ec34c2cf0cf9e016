import { constants } from 'node:fs';
import { type FileHandle, link, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PubSubError } from '../../errors.js';
import { linkChainOf } from '../link-chain.js';

/**
 * The file that an edit replaces: at the end of all symbolic links, so that they stay.
 * @throws PubSubError `conflict` for a file of a Kubernetes volume: the next update of the volume would undo the edit
 */
export async function targetOf(file: string): Promise<string> {
  const links = await linkChainOf(file);
  if (links.some(path => basename(path) === '..data')) {
    throw new PubSubError(
      'conflict',
      `${file} is part of a Kubernetes volume and cannot be edited here; change the ConfigMap or Secret it comes from`,
    );
  }
  return links.at(-1) ?? file;
}

/**
 * Replaces the content in one step: a crash leaves the old file or the new one, and at most a temporary file beside it,
 * which the next edit replaces. Mode and owner stay. The caller has the lock of the file.
 * @param before what it is expected to contain; undefined: it does not exist
 * @throws PubSubError `conflict` when it contains something else by now, or cannot be written
 */
export async function replaceFile(target: string, before: Buffer | undefined, after: Buffer): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  try {
    await rm(temporary, { force: true });
    await write(temporary, after, before === undefined ? undefined : target);
    await refuseChange(target, before);
    await (before === undefined ? putNew(temporary, target) : rename(temporary, target));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // as its write failed, so may this
    throw error instanceof PubSubError ? error : notWritable(target, error);
  }
  await syncFolder(dirname(target));
}

/** @param like the file whose mode and owner it gets */
async function write(file: string, content: Buffer, like: string | undefined): Promise<void> {
  const handle = await open(file, 'wx', like === undefined ? 0o666 : 0o600);
  try {
    await handle.writeFile(content);
    if (like !== undefined) await keepModeAndOwner(handle, like);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function keepModeAndOwner(handle: FileHandle, like: string): Promise<void> {
  const [old, own] = [await stat(like), await handle.stat()];
  if (old.uid !== own.uid || old.gid !== own.gid) {
    try {
      await handle.chown(old.uid, old.gid);
    } catch (cause) {
      const owners = `it belongs to ${old.uid}:${old.gid}, and this process, ${own.uid}:${own.gid}, cannot keep that`;
      throw new PubSubError('conflict', `${like} cannot be replaced: ${owners}; change its owner`, { cause });
    }
  }
  await handle.chmod(old.mode & 0o7777);
}

async function refuseChange(target: string, before: Buffer | undefined): Promise<void> {
  const now = await readIfThere(target);
  if (now === undefined ? before === undefined : before?.equals(now)) return;
  throw new PubSubError('conflict', `${target} was changed at the same time; nothing was written, try again`);
}

export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Not over a file that somebody created meanwhile, where the file system has hard links. */
async function putNew(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
    await rm(temporary);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error;
    await rename(temporary, target);
  }
}

/** So that the new name survives a power failure. Not every file system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(await realpath(folder), constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // The content is complete either way.
  }
}

const reasons: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only; mount it writable, or edit the file where it comes from',
  EACCES: 'permission denied; this process must be allowed to create files in its folder',
  EPERM: 'permission denied; this process must be allowed to create files in its folder',
  EBUSY: 'it is a mount of its own; mount its folder in place of the file',
  EXDEV: 'it is a mount of its own; mount its folder in place of the file',
  ENOENT: 'its folder does not exist; create it',
  ENOTDIR: 'its folder does not exist; create it',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it was created at the same time; nothing was written, try again',
};

export function notWritable(target: string, cause: unknown): PubSubError {
  const code = codeOf(cause);
  return new PubSubError('conflict', `${target} cannot be written: ${reasons[code] ?? code}`, { cause });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
