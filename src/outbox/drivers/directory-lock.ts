import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, wait } from '../../clock.js';
import { LockFile, type Taken } from '../../lock-file.js';
import { StoreOpenError } from '../outbox-error.js';

/**
 * How often the owner touches its lock, and after which time without that a lock counts as left behind whose process cannot
 * be seen from here.
 */
const touchMs = 5_000;
const abandonedMs = 20_000;
const abandonedText = `${abandonedMs / 1_000} s`;

/** Between two looks at such a lock. */
const lookMs = 500;

/** A directory that one process has for itself, by a file in it with the number of the process. */
export class DirectoryLock {
  readonly #file: string;
  readonly #lock: LockFile;
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  /**
   * A lock whose process cannot be seen from here is waited for until it is touched, or counts as left behind: a container that is
   * started again after a crash finds the lock of the one before.
   * @param onWaiting told what is waited for @throws as a rejection: StoreOpenError `locked` while another process has it
   */
  static async take(
    directory: string,
    clock: Clock,
    onWaiting: (text: string) => void = () => {},
  ): Promise<DirectoryLock> {
    const file = join(directory, 'outbox.pid');
    const firstMs = touchedAtMs(file);
    for (let waitedMs = 0; ; waitedMs += lookMs) {
      const taken = LockFile.take(file, clock.now(), abandonedMs);
      if (taken instanceof LockFile) return new DirectoryLock(file, taken, clock);
      const mayBeLeft = taken.isJudgedByAge && touchedAtMs(file) === firstMs && waitedMs <= abandonedMs;
      if (!mayBeLeft) throw lockedError(directory, taken, file);
      if (waitedMs === 0)
        onWaiting(
          `${directory} was in use by ${ownerText(taken)}: waiting up to ${abandonedText} to see whether it still is`,
        );
      await wait(lookMs, clock);
    }
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

/** Undefined: it is not there. */
function touchedAtMs(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function ownerText({ takenBy }: Taken): string {
  return takenBy === undefined ? 'another process' : `process ${takenBy.pid} on ${takenBy.host}`;
}

function lockedError(directory: string, taken: Taken, file: string): StoreOpenError {
  const { isJudgedByAge } = taken;
  const who = ownerText(taken);
  return new StoreOpenError(
    'locked',
    `${directory} is in use by ${who}: a directory serves one Hubwire at a time. Stop that process, or set ` +
      `HUBWIRE_DATA_DIR to another directory. (Its lock is ${file}${isJudgedByAge ? whenFree : ''}.)`,
  );
}

const whenFree =
  ', written on another host, in another container, or before a restart of this machine: it can be taken when its process ' +
  `has not touched it for ${abandonedText}`;
