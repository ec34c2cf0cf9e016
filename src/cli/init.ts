import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PubSubError } from '../errors.js';
import { commandLine } from './invocation.js';
import type { Environment } from './settings.js';

const templates = fileURLToPath(new URL('../../templates', import.meta.url));
const files = ['hubs.yaml', 'app.mjs'];
const packagesOfApp = 'express @azure/web-pubsub @azure/web-pubsub-express';

/** Writes a hubs.yaml and an app to start from, and prints what to do next. @throws PubSubError `invalid` when one exists */
export async function init(folder: string, env: Environment): Promise<void> {
  const existing = files.map(name => join(folder, name)).filter(path => existsSync(path));
  if (existing.length > 0) {
    const are = existing.length === 1 ? `${existing[0]} exists` : `${existing.join(' and ')} exist`;
    throw new PubSubError(
      'invalid',
      `${are} already, and nothing was written; choose another folder: hubwire init FOLDER`,
    );
  }
  await writing(folder, () => mkdir(folder, { recursive: true }));
  for (const name of files) {
    const text = forFolder(await readFile(join(templates, name), 'utf8'), folder);
    const path = join(folder, name);
    await writing(path, () => writeFile(path, text, { flag: 'wx' }));
  }
  process.stdout.write(`${nextSteps(folder, env).join('\n')}\n`);
}

/** @throws as a rejection: PubSubError `invalid` for a folder that this user may not write */
async function writing(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new PubSubError(
      'invalid',
      `${path} cannot be written (${code}); choose another folder: hubwire init FOLDER`,
      {
        cause,
      },
    );
  }
}

/** Editors find the schema only where hubwire is installed in the folder itself. */
function forFolder(text: string, folder: string): string {
  const hasSchema = existsSync(join(folder, 'node_modules/hubwire/hubs.schema.json'));
  return hasSchema ? text : text.replace(/^# yaml-language-server:.*\n/, '');
}

function nextSteps(folder: string, env: Environment): readonly string[] {
  const there = relative(process.cwd(), folder);
  return [
    `wrote ${files.map(name => join(folder, name)).join(' and ')}`,
    'next:',
    ...(there === '' ? [] : [`  cd ${there}`]),
    `  npm install ${packagesOfApp}`,
    '  node app.mjs',
    `  ${commandLine('start', env)}    # in another terminal`,
    'then open http://localhost:3000 in two tabs',
  ];
}
