import { PubSubError } from '../../errors.js';
import type { ConfigProblem } from '../problems.js';
import type { StoredHubSettings } from './stored-hub.js';

export interface HubProblem {
  readonly path: string;
  readonly reason: string;
}

/** What a hub is changed into. */
export interface HubChange {
  readonly settings: StoredHubSettings;
  /** Found by the caller: they are reported with those of the settings, and nothing is written. */
  readonly problems?: readonly HubProblem[];
}

/** Settings of a hub that cannot be used. */
export class InvalidHubError extends PubSubError {
  constructor(
    hub: string,
    /** `path` is that within the hub, such as `eventHandlers[0].urlTemplate`; `reason` as for the file. */
    readonly problems: readonly HubProblem[],
  ) {
    const lines = problems.map(({ path, reason }) => (path === '' ? reason : `${path}: ${reason}`));
    super('invalid', `hub ${hub}: ${lines.join('\n')}`);
  }
}

/** `prefix` is the path of the hub. */
export function problemsWithin(problems: readonly ConfigProblem[], prefix: string): HubProblem[] {
  return problems.map(({ path, reason }) => {
    const inner = path.startsWith(prefix) ? path.slice(prefix.length).replace(/^\./, '') : path;
    return { path: inner, reason };
  });
}
