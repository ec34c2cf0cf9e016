import type { ClusterObserver } from './observer.js';
import type { StoredLease } from './store.js';

/** Do the nodes run the same configuration? A difference is told once it lasts: a reload takes its time to reach all. [CL-110] */
export class ConfigWatch {
  readonly #leaseMs: number;
  readonly #observer: Pick<ClusterObserver, 'configs' | 'configsDiffer'>;
  /** Undefined: there is none. */
  #difference: { readonly key: string; readonly sinceMs: number; isTold: boolean } | undefined;

  constructor(leaseMs: number, observer: Pick<ClusterObserver, 'configs' | 'configsDiffer'>) {
    this.#leaseMs = leaseMs;
    this.#observer = observer;
  }

  /** @param leases all that are stored @param nowMs monotonic */
  scanned(leases: readonly StoredLease[], nowMs: number): void {
    const live = leases.filter(({ value }) => value.state !== 'claimed');
    const names = new Map<string, string[]>();
    for (const { tag, value } of live) {
      const name = `${value.name} (${tag})`;
      names.set(value.digest, [...(names.get(value.digest) ?? []), name]);
    }
    this.#observer.configs(names.size);
    const groups = [...names.values()].map(group => group.toSorted()).toSorted(byFirst);
    this.#note(groups, nowMs);
  }

  #note(groups: readonly (readonly string[])[], nowMs: number): void {
    const key = JSON.stringify(groups);
    if (groups.length < 2) this.#difference = undefined;
    else if (this.#difference?.key !== key) this.#difference = { key, sinceMs: nowMs, isTold: false };
    const difference = this.#difference;
    if (difference === undefined || difference.isTold || nowMs - difference.sinceMs < this.#leaseMs) return;
    difference.isTold = true;
    this.#observer.configsDiffer(groups);
  }
}

function byFirst(one: readonly string[], other: readonly string[]): number {
  return (one[0] ?? '') < (other[0] ?? '') ? -1 : 1;
}
