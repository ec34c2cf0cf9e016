import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who has a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Of the kernel, where /proc has it: another process may have got the number since. */
  readonly startedAt: string | undefined;
}

/** Codes of a file system without hard links. */
const hasNoHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Of this process. */
const locksHere = new Set<string>();

/**
 * A file that exists while one process uses something. What a process left behind that has ended is taken over: at once on
 * the same host, else when the file is older than `abandonedMs`.
 */
export class LockFile {
  readonly #file: string;
  readonly #text: string;

  private constructor(file: string) {
    this.#file = file;
    const owner: LockOwner = { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) };
    this.#text = JSON.stringify(owner);
  }

  /** @param nowMs Unix time @returns who has it, when somebody else does; undefined there: not known @throws errors of the file system */
  static take(
    file: string,
    nowMs: number,
    abandonedMs: number,
  ): LockFile | { readonly takenBy: LockOwner | undefined } {
    const lock = new LockFile(file);
    if (lock.#write()) return lock;
    const left = readText(file);
    const owner = ownerOf(left);
    if (isHeld(file, owner, nowMs, abandonedMs)) return { takenBy: owner };
    if (left !== undefined) lock.#remove(left);
    return lock.#write() ? lock : { takenBy: ownerOf(readText(file)) };
  }

  release(): void {
    locksHere.delete(this.#file);
    if (readText(this.#file) === this.#text) rmSync(this.#file, { force: true }); // not one that replaced it
  }

  /** With its content from the first moment: one without content was left behind. @returns false when there is a lock */
  #write(): boolean {
    const own = `${this.#file}.${process.pid}.new`;
    try {
      writeFileSync(own, this.#text);
      this.#putInPlace(own);
      locksHere.add(this.#file);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(own, { force: true });
    }
  }

  #putInPlace(own: string): void {
    try {
      linkSync(own, this.#file);
    } catch (error) {
      if (!hasNoHardLinks.includes(codeOf(error))) throw error;
      writeFileSync(this.#file, this.#text, { flag: 'wx' });
    }
  }

  /** Should several processes do so now, the lock of one that was faster is put back. */
  #remove(text: string): void {
    const aside = `${this.#file}.${process.pid}`;
    try {
      renameSync(this.#file, aside);
      if (readText(aside) !== text) linkSync(aside, this.#file);
    } catch (error) {
      if (!['ENOENT', 'EEXIST', ...hasNoHardLinks].includes(codeOf(error))) throw error;
    } finally {
      rmSync(aside, { force: true });
    }
  }
}

function isHeld(file: string, owner: LockOwner | undefined, nowMs: number, abandonedMs: number): boolean {
  if (owner === undefined) return false; // it was not written to its end
  if (owner.host !== hostname()) return nowMs - changedAtMs(file, nowMs) < abandonedMs;
  if (owner.pid === process.pid) return locksHere.has(file);
  return isRunning(owner.pid) && (owner.startedAt === undefined || startOf(owner.pid) === owner.startedAt);
}

function changedAtMs(file: string, nowMs: number): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // gone, or not readable: whoever wrote it decides
  }
}

function ownerOf(text: string | undefined): LockOwner | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LockOwner);
  } catch {
    return undefined; // whoever wrote it did not finish
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of its stat, counted behind the name, which may contain spaces. */
function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined; // no /proc
  }
}
