import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../src/folders.js';

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-folders-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe('a folder', () => {
  test('is made with those above it, all with the mode, and made again it stays', async () => {
    const folder = await freshFolder();
    for (let time = 0; time < 2; time += 1) makeFolder(join(folder, 'a/b/c'), 0o700);
    for (const path of ['a', 'a/b', 'a/b/c']) expect((await stat(join(folder, path))).mode & 0o777).toBe(0o700);
    makeFolder('.');
    makeFolder(`${folder}/a/d/`);
    expect((await stat(join(folder, 'a/d'))).isDirectory()).toBe(true);
  });

  test('that cannot be made is an error of the system', async () => {
    const folder = await freshFolder();
    await writeFile(join(folder, 'file'), '');
    await symlink(join(folder, 'gone'), join(folder, 'link'));
    const code = (path: string) => {
      try {
        makeFolder(path);
        return 'made';
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    expect(['', 'file', 'file/a', 'file/a/b', 'link', 'link/a'].map(path => code(path && join(folder, path)))).toEqual([
      'ENOENT',
      'EEXIST',
      'ENOTDIR',
      'ENOTDIR',
      'EEXIST',
      'EEXIST',
    ]);
  });

  test.runIf(process.platform === 'linux')(
    'is refused where the system has no place for it, and its parent is there',
    () => {
      for (const path of ['/proc/nope', '/proc/nope/deeper']) {
        expect(() => makeFolder(path)).toThrow(/^ENOENT: .*mkdir '\/proc\/nope/);
      }
    },
  );
});
