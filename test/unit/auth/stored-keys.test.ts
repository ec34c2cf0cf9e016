import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Keys } from '../../../src/auth/keys.js';
import { StoredKeys } from '../../../src/auth/stored-keys.js';
import { developmentKey, readKeys } from '../../../src/cli/key-settings.js';
import { ManualClock } from '../../support/manual-clock.js';

const comparedEveryMs = 5_000;
const first = '1'.repeat(44);
const second = '2'.repeat(44);
const third = '3'.repeat(44);

async function start(texts: { primary?: string; secondary?: string }, { isPublic = false, env = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-keys-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const variables: Record<string, string> = { ...env };
  for (const [name, text] of Object.entries(texts)) {
    const file = join(folder, name);
    await writeFile(file, `${text}\n`, { mode: 0o640 });
    variables[`HUBWIRE_${name.toUpperCase()}_KEY_FILE`] = file;
  }
  const settings = readKeys(variables);
  const keys = new Keys(settings.keys);
  const clock = new ManualClock();
  const lines: string[] = [];
  const tell = (text: string) => void lines.push(text);
  const log = { info: tell, warn: tell, error: tell };
  const stored = new StoredKeys({ keys, sources: settings.sources, isPublic, clock, log });
  onTestFinished(() => stored.stop());
  /** Lets it look at the files once. */
  const compare = async () => {
    await clock.whenDueIn(comparedEveryMs);
    clock.advance(comparedEveryMs);
    await clock.whenDueIn(comparedEveryMs);
  };
  return {
    stored,
    keys,
    folder,
    file: (name: string) => join(folder, name),
    lines,
    compare,
    again: () => readKeys(variables),
  };
}

describe('[MG-014] both keys', () => {
  test('are those in use', async () => {
    const { stored } = await start({ primary: first, secondary: second });
    expect(await stored.both()).toEqual({ primary: first, secondary: second });
  });

  test('with one key only: a second one is made, accepted, and kept beside the file for the next start', async () => {
    const { stored, keys, file, again } = await start({ primary: first });
    const { primary, secondary } = await stored.both();
    expect([primary, Buffer.from(secondary, 'base64').length]).toEqual([first, 32]);
    expect(keys.current.verifying).toHaveLength(2);
    expect(await readFile(file('primary.secondary'), 'utf8')).toBe(`${secondary}\n`);
    expect((await stat(file('primary.secondary'))).mode & 0o777).toBe(0o600);
    expect(await stored.both()).toEqual({ primary, secondary });
    expect(again().keys).toEqual({ primary, secondary });
  });

  test('of calls at the same time are the same', async () => {
    const { stored } = await start({ primary: first });
    const [one, other] = await Promise.all([stored.both(), stored.both()]);
    expect(one).toEqual(other);
  });

  test.each([{ HUBWIRE_PRIMARY_KEY: first }, {}])(
    'without a file the second one lasts as long as the process, and the log says so: %j',
    async env => {
      const { stored, keys, folder, lines } = await start({}, { env });
      const { primary, secondary } = await stored.both();
      expect(primary).toBe(keys.primary);
      expect(keys.secondary).toBe(secondary);
      expect(await readdir(folder)).toEqual([]);
      expect(lines.join()).toContain('valid until the service stops');
    },
  );
});

describe('[MG-015] a key is regenerated', () => {
  test.each(['primary', 'secondary'] as const)('the %s one, in its file', async name => {
    const { stored, keys, file, folder } = await start({ primary: first, secondary: second });
    await stored.regenerate(name);
    const text = (await readFile(file(name), 'utf8')).trimEnd();
    expect(Buffer.from(text, 'base64')).toHaveLength(32);
    expect(keys[name]).toBe(text);
    const other = name === 'primary' ? 'secondary' : 'primary';
    expect(keys[other]).toBe(other === 'primary' ? first : second);
    expect((await stat(file(name))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(['primary', 'secondary']);
  });

  test('a secondary one that there is not is made', async () => {
    const { stored, keys, again } = await start({ primary: first });
    await stored.regenerate('secondary');
    expect(keys.secondary).toBeDefined();
    expect(again().keys).toEqual({ primary: first, secondary: keys.secondary });
  });

  test('behind a symbolic link, which stays', async () => {
    const { stored, keys, file } = await start({ primary: first });
    await writeFile(file('target'), first);
    await unlink(file('primary'));
    await symlink('target', file('primary'));
    await stored.regenerate('primary');
    expect((await readFile(file('target'), 'utf8')).trimEnd()).toBe(keys.primary);
    expect((await readFile(file('primary'), 'utf8')).trimEnd()).toBe(keys.primary);
  });

  test.each([
    [
      'primary',
      { HUBWIRE_PRIMARY_KEY: first, HUBWIRE_SECONDARY_KEY: second },
      'HUBWIRE_PRIMARY_KEY, which a running service',
    ],
    [
      'secondary',
      { HUBWIRE_PRIMARY_KEY: first, HUBWIRE_SECONDARY_KEY: second },
      'HUBWIRE_SECONDARY_KEY, which a running',
    ],
    ['secondary', { HUBWIRE_PRIMARY_KEY: first }, 'HUBWIRE_SECONDARY_KEY'],
    ['primary', {}, 'the development key cannot be changed'],
    ['secondary', {}, 'the development key cannot be changed'],
  ] as const)('not the %s one of %j', async (name, env, reason) => {
    const { stored, keys } = await start({}, { env });
    const before = [keys.primary, keys.secondary];
    await expect(stored.regenerate(name)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining(reason),
    });
    expect([keys.primary, keys.secondary]).toEqual(before);
  });

  test('not where the folder cannot be written: the message names the file, and nothing changes', async () => {
    const { stored, keys, file, folder } = await start({ primary: first });
    await unlink(file('primary'));
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file in place of the folder'); // as root, permissions would not be in the way
    await expect(stored.regenerate('primary')).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining(file('primary')),
    });
    expect(keys.primary).toBe(first);
    await chmod(folder, 0o600);
  });
});

describe('[MG-015] files are followed', () => {
  test('another key in the file is in use, and is reported without the key', async () => {
    const { stored, keys, file, lines, compare } = await start({ primary: first, secondary: second });
    stored.follow();
    await writeFile(file('primary'), `${third}\r\n`);
    await compare();
    expect([keys.primary, keys.secondary]).toEqual([third, second]);
    expect(lines).toEqual([`the primary access key was replaced by the one that ${file('primary')} contains now`]);
  });

  test('a text that cannot be a key, and a file that is gone, change nothing and are reported once', async () => {
    const { stored, keys, file, lines, compare } = await start({ primary: first });
    stored.follow();
    await writeFile(file('primary'), 'a;b');
    await compare();
    await compare();
    await unlink(file('primary'));
    await compare();
    expect(keys.primary).toBe(first);
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('a;b');
    await writeFile(file('primary'), second);
    await compare();
    expect(keys.primary).toBe(second);
  });

  test.each([developmentKey, 'short'])('where other machines reach the service, not with the key "%s"', async text => {
    const { stored, keys, file, lines, compare } = await start({ primary: first }, { isPublic: true });
    stored.follow();
    await writeFile(file('primary'), text);
    await compare();
    expect(keys.primary).toBe(first);
    expect(lines).toEqual([expect.stringContaining('other machines reach the service')]);
  });

  test('a key that was regenerated is not a change', async () => {
    const { stored, lines, compare } = await start({ primary: first });
    stored.follow();
    await stored.regenerate('primary');
    await compare();
    expect(lines).toEqual(['the primary access key was regenerated']);
  });
});
