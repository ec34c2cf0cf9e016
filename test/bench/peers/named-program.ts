/** Programs that are on some machines only, at the path that an environment variable has. */
import { statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Stage } from '../servers/stage.js';

export function isNamed(variable: string): boolean {
  return Boolean(process.env[variable]);
}

/** @throws Error when there is no such file */
export function pathNamed(variable: string): string {
  const path = resolve(process.env[variable] ?? '');
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new Error(`${variable} names no file: ${path}`);
}

/** Path of a JSON file with these settings, which is gone with the stage. */
export function settingsFile(stage: Stage, settings: object): string {
  const file = join(stage.folder(), 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  return file;
}
