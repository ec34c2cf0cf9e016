import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { StoreOpenError } from '../outbox-error.js';

/** How often the owner touches its lock, and after which time without that a lock of another host counts as left behind. */
const touchMs = 5_000;
const abandonedMs = 20_000;

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Of the kernel, where /proc has it: another process may have got the number since. */
  readonly startedAt: string | undefined;
}

/** A directory that one process has for itself, by a file in it with the number of the process. */
export class DirectoryLock {
  readonly #file: string;
  readonly #text: string;
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  /** @throws StoreOpenError `locked` while another process has it */
  static take(directory: string, clock: Clock): DirectoryLock {
    const lock = new DirectoryLock(join(directory, 'outbox.pid'), clock);
    lock.#take(directory);
    lock.#touch();
    return lock;
  }

  private constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    const owner: Owner = { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) };
    this.#text = JSON.stringify(owner);
  }

  release(): void {
    this.#cancel();
    if (this.#isOurs()) rmSync(this.#file, { force: true });
  }

  #take(directory: string): void {
    if (this.#write()) return;
    const owner = readOwner(this.#file);
    if (owner !== undefined && this.#isAlive(owner)) throw lockedError(directory, owner, this.#file);
    const left = `${this.#file}.${process.pid}`;
    renameSync(this.#file, left); // fails for all but one, should several processes start now
    rmSync(left, { force: true });
    if (!this.#write()) throw lockedError(directory, readOwner(this.#file), this.#file);
  }

  /** @returns false when there is a lock */
  #write(): boolean {
    try {
      writeFileSync(this.#file, this.#text, { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  #isAlive({ pid, host, startedAt }: Owner): boolean {
    if (host !== hostname()) return this.#clock.now() - statSync(this.#file).mtimeMs < abandonedMs;
    if (pid === process.pid) return locksHere.has(this.#file);
    return isRunning(pid) && (startedAt === undefined || startOf(pid) === startedAt);
  }

  #isOurs(): boolean {
    locksHere.delete(this.#file);
    try {
      return readFileSync(this.#file, 'utf8') === this.#text;
    } catch {
      return false; // removed by hand
    }
  }

  #touch(): void {
    locksHere.add(this.#file);
    this.#cancel = this.#clock.after(touchMs, () => {
      const now = this.#clock.now() / 1_000;
      try {
        utimesSync(this.#file, now, now);
      } catch {
        // Removed by hand, or a full disk: the lock holds against this host all the same.
      }
      this.#touch();
    });
  }
}

/** Of this process. */
const locksHere = new Set<string>();

/** Undefined: not readable, so whoever wrote it did not finish. */
function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
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

function lockedError(directory: string, owner: Owner | undefined, file: string): StoreOpenError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new StoreOpenError(
    'locked',
    `${directory} is in use by ${who}: a directory serves one Hubwire at a time. Stop that process, or set ` +
      `HUBWIRE_DATA_DIR to another directory. (Its lock is ${file}.)`,
  );
}
