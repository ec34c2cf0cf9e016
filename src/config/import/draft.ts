import type { Path } from '../problems.js';
import type { AppSettings } from '../schema/hubs-file.js';

/** What of a hubs.yaml was read from a peer's file. Not validated yet, and what is undefined is left out. */
export interface Draft {
  readonly apps: readonly DraftApp[];
  readonly webhooks: object | undefined;
  readonly queue: object | undefined;
  /** Settings that have no equal, or one elsewhere. */
  readonly unmatched: readonly Unmatched[];
}

/** As in the file: checked when the whole block is. */
export type DraftApp = { readonly [key in keyof AppSettings]?: unknown };

export interface Unmatched {
  /** In the peer's file. */
  readonly path: Path;
  /** What to do, or what there is instead; undefined: nothing. */
  readonly advice: string | undefined;
}

/** Without what is undefined; undefined when nothing is left. */
export function filled<T extends object>(values: T): T | undefined {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}
