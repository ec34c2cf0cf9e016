import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../clock.js';
import type { Signer } from './frame.js';

/** Access keys of the service, as they are now. */
export interface SigningKeys {
  readonly primary: string;
  readonly secondary: string | undefined;
}

const purpose = 'hubwire bus 1';

/**
 * After a change of the primary key: how long a node goes on to sign with the former one, as the others may not have read the new
 * one (which they have if it was the secondary one), and how long it accepts the former one, as the others may still sign with it.
 * Key files are read every 5 s.
 */
const signsFormerMs = 15_000;
const acceptsFormerMs = 60_000;

/** Keys whose derived ones are remembered. */
const mostDerived = 10;

interface Former {
  readonly primary: string;
  readonly changedMs: number;
  /** The one after it was the secondary one then. */
  readonly wasAnnounced: boolean;
}

/**
 * Signs with a key that is derived from the primary access key, and accepts one of the secondary. Nodes that share their keys need not
 * get a changed one at the same moment. [cluster 10]
 */
export class KeySigner implements Signer {
  readonly #keys: SigningKeys;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #known: SigningKeys;
  /** Those that are accepted still, the oldest first. */
  #former: readonly Former[] = [];
  /** By access key. */
  readonly #derived = new Map<string, Buffer>();

  /** @param keys read for each envelope */
  constructor(keys: SigningKeys, clock: Pick<Clock, 'monotonicMs'>) {
    this.#keys = keys;
    this.#clock = clock;
    this.#known = { primary: keys.primary, secondary: keys.secondary }; // `keys` may have getters
  }

  sign(bytes: Uint8Array): Buffer {
    this.#learn();
    const sinceMs = this.#clock.monotonicMs() - signsFormerMs;
    const former = this.#former.find(({ changedMs, wasAnnounced }) => changedMs > sinceMs && !wasAnnounced);
    return this.#mac(former?.primary ?? this.#known.primary, bytes);
  }

  accepts(bytes: Uint8Array, mac: Uint8Array): boolean {
    this.#learn();
    const former = this.#former.map(({ primary }) => primary);
    const accepted = [this.#known.primary, this.#known.secondary, ...former].filter(key => key !== undefined);
    return accepted.some(key => timingSafeEqual(this.#mac(key, bytes), mac));
  }

  /** The keys as they are now, and those that were before. */
  #learn(): void {
    const nowMs = this.#clock.monotonicMs();
    const [oldest] = this.#former;
    if (oldest !== undefined && nowMs - oldest.changedMs >= acceptsFormerMs) this.#former = this.#former.slice(1);
    const { primary, secondary } = this.#keys;
    const known = this.#known;
    if (primary === known.primary && secondary === known.secondary) return;
    if (primary !== known.primary) {
      const wasAnnounced = primary === known.secondary;
      this.#former = [...this.#former, { primary: known.primary, changedMs: nowMs, wasAnnounced }];
    }
    this.#known = { primary, secondary };
  }

  #mac(accessKey: string, bytes: Uint8Array): Buffer {
    return createHmac('sha256', this.#derive(accessKey)).update(bytes).digest();
  }

  #derive(accessKey: string): Buffer {
    const known = this.#derived.get(accessKey);
    if (known !== undefined) return known;
    if (this.#derived.size >= mostDerived) this.#derived.clear();
    const derived = createHmac('sha256', accessKey).update(purpose).digest();
    this.#derived.set(accessKey, derived);
    return derived;
  }
}
