import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { repository } from '../support/doc-pages.js';
import { program } from '../support/hubwire-process.js';
import { programFiles } from '../support/source-files.js';

/** What the built service does not contain: all but `ws` is loaded when a configuration needs it. */
const loadedFromPackages = ['@aws-sdk/client-lambda', '@aws-sdk/client-sqs', '@azure/identity', 'lmdb', 'ws'];
/** What one of its packages uses if it is installed, for a command that the service does not send. */
const neverLoaded = ['@node-rs/xxhash'];

test('the built service contains the packages that it uses, but for those that are listed', async () => {
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: ['dist/main.js', 'dist/lib/check-file.js'],
    outdir: 'out',
    write: false,
    metafile: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  const imports = Object.values(metafile.inputs).flatMap(file => file.imports);
  const packages = imports.filter(({ external, path }) => external === true && !isBuiltin(path));
  const names = new Set(packages.map(({ path }) => path).filter(name => !neverLoaded.includes(name)));
  expect([...names].sort()).toEqual(loadedFromPackages);
});

test('a package that is loaded when it is needed is not in it, or one of our modules imports it: names of CommonJS are lost otherwise', () => {
  const dynamic = programFiles().flatMap(({ path, text }) =>
    Array.from(text.matchAll(/\bimport\('([^.'][^']*)'\)/g), ([, name = '']) => ({ path, name })),
  );
  expect(dynamic.length).toBeGreaterThan(2);
  expect(dynamic.filter(({ name }) => !isBuiltin(name) && !loadedFromPackages.includes(name))).toEqual([]);
});

test('the licences of all packages in it are with it', async () => {
  const { dependencies } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  const named = (await readFile(join(repository, 'dist/LICENSES.txt'), 'utf8')).matchAll(/^(\S+) \d\S+ \(\S.*\)$/gm);
  const licensed = new Set(Array.from(named, ([, name]) => name));
  const contained = Object.keys(dependencies).filter(name => !loadedFromPackages.includes(name));
  expect(contained.filter(name => !licensed.has(name))).toEqual([]);
});

describe('under another version of Node.js', () => {
  /** Runs `hubwire --version` in a process whose Node.js names another version of itself. */
  async function versionUnder(node: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const pretence = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });`;
    const preload = `data:text/javascript,${encodeURIComponent(pretence)}`;
    const run = promisify(execFile)(process.execPath, ['--import', preload, program, '--version']);
    return await run.then(
      output => ({ code: 0, ...output }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );
  }

  test.each(['16.20.2', '18.20.8', '20.18.3'])('%s: one line says which one is needed', async node => {
    const stderr = `hubwire: Node.js 20.19 or newer is needed, and this is ${node}: ${process.execPath}\n`;
    expect(await versionUnder(node)).toEqual({ code: 1, stdout: '', stderr });
  });

  test.each(['20.19.0', '22.0.0', '24.1.0'])('%s is new enough', async node => {
    expect(await versionUnder(node)).toMatchObject({ code: 0, stderr: '' });
  });
});
