import { basename, relative } from 'node:path';
import type { Environment } from './settings.js';

/**
 * The line that runs hubwire with these arguments, in the way in which it was run now: through `npm start`, `npx`, from a
 * checkout or as an installed command.
 */
export function commandLine(args: string, env: Environment, script = process.argv[1] ?? ''): string {
  if (env.npm_lifecycle_event === 'start' && isStart(args))
    return `npm start -- ${args.replace(/^start ?/, '')}`.trim();
  if (env.npm_command === 'exec') return `npx hubwire ${args}`;
  if (basename(script) === 'main.js') return `node ${shortPath(script)} ${args}`;
  return `hubwire ${args}`;
}

/** From here when it is below, absolute otherwise. */
export function shortPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith('..') ? path : below;
}

function isStart(args: string): boolean {
  return args === 'start' || args.startsWith('start ');
}
