import { existsSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { keptFolder, oncePer, tool } from '../support/installs.js';

/** The repositories whose suites are run; `sign` is a file or folder that a package of the registry does not have. */
const repositories = {
  'pusher-js': { package: 'pusher-js', sign: 'spec/config/jasmine/integration.json' },
  'pusher-http-node': { package: 'pusher', sign: 'tests/remote' },
} as const;
export type Repository = keyof typeof repositories;

/** A working copy that a person has. */
export interface Checkout {
  readonly folder: string;
  readonly version: string;
}

/** The checkout at `path`, or in a folder of its name there. @throws when there is none, with what to do */
export async function findCheckout(repository: Repository, path: string): Promise<Checkout> {
  const { package: name, sign } = repositories[repository];
  for (const folder of [resolve(path), resolve(path, repository)]) {
    if (!existsSync(join(folder, 'package.json')) || !existsSync(join(folder, sign))) continue;
    const manifest = await readJson<{ name?: string; version?: string }>(join(folder, 'package.json'));
    if (manifest.name === name) return { folder, version: manifest.version ?? 'of unknown version' };
  }
  throw new Error(
    `there is no checkout of ${repository}: git clone https://github.com/pusher/${repository} ${join(path, repository)}`,
  );
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

/** What the person has stays as it is: packages are installed, and specs are built, in a copy. */
async function copyOf(folder: string, copy: string): Promise<void> {
  const isLeftOut = (path: string) => /^(?:\.git|tmp|.*node_modules)$/.test(relative(folder, path));
  for (const part of ['src', 'spec', 'lib', 'tests']) await rm(join(copy, part), { recursive: true, force: true });
  await cp(folder, copy, { recursive: true, filter: path => !isLeftOut(path) });
}

const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];

/** Installs what the lock file names, once for each content of it. */
async function installLocked(folder: string): Promise<void> {
  const lock = join(folder, 'package-lock.json');
  await oncePer(join(folder, '.installed'), [lock], () => tool('npm', ['ci', ...quiet], folder));
}

/** Makes the suites ready to run. @returns their folder. @throws when a package is not to be had */
export async function prepareHttpNode({ folder }: Checkout): Promise<string> {
  const copy = await keptFolder('pusher', 'http-node');
  await copyOf(folder, copy);
  await installLocked(copy);
  return copy;
}

/** What the suite for Node needs. Two other packages of the manifest are not in the npm registry. [pusher-webhooks 9.2] */
const packagesOfPusherJs = [
  '@react-native-community/netinfo',
  '@stablelib/base64',
  '@stablelib/utf8',
  '@types/express-serve-static-core',
  '@types/node',
  'faye-websocket',
  'jasmine',
  'jasmine-spec-reporter',
  'source-map-loader',
  'ts-loader',
  'tweetnacl',
  'typescript',
  'webpack',
  'webpack-cli',
  'webpack-merge',
  'xmlhttprequest',
] as const;

/** Suites that are ready to run. */
export interface PusherJs {
  readonly folder: string;
  readonly jasmine: string;
  /** The server that authorises and triggers, on ports 3000 and 3001. */
  readonly helper: string;
}

/** @throws when a package is not to be had, or the specs cannot be built */
export async function preparePusherJs({ folder }: Checkout): Promise<PusherJs> {
  const home = await keptFolder('pusher', 'js');
  const copy = join(home, 'checkout'); // its packages are in the folder above, so that its manifest is not read
  await copyOf(folder, copy);
  await installNeeded(home, join(folder, 'package-lock.json'));
  const helper = join(copy, 'integration_tests_server');
  await installLocked(helper);
  const bin = join(home, 'node_modules/.bin');
  await tool(join(bin, 'webpack'), ['--config=spec/config/jasmine/webpack.integration.js'], copy);
  return { folder: copy, jasmine: join(bin, 'jasmine'), helper };
}

async function installNeeded(home: string, lockFile: string): Promise<void> {
  const { packages } = await readJson<{ packages: Record<string, { version?: string }> }>(lockFile);
  const versions = packagesOfPusherJs.map(name => [name, packages[`node_modules/${name}`]?.version ?? '*']);
  const manifest = join(home, 'package.json');
  await writeFile(manifest, JSON.stringify({ private: true, dependencies: Object.fromEntries(versions) }));
  await oncePer(join(home, '.installed'), [manifest], () =>
    tool('npm', ['install', '--no-package-lock', '--legacy-peer-deps', ...quiet], home),
  );
}
