import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { syncHook } from './hooks.js';

/**
 * `İ`: of all characters only this one has more UTF-16 units in lower case. A router that ignores letter case compares the
 * path in lower case, and would look one unit too early for what follows a name with it.
 */
const growing = /%c4%b0/i;

/** What was rewritten for the router. */
const targets = new WeakMap<IncomingMessage, string>();

/**
 * The target for a router that ignores letter case. The names of a path with an `İ` are encoded once more, so that the router
 * leaves them encoded; the hook of `restoreNames` decodes them.
 */
export function routable(request: IncomingMessage, target: string): string {
  if (!growing.test(target)) return target; // nearly always; hot path
  const end = target.search(/[?#]/);
  const path = end < 0 ? target : target.slice(0, end);
  if (!growing.test(path) || !isDecodable(path)) return target;
  targets.set(request, target);
  return path.replaceAll('%', '%25') + target.slice(path.length);
}

/** Adds the hook, which has to be the first: it gives a request its own target back, and decodes the names in its path. */
export function restoreNames(app: FastifyInstance): void {
  app.addHook(
    'onRequest',
    syncHook(({ raw, params }) => {
      const target = targets.get(raw);
      if (target === undefined) return;
      raw.url = target;
      const names = params as Record<string, string>;
      for (const [name, value] of Object.entries(names)) names[name] = decodeURIComponent(value);
    }),
  );
}

/** If not, the router refuses it. */
function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
