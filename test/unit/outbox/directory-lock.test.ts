import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DirectoryLock } from '../../../src/outbox/drivers/directory-lock.js';
import { ManualClock } from '../../support/manual-clock.js';

/** A directory with the lock of a process that cannot be seen from here, touched now. */
function lockedElsewhere() {
  const directory = mkdtempSync(join(tmpdir(), 'hubwire-lock-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const clock = new ManualClock();
  const file = join(directory, 'outbox.pid');
  writeFileSync(file, '{"pid":1,"host":"elsewhere","startedAt":"5","pidSpace":"x","id":"y"}');
  const touch = () => utimesSync(file, clock.now() / 1_000, clock.now() / 1_000);
  touch();
  const waited: string[] = [];
  const taking = DirectoryLock.take(directory, clock, text => void waited.push(text));
  const outcome: unknown[] = [];
  taking.then(
    lock => outcome.push(lock),
    error => outcome.push(error),
  );
  return { directory, file, clock, touch, waited, taking, outcome };
}

test('a lock that was left behind elsewhere, as in the container before, is waited for and taken', async () => {
  const { directory, file, clock, waited, taking, outcome } = lockedElsewhere();
  await clock.advanceAsync(19_500);
  expect(outcome).toEqual([]);
  expect(waited).toEqual([
    `${directory} was in use by process 1 on elsewhere: waiting up to 20 s to see whether it still is`,
  ]);
  await clock.advanceAsync(1_000);
  const lock = await taking;
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid });
  lock.release();
});

test('one that is touched meanwhile is somebody’s', async () => {
  const { directory, clock, touch, taking, outcome } = lockedElsewhere();
  await clock.advanceAsync(4_000);
  expect(outcome).toEqual([]);
  touch();
  await clock.advanceAsync(500);
  await expect(taking).rejects.toThrow(`${directory} is in use by process 1 on elsewhere`);
});
