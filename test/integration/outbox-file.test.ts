import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { open, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { LmdbTables } from '../../src/outbox/drivers/lmdb-tables.js';
import { encodeRow } from '../../src/outbox/drivers/row-codec.js';
import { openStore } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import { Mailbox } from '../support/mailbox.js';
import { notRun } from '../support/not-run.js';
import { envelopeFor } from '../support/outbox-contract.js';
import { outboxDirectory } from '../support/outbox-directory.js';

const run = promisify(execFile);
const mebibyte = 1024 * 1024;

const openIn = (directory: string, minFreeBytes?: number) =>
  openStore({ driver: 'file', directory, minFreeBytes }, systemClock);

const many = (count: number, size = 300) =>
  Array.from({ length: count }, () => envelopeFor('a', { content: Buffer.alloc(size, 'x') }));

/** A directory with two thousand envelopes. */
async function filledDirectory(): Promise<string> {
  const directory = await outboxDirectory();
  const store = await openIn(directory);
  for (let batch = 0; batch < 20; batch += 1) await store.add(many(100), 1);
  await store.close();
  return directory;
}

describe('one process per directory', () => {
  const ownerOf = (fields: object) =>
    JSON.stringify({ pid: process.ppid, host: hostname(), startedAt: startOf(process.ppid), pidSpace, ...fields });
  const startOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  const pidSpace = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;

  test('a second one is told which process has it, and what to do', async () => {
    const directory = await outboxDirectory();
    const store = await openIn(directory);
    await expect(openIn(directory)).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'locked' });
    await expect(openIn(directory)).rejects.toThrow(
      `${directory} is in use by process ${process.pid} on ${hostname()}: a directory serves one Hubwire at a time.`,
    );
    await store.close();
    await (await openIn(directory)).close();
  });

  test.each([
    ['a process that lives', {}, 0, true],
    ['a process that is gone', { pid: 2 ** 30 }, 0, false],
    ['a process whose number another one has got since', { startedAt: '1' }, 0, false],
    ['a process of another PID namespace that reported just now', { pidSpace: 'other', pid: process.pid }, 0, true],
    [
      'a process of another PID namespace that has not for a minute',
      { pidSpace: 'other', pid: process.pid },
      60,
      false,
    ],
    ['another host that reported just now', { host: 'other', pid: 1 }, 0, true],
    ['another host that has not reported for a minute', { host: 'other', pid: 1 }, 60, false],
  ])('the lock of %s', async (_whose, fields, ageSeconds, isLocked) => {
    const directory = await outboxDirectory();
    const file = join(directory, 'outbox.pid');
    await writeFile(file, ownerOf(fields));
    const touched = Date.now() / 1_000 - ageSeconds;
    await utimes(file, touched, touched);
    if (isLocked) await expect(openWhileTouched(directory)).rejects.toMatchObject({ fault: 'locked' });
    else await (await openIn(directory)).close();
  });

  test('whose process cannot be seen from here: the message says when it can be taken', async () => {
    const directory = await outboxDirectory();
    const file = join(directory, 'outbox.pid');
    const content = ownerOf({ pidSpace: 'other', pid: process.pid });
    await writeFile(file, content);
    const opened = openWhileTouched(directory);
    await expect(opened).rejects.toThrow(/can be taken when its process has not touched it for 20 s\.\)$/);
    expect(await readFile(file, 'utf8')).toBe(content);
  });

  test('a lock that was not written to its end is that of nobody', async () => {
    const directory = await outboxDirectory();
    await writeFile(join(directory, 'outbox.pid'), '');
    await (await openIn(directory)).close();
  });
});

/** The owner of the lock touches it meanwhile. */
async function openWhileTouched(directory: string): Promise<unknown> {
  const touching = setInterval(() => void utimes(join(directory, 'outbox.pid'), new Date(), new Date()), 200);
  try {
    return await openIn(directory);
  } finally {
    clearInterval(touching);
  }
}

describe('a start stops, and changes nothing, if', () => {
  async function expectStopped(directory: string, fault: string, text: RegExp): Promise<void> {
    const message = expect.stringMatching(text);
    await expect(openIn(directory)).rejects.toMatchObject({ name: 'StoreOpenError', fault, message });
  }

  test('a newer version wrote the outbox', async () => {
    const directory = await filledDirectory();
    const tables = await LmdbTables.open({ directory, minFreeBytes: 0, clock: systemClock });
    await tables.write([['meta', ['format'], encodeRow({ version: 99, starts: 1 }, Buffer.alloc(0))]]);
    await tables.close();
    await expectStopped(
      directory,
      'newer_version',
      /newer version of Hubwire \(format 99; this one reads up to 1\)\. Start that/,
    );
  });

  test.each<[string, (file: string, size: number) => Promise<void>]>([
    ['the file was cut off', (file, size) => truncate(file, size / 2)],
    ['its head is garbage', file => overwrite(file, [0, 4096], () => Buffer.alloc(4096, 0x5a))],
    ['pages are empty', (file, size) => overwrite(file, every(7, size), () => Buffer.alloc(4096))],
    [
      'pages are those of something else',
      (file, size) => overwrite(file, every(7, size), at => Buffer.alloc(4096, `${at}`)),
    ],
    ['a byte of an envelope has changed', flipAll],
  ])('%s', async (_what, damage) => {
    const directory = await filledDirectory();
    const file = join(directory, 'data.mdb');
    await damage(file, (await stat(file)).size);
    await expectStopped(
      directory,
      'corrupt',
      /is damaged \(.+\)\. Nothing was changed\. Move data\.mdb and lock\.mdb to a safe/,
    );
  });

  test('too little space is free', async () => {
    const directory = await outboxDirectory();
    await expect(openIn(directory, 2 ** 60)).rejects.toMatchObject({ fault: 'no_space' });
    await expect(openIn(directory, 2 ** 60)).rejects.toThrow(
      /has \d+ MiB of free space, and the outbox needs at least/,
    );
  });

  test('the directory cannot be made', async () => {
    const directory = await outboxDirectory();
    await writeFile(join(directory, 'file'), '');
    await expectStopped(join(directory, 'file', 'data'), 'unusable', /cannot be opened \(ENOTDIR.*\)\. Give this user/);
  });
});

const every = (pages: number, size: number) =>
  Array.from({ length: Math.floor((size / 4096 - 4) / pages) }, (_, index) => (4 + index * pages) * 4096);

async function overwrite(file: string, places: readonly number[], bytesAt: (at: number) => Buffer): Promise<void> {
  const handle = await open(file, 'r+');
  for (const at of places) await handle.write(bytesAt(at), 0, 4096, at);
  await handle.close();
}

/** One byte of each content, since some copies are on pages that are not used any more. */
async function flipAll(file: string): Promise<void> {
  const bytes = await readFile(file);
  for (let at = bytes.indexOf('xxxx'); at >= 0; at = bytes.indexOf('xxxx', at + 300)) bytes[at] = 0x79;
  await writeFile(file, bytes);
}

/** A small disk of its own. */
async function mountDisk(context: TestContext, bytes: number): Promise<string> {
  const directory = await outboxDirectory();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory]);
  } catch {
    notRun(context, 'a small disk cannot be mounted here: that takes root and the right to mount');
  }
  onTestFinished(async () => {
    await run('umount', ['--lazy', directory]);
  });
  return directory;
}

/** An outbox on that disk, whose endpoint takes everything. */
async function outboxOn(directory: string, minFreeBytes: number) {
  const delivered = new Mailbox<string>();
  const told: string[] = [];
  const outbox = new Outbox({
    store: await openIn(directory, minFreeBytes),
    clock: systemClock,
    deliverer: {
      async deliver({ id }) {
        delivered.put(id);
        return { outcome: 'delivered' };
      },
    },
    endpoints: { ids: () => ['a'], options: () => ({ maxConcurrency: 8 }) },
    observer: { notKept: (count, reason) => told.push(`${count} ${reason}`) },
  });
  onTestFinished(() => outbox.close(0));
  return { outbox, delivered, told };
}

test('immediates of the process run after each write', async () => {
  const store = await openIn(await outboxDirectory());
  onTestFinished(() => store.close());
  for (let count = 0; count < 5; count += 1) {
    await new Promise(resolve => setImmediate(resolve)); // with `commitDelay` of lmdb, one would not
    await store.add(many(1), 1);
  }
});

test('while the disk is short of space, accept is refused and counted, and deliveries go on', async context => {
  const disk = await mountDisk(context, 16 * mebibyte);
  const { outbox, delivered, told } = await outboxOn(join(disk, 'data'), 4 * mebibyte);
  const kept = many(500);
  await outbox.accept(kept);
  const filler = join(disk, 'filler');
  await writeFile(filler, Buffer.alloc(12 * mebibyte));
  await expect
    .poll(() => outbox.accept(many(3)).catch((error: unknown) => error))
    .toMatchObject({
      name: 'NotKept',
      reason: 'disk_full',
      message: expect.stringMatching(/has \d MiB of free space, and the outbox needs at least 4 MiB/),
    });
  expect(told.at(-1)).toBe('3 disk_full');
  await outbox.start();
  for (const { id } of kept) await delivered.take(each => each === id);
  await rm(filler);
  const later = many(1);
  await expect
    .poll(() =>
      outbox.accept(later).then(
        () => 'kept',
        () => 'refused',
      ),
    )
    .toBe('kept');
  await delivered.take(id => id === later[0]!.id);
});

test('a disk without a single free page: accept is refused with its reason, and the process goes on', async context => {
  const disk = await mountDisk(context, 4 * mebibyte);
  const { outbox, delivered } = await outboxOn(join(disk, 'data'), 0);
  const results: string[] = [];
  for (let batch = 0; batch < 100 && results.at(-1) !== 'disk_full'; batch += 1) {
    results.push(
      await outbox.accept(many(100)).then(
        () => 'kept',
        ({ reason }: { reason: string }) => reason,
      ),
    );
  }
  expect(results.filter(result => result !== 'kept')).toEqual(['disk_full']);
  await outbox.start(); // reads what was kept
  const count = results.filter(result => result === 'kept').length * 100;
  for (let taken = 0; taken < count; taken += 1) await delivered.take();
  expect(delivered.rest).toEqual([]);
}, 60_000);
