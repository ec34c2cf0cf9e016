import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who has a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Of the kernel, where /proc has it: another process may have got the number since. */
  readonly startedAt: string | undefined;
  /** Where the number means this process: the boot of the kernel and the PID namespace, where /proc has them. */
  readonly pidSpace: string | undefined;
}

/** A lock that somebody else has. */
export interface Taken {
  /** Undefined: not known. */
  readonly takenBy: LockOwner | undefined;
  /** Its process cannot be seen from here, so the age of the file decides. */
  readonly isJudgedByAge: boolean;
}

/** Codes of a file system without hard links. */
const hasNoHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Contents of the locks of this process. */
const locksHere = new Set<string>();

/**
 * A file that exists while one process uses something. What a process left behind that has ended is taken over: at once
 * when it ran on the same host and in the same PID namespace, else when the file is older than `abandonedMs`.
 */
export class LockFile {
  readonly #file: string;
  /** Of this lock only: processes in several PID namespaces may have one number. */
  readonly #id = randomUUID();
  readonly #text: string;

  private constructor(file: string) {
    this.#file = file;
    const owner: LockOwner = {
      pid: process.pid,
      host: hostname(),
      startedAt: startOf(process.pid),
      pidSpace: pidSpaceHere(),
    };
    this.#text = JSON.stringify({ ...owner, id: this.#id });
  }

  /** @param nowMs Unix time @throws errors of the file system */
  static take(file: string, nowMs: number, abandonedMs: number): LockFile | Taken {
    const lock = new LockFile(file);
    if (lock.#write()) return lock;
    const left = readText(file);
    if (isHeld(file, left, nowMs, abandonedMs)) return takenBy(left);
    if (left !== undefined) lock.#remove(left);
    return lock.#write() ? lock : takenBy(readText(file));
  }

  release(): void {
    locksHere.delete(this.#text);
    if (readText(this.#file) === this.#text) rmSync(this.#file, { force: true }); // not one that replaced it
  }

  /** With its content from the first moment: one without content was left behind. @returns false when there is a lock */
  #write(): boolean {
    const own = `${this.#file}.${this.#id}.new`;
    try {
      writeFileSync(own, this.#text);
      this.#putInPlace(own);
      locksHere.add(this.#text);
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
    const aside = `${this.#file}.${this.#id}`;
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

function isHeld(file: string, text: string | undefined, nowMs: number, abandonedMs: number): boolean {
  const owner = ownerOf(text);
  if (owner === undefined) return false; // it was not written to its end
  if (!isSeenFromHere(owner)) return nowMs - changedAtMs(file, nowMs) < abandonedMs;
  if (owner.pid === process.pid) return text !== undefined && locksHere.has(text);
  return isRunning(owner);
}

/** Does the number mean the same process here? Not in another PID namespace, and not to a kernel that was started again. */
function isSeenFromHere({ host, pidSpace }: LockOwner): boolean {
  return host === hostname() && pidSpace === pidSpaceHere();
}

function takenBy(text: string | undefined): Taken {
  const owner = ownerOf(text);
  return { takenBy: owner, isJudgedByAge: owner !== undefined && !isSeenFromHere(owner) };
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

/** With its number, and with its start as far as both are known. */
function isRunning({ pid, startedAt }: LockOwner): boolean {
  if (!hasProcess(pid)) return false;
  const start = startOf(pid);
  return startedAt === undefined || start === undefined || start === startedAt;
}

function hasProcess(pid: number): boolean {
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
    return undefined; // no /proc, or processes of other users are hidden in it
  }
}

/** Of two PID namespaces that exist at the same time in one kernel, each has its own number. */
function pidSpaceHere(): string | undefined {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined; // no /proc
  }
}
