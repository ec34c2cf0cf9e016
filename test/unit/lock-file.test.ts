import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The content of a lock of this process, with other fields. */
function ownerWith(fields: object): string {
  const lock = take() as LockFile;
  const owner = JSON.parse(readFileSync(file, 'utf8'));
  lock.release();
  return JSON.stringify({ ...owner, ...fields });
}

test.each([
  ['of a process that is gone', { pid: 2 ** 30 }],
  ['of a process whose number another one has got', { pid: process.ppid, startedAt: '1' }],
  ['that this process does not have, as before a restart with the same number', {}],
])('one %s is taken over at once', (_, fields) => {
  writeFileSync(file, ownerWith(fields));
  expect(take()).toBeInstanceOf(LockFile);
  expect(readdirSync(folder)).toEqual(['lock']);
});

test('one that was not written to its end is taken over', () => {
  writeFileSync(file, '{');
  expect(take()).toBeInstanceOf(LockFile);
});

test('one of a process that runs is not taken over, however old it is', () => {
  writeFileSync(file, ownerWith({ pid: process.ppid, startedAt: undefined }));
  expect(take(Date.now() + 25_000)).toMatchObject({ takenBy: { pid: process.ppid }, isJudgedByAge: false });
});

test.each([
  ['another host', { host: 'other' }],
  ['another PID namespace, with the number of this process', { pidSpace: 'boot pid:[1]' }],
  ['another PID namespace, with a number that no process has here', { pidSpace: 'boot pid:[1]', pid: 2 ** 30 }],
  ['a version that wrote no PID namespace', { pidSpace: undefined }],
])('one of %s is taken over once it is old, and is left as it is until then', (_, fields) => {
  const content = ownerWith(fields);
  writeFileSync(file, content);
  expect(take()).toMatchObject({ takenBy: { host: expect.any(String) }, isJudgedByAge: true });
  expect(readFileSync(file, 'utf8')).toBe(content);
  expect(readdirSync(folder)).toEqual(['lock']);
  expect(take(Date.now() + 25_000)).toBeInstanceOf(LockFile);
});

test('a release leaves the lock of somebody who took it over', () => {
  const lock = take() as LockFile;
  const other = JSON.stringify({ pid: 1, host: 'other' });
  writeFileSync(file, other);
  lock.release();
  expect(take()).toMatchObject({ takenBy: { pid: 1, host: 'other' } });
});
