import { createHmac } from 'node:crypto';
import type { Config } from './config.js';

/** Of each configuration that is in use: the digest, and the key that it was made with. */
const known = new WeakMap<Config, { readonly key: string; readonly digest: string }>();

/**
 * The same for two nodes that run the same configuration with the same primary key: settings in any order, comments aside, variables
 * filled in. It tells nothing of the secrets in it to whoever lacks the key. 16 hex digits. [CL-110]
 */
export function configDigest(config: Config, primaryKey: string): string {
  const made = known.get(config);
  if (made?.key === primaryKey) return made.digest;
  const tree = sorted(config.source.tree);
  const digest = createHmac('sha256', primaryKey).update('config\0').update(tree).digest('hex').slice(0, 16);
  known.set(config, { key: primaryKey, digest });
  return digest;
}

/** JSON with the keys of every object in order. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
