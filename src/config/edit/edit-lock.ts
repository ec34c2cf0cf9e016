import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import { PubSubError } from '../../errors.js';
import { LockFile } from '../../lock-file.js';
import { notWritable } from './replace-file.js';

/** How long an edit waits for those of other processes. */
const lockWaitMs = 10_000;
const lockPollMs = 20;
/** An edit takes milliseconds. */
const abandonedMs = 30_000;

/** @throws PubSubError `conflict` when another process keeps it, or no file can be created */
export async function lockOf(target: string, clock: Clock): Promise<LockFile> {
  const file = `${target}.lock`;
  for (let waitedMs = 0; ; waitedMs += lockPollMs) {
    const taken = takeLock(file, target, clock);
    if (taken instanceof LockFile) return taken;
    if (waitedMs >= lockWaitMs) {
      const who =
        taken.takenBy === undefined ? 'another process' : `process ${taken.takenBy.pid} on ${taken.takenBy.host}`;
      throw new PubSubError('conflict', `${target} is being edited by ${who}; try again (its lock is ${file})`);
    }
    await setTimeout(lockPollMs);
  }
}

function takeLock(file: string, target: string, clock: Clock) {
  try {
    return LockFile.take(file, clock.now(), abandonedMs);
  } catch (error) {
    throw notWritable(target, error);
  }
}
