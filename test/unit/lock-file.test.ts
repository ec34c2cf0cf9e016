import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LockFile } from '../../src/lock-file.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-file-'));
  file = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const take = (nowMs = Date.now()) => LockFile.take(file, nowMs, 20_000);

test('is taken once, and again after its release, in this process too', () => {
  const lock = take();
  expect(lock).toBeInstanceOf(LockFile);
  expect(take()).toMatchObject({ takenBy: { pid: process.pid, host: hostname() } });
  (lock as LockFile).release();
  expect(readdirSync(folder)).toEqual([]);
  expect(take()).toBeInstanceOf(LockFile);
  expect(readdirSync(folder)).toEqual(['lock']);
});

test.each([
  ['of a process that is gone', JSON.stringify({ pid: 2 ** 30, host: hostname() })],
  [
    'that this process does not have, as before a restart with the same number',
    JSON.stringify({ pid: process.pid, host: hostname() }),
  ],
  ['that was not written to its end', '{'],
])('one %s is taken over', (_, content) => {
  writeFileSync(file, content);
  expect(take()).toBeInstanceOf(LockFile);
  expect(readdirSync(folder)).toEqual(['lock']);
});

test('one of another host is taken over once it is old', () => {
  writeFileSync(file, JSON.stringify({ pid: 1, host: 'other' }));
  expect(take()).toEqual({ takenBy: { pid: 1, host: 'other' } });
  expect(take(Date.now() + 25_000)).toBeInstanceOf(LockFile);
});

test('a release leaves the lock of somebody who took it over', () => {
  const lock = take() as LockFile;
  const other = JSON.stringify({ pid: 1, host: 'other' });
  writeFileSync(file, other);
  lock.release();
  expect(take()).toEqual({ takenBy: { pid: 1, host: 'other' } });
});
