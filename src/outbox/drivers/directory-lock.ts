import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { LockFile, type Taken } from '../../lock-file.js';
import { StoreOpenError } from '../outbox-error.js';

/**
 * How often the owner touches its lock, and after which time without that a lock counts as left behind whose process cannot
 * be seen from here.
 */
const touchMs = 5_000;
const abandonedMs = 20_000;

/** A directory that one process has for itself, by a file in it with the number of the process. */
export class DirectoryLock {
  readonly #file: string;
  readonly #lock: LockFile;
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  /** @throws StoreOpenError `locked` while another process has it */
  static take(directory: string, clock: Clock): DirectoryLock {
    const file = join(directory, 'outbox.pid');
    const taken = LockFile.take(file, clock.now(), abandonedMs);
    if (taken instanceof LockFile) return new DirectoryLock(file, taken, clock);
    throw lockedError(directory, taken, file);
  }

  private constructor(file: string, lock: LockFile, clock: Clock) {
    this.#file = file;
    this.#lock = lock;
    this.#clock = clock;
    this.#touch();
  }

  release(): void {
    this.#cancel();
    this.#lock.release();
  }

  #touch(): void {
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

function lockedError(directory: string, { takenBy, isJudgedByAge }: Taken, file: string): StoreOpenError {
  const who = takenBy === undefined ? 'another process' : `process ${takenBy.pid} on ${takenBy.host}`;
  return new StoreOpenError(
    'locked',
    `${directory} is in use by ${who}: a directory serves one Hubwire at a time. Stop that process, or set ` +
      `HUBWIRE_DATA_DIR to another directory. (Its lock is ${file}${isJudgedByAge ? whenFree : ''}.)`,
  );
}

const whenFree =
  ', of another host or container, or of before a restart of this machine: it can be taken once its process has not ' +
  `touched it for ${abandonedMs / 1_000} s`;
