import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { watch } from 'chokidar';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ConfigError, loadConfig } from '../../src/config/load.js';
import { type WatchOptions, watchConfig } from '../../src/config/watch.js';
import { ManualClock } from '../support/manual-clock.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'watch-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A valid file whose configuration is told apart by the name of its hub. */
function hubNamed(name: string): string {
  return `hubs:\n  ${name}:\n`;
}

/** Watches, and hands out what was told in the order in which it came: a hub's name, or an error. */
function follow(file: string, overrides: Partial<WatchOptions> = {}) {
  const told: (string | ConfigError)[] = [];
  let wake = () => {};
  const tell = (item: string | ConfigError) => {
    told.push(item);
    wake();
  };
  const watch = watchConfig(file, {
    env: {},
    clock: systemClock,
    onWatchFailed: error => tell(`not watched: ${error.message}`),
    onConfig: config => tell([...config.hubs.keys()].join()),
    onError: tell,
    ...overrides,
  });
  onTestFinished(() => watch.close());
  return {
    close: () => watch.close(),
    written: (text: string) => watch.written(text),
    told,
    tell,
    async next(): Promise<string | ConfigError> {
      while (told.length === 0) await new Promise<void>(resolve => (wake = resolve));
      return told.shift() as string | ConfigError;
    },
  };
}

async function watchedFile(content: string | undefined = hubNamed('first')) {
  const file = join(await temporaryFolder(), 'hubs.yaml');
  await writeFile(file, content);
  return { file, ...follow(file) };
}

test('[MG-004] content that the service itself wrote is not offered; what follows is', async () => {
  const { file, next, told, written } = await watchedFile();
  await writeFile(file, hubNamed('by_hand'));
  expect(await next()).toBe('by_hand');
  for (const name of ['edited', 'edited_again']) {
    await writeFile(file, hubNamed(name));
    written(hubNamed(name));
  }
  await setTimeout(400); // four times what the watch waits for content to stay the same
  expect(told).toEqual([]);
  await writeFile(file, hubNamed('edited'));
  expect(await next()).toBe('edited');
});

describe('an edit is offered', () => {
  test('[D26] [design 2] written in place, several times', async () => {
    const { file, next } = await watchedFile();
    for (const name of ['second', 'third', 'fourth']) {
      await writeFile(file, hubNamed(name));
      expect(await next()).toBe(name);
    }
  });

  test('[D26] [design 2] renamed over the file, several times, and then written in place', async () => {
    const { file, next } = await watchedFile();
    for (const name of ['second', 'third', 'fourth']) {
      await writeFile(`${file}.new`, hubNamed(name));
      await rename(`${file}.new`, file);
      expect(await next()).toBe(name);
    }
    await writeFile(file, hubNamed('fifth'));
    expect(await next()).toBe('fifth');
  });

  test('[D26] [design 2] by the links that Kubernetes swaps, several times', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'hubs.yaml');
    const mount = async (version: string) => {
      await mkdir(join(folder, `..${version}`));
      await writeFile(join(folder, `..${version}`, 'hubs.yaml'), hubNamed(version));
      await symlink(`..${version}`, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await mount('v1');
    await symlink('..data/hubs.yaml', file);
    const { next } = follow(file);
    for (const version of [2, 3, 4]) {
      await mount(`v${version}`);
      await rm(join(folder, `..v${version - 1}`), { recursive: true });
      expect(await next()).toBe(`v${version}`);
    }
  });

  test('[D26] in place and by rename where a link points to, also when the link is far up', async () => {
    const folder = await temporaryFolder();
    const real = join(folder, 'releases', 'one', 'etc', 'hubs.yaml');
    await mkdir(dirname(real), { recursive: true });
    await writeFile(real, hubNamed('first'));
    await symlink('releases/one', join(folder, 'current'));
    const { next } = follow(join(folder, 'current', 'etc', 'hubs.yaml'));

    await writeFile(real, hubNamed('second'));
    expect(await next()).toBe('second');
    await writeFile(`${real}.new`, hubNamed('third'));
    await rename(`${real}.new`, real);
    expect(await next()).toBe('third');

    const newer = join(folder, 'releases', 'two', 'etc', 'hubs.yaml');
    await mkdir(dirname(newer), { recursive: true });
    await writeFile(newer, hubNamed('fourth'));
    await symlink('releases/two', join(folder, 'current.new'));
    await rename(join(folder, 'current.new'), join(folder, 'current'));
    expect(await next()).toBe('fourth');
    await writeFile(newer, hubNamed('fifth'));
    expect(await next()).toBe('fifth');
  });

  test('made between loading the file and watching it', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    const running = await loadConfig(file, {});
    await writeFile(file, hubNamed('second'));
    const { next } = follow(file, { running });
    expect(await next()).toBe('second');
  });

  test('with the environment that is given', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    const urls: (string | undefined)[] = [];
    const { next } = follow(file, {
      env: { CODE: 'k1' },
      onConfig: config => void urls.push(config.hubs.get('chat')?.eventHandlers[0]?.urlTemplate),
    });
    await writeFile(file, 'hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: http://h/?code=$' + '{CODE}\n');
    await expect.poll(() => urls).toEqual(['http://h/?code=k1']);
    await writeFile(file, 'hubs: $' + '{NONE}');
    expect(await next()).toMatchObject({ message: expect.stringContaining('NONE is not set') });
  });
});

describe('nothing is offered', () => {
  test('[design 2] for content that has not changed, however it was written', async () => {
    const { file, next, told } = await watchedFile();
    await writeFile(file, hubNamed('first'));
    await writeFile(`${file}.new`, hubNamed('first'));
    await rename(`${file}.new`, file);
    await writeFile(join(dirname(file), 'other.yaml'), hubNamed('other'));
    await writeFile(file, hubNamed('second'));
    expect(await next()).toBe('second');
    expect(told).toEqual([]);
  });

  test('after close', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    const closed = follow(file);
    const open = follow(file);
    await closed.close();
    await writeFile(file, hubNamed('second'));
    expect(await open.next()).toBe('second');
    expect(closed.told).toEqual([]);
  });

  test('of an edit that was made before the call, and each one after it is', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    await writeFile(file, hubNamed('second'));
    const { next } = follow(file);
    await writeFile(file, hubNamed('third'));
    expect(await next()).toBe('third');
  });
});

describe('[F11] a watch that fails', () => {
  /** Watches with a fault: as long as it lasts, folders cannot be watched, as when there are too many open files. */
  async function faultyWatch() {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    const fault = { isOn: true, watchers: 0 };
    const clock = new ManualClock();
    const watchFolders: typeof watch = (paths, options) => {
      fault.watchers += 1;
      const watcher = watch(paths, options);
      if (fault.isOn)
        setImmediate(() => watcher.emit('error', Object.assign(new Error('too many open files'), { code: 'EMFILE' })));
      return watcher;
    };
    return { file, fault, clock, ...follow(file, { clock, watchFolders }) };
  }

  test('is told once, and set up again with longer and longer pauses', async () => {
    const { clock, next, told, fault } = await faultyWatch();
    expect(await next()).toBe('not watched: too many open files');
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = fault.watchers;
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
      await expect.poll(() => fault.watchers).toBe(before + 1);
    }
    expect(told).toEqual([]);
  });

  test('finds what was edited meanwhile, and follows the file from then on', async () => {
    const { file, clock, next, fault } = await faultyWatch();
    expect(await next()).toBe('not watched: too many open files');
    await writeFile(file, hubNamed('second'));
    fault.isOn = false;
    await clock.whenDueIn(1_000);
    clock.advance(1_000);
    expect(await next()).toBe('second');
    await writeFile(file, hubNamed('third'));
    expect(await next()).toBe('third');
  });

  test('is not set up again once it is closed', async () => {
    const { clock, next, close, fault } = await faultyWatch();
    expect(await next()).toBe('not watched: too many open files');
    await clock.whenDueIn(1_000);
    await close();
    const before = fault.watchers;
    await clock.advanceAsync(60_000);
    expect([clock.pending, fault.watchers]).toEqual([0, before]);
  });
});

describe('an error', () => {
  test('[design 2] of a bad file names its place; the next good content is offered', async () => {
    const { file, next } = await watchedFile();
    await writeFile(file, 'hubs:\n  chat: 5\n');
    const error = await next();
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ problems: [{ file, line: 2, column: 9, path: 'hubs.chat' }] });
    await writeFile(file, hubNamed('first'));
    expect(await next()).toBe('first');
  });

  test('[D26] [design 2] of a deleted file is told; it may come back', async () => {
    const { file, next } = await watchedFile();
    for (const name of ['second', 'third']) {
      await unlink(file);
      const error = await next();
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ message: expect.stringContaining('does not exist') });
      await writeFile(file, hubNamed(name));
      expect(await next()).toBe(name);
    }
  });

  test.each(['', '# nothing\n', 'null\n'])(
    '[F8] of a file emptied to %j: it would open hubs that a handler guards',
    async content => {
      const { file, next } = await watchedFile();
      await writeFile(file, content);
      expect(await next()).toMatchObject({ message: expect.stringContaining('the file is empty') });
      await writeFile(file, hubNamed('second'));
      expect(await next()).toBe('second');
    },
  );

  test('of a file that is not there at first', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    const { next } = follow(file);
    expect(await next()).toMatchObject({ message: expect.stringContaining('does not exist') });
    await writeFile(file, hubNamed('first'));
    expect(await next()).toBe('first');
  });

  test('[D26] of a folder that takes the place of the file', async () => {
    const { file, next } = await watchedFile();
    await unlink(file);
    await mkdir(file);
    let error = await next();
    if (error instanceof ConfigError && error.message.includes('does not exist')) error = await next();
    expect(error).toMatchObject({ message: expect.stringContaining('this is a directory') });
  });

  test('of the one who applies it is told, and watching goes on', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    const { next, tell } = follow(file, {
      onConfig: async config => {
        if (config.hubs.has('bad')) throw new Error('no');
        tell([...config.hubs.keys()].join());
      },
    });
    await writeFile(file, hubNamed('bad'));
    expect(await next()).toMatchObject({ message: expect.stringContaining('could not be applied') });
    await writeFile(file, hubNamed('good'));
    expect(await next()).toBe('good');
  });

  test('of the one who is told of errors stays with it, and watching goes on', async () => {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, hubNamed('first'));
    let failed = () => {};
    const hasFailed = new Promise<void>(resolve => (failed = resolve));
    const { next } = follow(file, {
      onError: () => {
        failed();
        throw new Error('no');
      },
    });
    await writeFile(file, '[]');
    await hasFailed;
    await writeFile(file, hubNamed('second'));
    expect(await next()).toBe('second');
  });
});
