import { basename, relative } from 'node:path';
import type { Environment } from './settings.js';

interface Place {
  /** What runs now. */
  readonly script?: string;
  /** Where the line will be typed; default: the working directory. */
  readonly folder?: string;
}

/**
 * The line that runs hubwire with these arguments, in the way in which it was run now: through `npm start`, `npx`, from a
 * checkout or as an installed command.
 */
export function commandLine(args: string, env: Environment, place: Place = {}): string {
  const { script = process.argv[1] ?? '', folder = '.' } = place;
  if (env.npm_lifecycle_event === 'start' && isStart(args))
    return `npm start -- ${args.replace(/^start ?/, '')}`.trim();
  if (env.npm_command === 'exec') return `npx hubwire ${args}`;
  if (basename(script) === 'main.js') return `node ${shellWord(shortPath(script, folder))} ${args}`;
  return `hubwire ${args}`;
}

/** A path or value as one word of a command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** From `folder` when it is below the working directory, absolute otherwise. */
export function shortPath(path: string, folder = '.'): string {
  return relative(process.cwd(), path).startsWith('..') ? path : relative(folder, path);
}

function isStart(args: string): boolean {
  return args === 'start' || args.startsWith('start ');
}
