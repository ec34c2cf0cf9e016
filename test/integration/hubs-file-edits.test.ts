import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { HubsFileEditor } from '../../src/config/edit/hubs-file-editor.js';
import { type Config, parseConfig } from '../../src/config/load.js';
import { repository } from '../support/doc-pages.js';
import { hasProgram, notRun } from '../support/not-run.js';

const program = join(repository, 'test/support/hubs-file-editing.mjs');
const isRoot = process.getuid?.() === 0;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hubs-file-edits-'));
  file = join(folder, 'hubs.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const one = '# note\nhubs:\n  one: {} # first\n';
const allowed = { anonymousConnectPolicy: 'allow' } as const;
const text = () => readFileSync(file, 'utf8');
const namesIn = (content: string) => [...parseConfig(content, { file, env: {} }).hubs.keys()];
const editor = () => new HubsFileEditor({ file, env: {}, clock: systemClock });

/** An editor of a service that uses what it was told last. */
function ofService(running = one) {
  const used: Config[] = [];
  let current = running;
  const ofRunning = new HubsFileEditor({
    file,
    env: {},
    clock: systemClock,
    expected: () => current,
    onWritten: async config => {
      used.push(config);
      current = config.source.text;
    },
  });
  return { editor: ofRunning, used };
}

/** Runs the program; `inside` is a command that runs it. */
async function inProcess(args: readonly string[], inside: readonly string[] = []) {
  const [command = '', ...rest] = [...inside, process.execPath, program, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', part => (output += part));
  const [, signal] = await once(child, 'close');
  return { lines: output.trim().split('\n'), signal: signal as NodeJS.Signals | null };
}

describe('[MG-002] a write', () => {
  test('keeps mode and owner, and leaves no other file', async () => {
    writeFileSync(file, one);
    chmodSync(file, 0o640);
    if (isRoot) chownSync(file, 1234, 4321);
    const before = statSync(file);
    await editor().put('two', allowed);
    const { mode, uid, gid, ino } = statSync(file);
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
    expect(ino).not.toBe(before.ino); // another file: renamed, not written over
    expect(readdirSync(folder)).toEqual(['hubs.yaml']);
  });

  test.each(['in the middle of the write', 'before the rename', 'after the rename'])(
    'of a process that is killed %s leaves the old or the new file, and does not block the next one',
    async at => {
      writeFileSync(file, one);
      const { signal } = await inProcess([file, '--die', at, 'two']);
      expect(signal).toBe('SIGKILL');
      expect(namesIn(text())).toEqual(at === 'after the rename' ? ['one', 'two'] : ['one']);
      if (at !== 'after the rename') expect(text()).toBe(one);
      expect(readdirSync(folder).length).toBeGreaterThan(1); // what it left behind
      await editor().put('three', allowed);
      expect(namesIn(text()).at(-1)).toBe('three');
      expect(readdirSync(folder)).toEqual(['hubs.yaml']);
    },
  );

  test('keeps a byte order mark and the line breaks of the file', async () => {
    writeFileSync(file, `\uFEFF${one.replaceAll('\n', '\r\n')}`);
    await ofService(one.replaceAll('\n', '\r\n')).editor.put('two', allowed);
    const added = '  two:\r\n    anonymousConnectPolicy: allow\r\n';
    expect(text()).toBe(`\uFEFF${one.replaceAll('\n', '\r\n')}${added}`);
  });

  test('goes to the file behind a symbolic link, which stays', async () => {
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real/hubs.yaml'), one);
    symlinkSync('real/hubs.yaml', file);
    await editor().put('two', allowed);
    expect(readlinkSync(file)).toBe('real/hubs.yaml');
    expect(lstatSync(join(folder, 'real/hubs.yaml')).isFile()).toBe(true);
    expect(namesIn(text())).toEqual(['one', 'two']);
    expect(readdirSync(join(folder, 'real'))).toEqual(['hubs.yaml']);
  });

  test('to a volume of Kubernetes is refused, since the next update would undo it', async () => {
    mkdirSync(join(folder, '..2026_11_29'));
    writeFileSync(join(folder, '..2026_11_29/hubs.yaml'), one);
    symlinkSync('..2026_11_29', join(folder, '..data'));
    symlinkSync('..data/hubs.yaml', file);
    const put = editor().put('two', allowed);
    await expect(put).rejects.toMatchObject({ kind: 'conflict', message: expect.stringMatching(/ConfigMap/) });
    expect(text()).toBe(one);
  });
});

describe('[MG-003] what is written', () => {
  test('has passed the whole validation, and no app server is called', async () => {
    writeFileSync(file, one);
    const { editor, used } = ofService();
    await editor.put('two', { eventHandlers: [{ urlTemplate: 'http://127.0.0.1:1/down' }] });
    expect(namesIn(text())).toEqual(['one', 'two']);
    const invalid = editor.put('three', { eventHandlers: [{ urlTemplate: 'http://{event}.host/' }] });
    await expect(invalid).rejects.toMatchObject({ kind: 'invalid' });
    expect([namesIn(text()), used.length]).toEqual([['one', 'two'], 1]);
  });

  test('[MG-004] is in use before the edit is done; nothing is put to use when nothing changes', async () => {
    writeFileSync(file, one);
    const { editor, used } = ofService();
    await editor.put('two', allowed);
    expect(used.map(({ source }) => source.text)).toEqual([text()]);
    const { ino } = statSync(file);
    await editor.put('TWO', allowed);
    await editor.delete('three');
    expect([used.length, statSync(file).ino]).toEqual([1, ino]);
  });
});

describe('[MG-009] nothing is written', () => {
  test.each([
    ['was edited by hand', one.replace('first', 'by hand')],
    ['is invalid', 'hubs: ['],
    ['was emptied', ''],
  ])('when the file %s since the service read it', async (_, content) => {
    writeFileSync(file, content);
    const { editor, used } = ofService();
    for (const edit of [editor.put('two', allowed), editor.put('one', {}), editor.delete('one'), editor.setAuth({})]) {
      const message = expect.stringContaining('differs from the configuration in use');
      await expect(edit).rejects.toMatchObject({ kind: 'conflict', message });
    }
    expect([text(), used]).toEqual([content, []]);
    expect((await editor.list()).map(({ name }) => name)).toEqual(['one']);
  });

  test('when the file is invalid and no service runs; the message has the line', async () => {
    writeFileSync(file, 'hubs:\n  one: { nonsense: 1 }\n');
    const message = expect.stringContaining(`${file}:2:10 hubs.one.nonsense: unknown key`);
    await expect(editor().put('two', {})).rejects.toMatchObject({ kind: 'conflict', message });
  });

  test('when the file is removed while the service uses it', async () => {
    const { editor } = ofService();
    await editor.put('two', allowed); // as without a file: what is in use is kept
    expect(text()).toBe(`${one}  two:\n    anonymousConnectPolicy: allow\n`);
    rmSync(file);
    expect(await editor.delete('three')).toBe(false);
    expect(existsSync(file)).toBe(false);
    expect(await editor.delete('two')).toBe(true);
    expect(text()).toBe(one);
  });

  test('when its folder cannot be written', async () => {
    writeFileSync(file, one);
    chmodSync(folder, 0o555);
    chmodSync(file, 0o644);
    const { lines } = await inProcess([file, ...(isRoot ? ['--user', '65534'] : []), 'two']);
    expect(lines).toEqual([
      `conflict ${file} cannot be written: permission denied; this process must be allowed to create files in its folder`,
    ]);
    expect(text()).toBe(one);
    chmodSync(folder, 0o755);
  });

  test('when its owner cannot be kept', async context => {
    if (!isRoot) notRun(context, 'only root can make a file that belongs to somebody else');
    writeFileSync(file, one);
    chmodSync(folder, 0o777);
    const { lines } = await inProcess([file, '--user', '65534', 'two']);
    expect(lines).toEqual([
      expect.stringMatching(/^conflict .*hubs\.yaml cannot be replaced: it belongs to 0:0, .*change its owner$/),
    ]);
    expect([text(), readdirSync(folder)]).toEqual([one, ['hubs.yaml']]);
  });

  test('when its file system is mounted read-only; the message names the file', async context => {
    writeFileSync(file, one);
    const inside = readOnlyMount(folder);
    if (!hasProgram('unshare', [...inside.slice(1, 3), 'true'])) notRun(context, 'needs unshare, of util-linux');
    const { lines } = await inProcess([file, 'two'], inside);
    if (/unshare|mount/.test(lines[0] ?? '') && !lines[0]?.startsWith('conflict')) {
      notRun(context, `a mount in a namespace of its own fails: ${lines[0]}`);
    }
    expect(lines).toEqual([
      `conflict ${file} cannot be written: its file system is read-only; mount it writable, or edit the file where it comes from`,
    ]);
    expect(text()).toBe(one);
  });

  test('when the file is a mount of its own, which cannot be renamed over', async context => {
    writeFileSync(file, one);
    const script = 'mount --bind "$0" "$0" && exec "$@"';
    const { lines } = await inProcess([file, 'two'], [...namespace, 'sh', '-c', script, file]);
    if (/unshare|mount:/.test(lines[0] ?? '') && !lines[0]?.startsWith('conflict')) {
      notRun(context, `a mount in a namespace of its own fails: ${lines[0]}`);
    }
    expect(lines).toEqual([
      `conflict ${file} cannot be written: it is a mount of its own; mount its folder in place of the file`,
    ]);
    expect([text(), existsSync(`${file}.lock`)]).toEqual([one, false]);
  });
});

const namespace = ['unshare', '--mount', ...(isRoot ? [] : ['--map-root-user'])];

/** A command that runs another one where the folder is mounted read-only, for root too. */
function readOnlyMount(path: string): readonly string[] {
  return [...namespace, 'sh', '-c', 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', path];
}

describe('[MG-011] two writes at once', () => {
  test('of one editor are both in the file', async () => {
    writeFileSync(file, one);
    const { editor, used } = ofService();
    await Promise.all([editor.put('two', allowed), editor.put('three', allowed), editor.delete('one')]);
    expect(namesIn(text())).toEqual(['two', 'three']);
    expect(used).toHaveLength(3);
  });

  test('of two editors in one process are both in the file', async () => {
    writeFileSync(file, one);
    const names = Array.from({ length: 20 }, (_, index) => `hub${index}`);
    const editors = [editor(), editor()];
    await Promise.all(names.map((name, index) => editors[index % 2]?.put(name, allowed)));
    expect(namesIn(text()).sort()).toEqual(['one', ...names].sort());
  });

  test('of two processes are all in the file', async () => {
    writeFileSync(file, one);
    const groups = ['a', 'b'].map(letter => Array.from({ length: 8 }, (_, index) => `${letter}${index}`));
    const results = await Promise.all(groups.map(names => inProcess([file, ...names])));
    expect(results.map(({ lines }) => lines)).toEqual(groups.map(names => names.map(name => `put ${name}`)));
    expect(namesIn(text()).sort()).toEqual(['one', ...groups.flat()].sort());
    expect(text().startsWith(one)).toBe(true);
    expect(readdirSync(folder)).toEqual(['hubs.yaml']);
  });

  test('that create the file are both in it', async () => {
    const results = await Promise.all(['a', 'b'].map(name => inProcess([file, name])));
    expect(results.map(({ lines }) => lines)).toEqual([['put a'], ['put b']]);
    expect(namesIn(text()).sort()).toEqual(['a', 'b']);
  });
});

test('[MG-013] while the service runs without a file, the first put creates it, and the second edits it', async () => {
  const { editor, used } = ofService('hubs: {}');
  await editor.put('one', {});
  const created = '# yaml-language-server: $schema=./node_modules/hubwire/hubs.schema.json\nhubs:\n  one: {}\n';
  expect([text(), used.length, statSync(file).mode & 0o111]).toEqual([created, 1, 0]);
  await editor.put('two', allowed);
  expect(text()).toBe(`${created}  two:\n    anonymousConnectPolicy: allow\n`);
});

test('[MG-013] without its folder there is no file, and the message says so', async () => {
  file = join(folder, 'gone/hubs.yaml');
  const message = expect.stringContaining('its folder does not exist; create it');
  await expect(editor().put('one', {})).rejects.toMatchObject({ kind: 'conflict', message });
  expect(existsSync(dirname(file))).toBe(false);
});
