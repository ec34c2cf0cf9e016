import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PubSubError } from '../errors.js';
import { makeFolder } from '../folders.js';
import { commandLine, shellWord } from './invocation.js';
import type { Environment } from './settings.js';

const templates = fileURLToPath(new URL('../../templates', import.meta.url));
const files = ['hubs.yaml', 'app.mjs'];
const packagesOfApp = 'express @azure/web-pubsub @azure/web-pubsub-express';
const schema = 'node_modules/hubwire/hubs.schema.json';

/** Without one, npm would install into the next folder above that has one. */
const packageJson = `${JSON.stringify({ private: true, type: 'module' }, null, 2)}\n`;

/** Writes a hubs.yaml and an app to start from, and prints what to do next. @throws PubSubError `invalid` when one exists */
export async function init(folder: string, env: Environment): Promise<void> {
  const existing = files.map(name => join(folder, name)).filter(path => existsSync(path));
  if (existing.length > 0) {
    const are = existing.length === 1 ? `${existing[0]} exists` : `${existing.join(' and ')} exist`;
    const other = commandLine(`init ${freeFolder()}`, env);
    throw new PubSubError('invalid', `${are} already, and nothing was written; choose another folder: ${other}`);
  }
  await writing(folder, env, async () => makeFolder(folder));
  const written = new Map<string, string>();
  for (const name of files) written.set(name, forFolder(await readFile(join(templates, name), 'utf8'), folder));
  if (!existsSync(join(folder, 'package.json'))) written.set('package.json', packageJson);
  for (const [name, text] of written) {
    const path = join(folder, name);
    await writing(path, env, () => writeFile(path, text, { flag: 'wx' }));
  }
  process.stdout.write(`${nextSteps(folder, [...written.keys()], env).join('\n')}\n`);
}

/** One that is not there yet. */
function freeFolder(): string {
  let name = 'my-app';
  for (let count = 2; existsSync(name); count += 1) name = `my-app-${count}`;
  return name;
}

/** @throws as a rejection: PubSubError `invalid` for a folder that this user may not write */
async function writing(path: string, env: Environment, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const other = commandLine('init FOLDER', env);
    throw new PubSubError('invalid', `${path} cannot be written (${code}); choose another folder: ${other}`, { cause });
  }
}

/** Editors need a path to the schema from the folder: there is one where hubwire is installed in it, or above it. */
function forFolder(text: string, folder: string): string {
  const path = schemaFrom(resolve(folder));
  return path === undefined
    ? text.replace(/^# yaml-language-server:.*\n/, '')
    : text.replace(`./${schema}`, path.startsWith('..') ? path : `./${path}`);
}

function schemaFrom(folder: string): string | undefined {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, schema))) return relative(folder, join(above, schema)).split(sep).join('/');
    if (above === dirname(above)) return undefined;
  }
}

function nextSteps(folder: string, written: readonly string[], env: Environment): readonly string[] {
  const there = relative(process.cwd(), folder);
  const change = there === '' ? [] : [`  cd ${shellWord(there)}`];
  const paths = written.map(name => join(folder, name));
  return [
    `wrote ${paths.slice(0, -1).join(', ')} and ${paths.at(-1)}`,
    'next:',
    ...change,
    `  npm install ${packagesOfApp}`,
    '  node app.mjs',
    'and in another terminal:',
    ...change,
    `  ${commandLine('start', env, { folder })}`,
    'then open http://localhost:3000 in two tabs',
  ];
}
