import { createHash } from 'node:crypto';
import type { KV } from '@nats-io/kv';
import { type Clock, wait } from '../clock.js';

/** Until a worker whose claim has not been renewed counts as gone. Each renews its own three times in that time. */
const goneMs = 3_000;
const renewMs = 1_000;
const lookMs = 200;

export interface SharedResult<T> {
  readonly value: T;
  /** Since it was found out, wherever that was. */
  readonly ageMs: number;
}

export interface SharedResultsParts {
  readonly clock: Clock;
  /** Where results are kept; undefined while NATS is away. */
  readonly values: () => Promise<KV | undefined>;
  /** Of this node as of now: one that is fenced begins again under another. */
  tag(): string;
}

/** What is stored under a key: somebody is at work, or the result with its wall-clock time. */
type Stored =
  | { readonly state: 'working'; readonly by: string; readonly atMs: number }
  | { readonly state: 'done'; readonly value: unknown; readonly atMs: number };

interface Found {
  readonly stored: Stored | undefined;
  readonly revision: number;
}

/**
 * Work whose result is of use to all nodes: one does it, the others wait and take the result. Where NATS is away, or whoever was
 * at work is gone, a node does it itself. Old servers may let two begin at the same moment: both then do it.
 */
export class SharedResults {
  readonly #parts: SharedResultsParts;

  constructor(parts: SharedResultsParts) {
    this.#parts = parts;
  }

  /**
   * @param subject what the work is about, of any length
   * @param isUsable may be called with anything: others write there too
   */
  async get<T>(
    subject: string,
    work: () => Promise<T>,
    isUsable: (value: unknown, ageMs: number) => value is T,
  ): Promise<SharedResult<T>> {
    const key = createHash('sha256').update(subject).digest('base64url');
    try {
      const taken = await this.#takeOrClaim(key, isUsable);
      if ('value' in taken) return taken;
      return await this.#workFor(taken.values, key, taken.revision, work);
    } catch (error) {
      if (error instanceof WorkFailed) throw error.cause;
      return { value: await work(), ageMs: 0 };
    }
  }

  // --------------------------------------------------------------------------------------------------- the others

  /** The result of another node; or the claim, when it is for this one to do. @throws when NATS is away */
  async #takeOrClaim<T>(
    key: string,
    isUsable: (value: unknown, ageMs: number) => value is T,
  ): Promise<SharedResult<T> | { readonly values: KV; readonly revision: number }> {
    const { clock } = this.#parts;
    let seen = { revision: -1, sinceMs: 0 };
    for (;;) {
      const values = await this.#parts.values();
      if (values === undefined) throw new Error('NATS is away');
      const { stored, revision } = await find(values, key);
      const ageMs = stored === undefined ? 0 : clock.now() - stored.atMs;
      if (stored?.state === 'done' && isRecent(ageMs) && isUsable(stored.value, ageMs)) {
        return { value: stored.value, ageMs: Math.max(0, ageMs) };
      }
      if (revision !== seen.revision) seen = { revision, sinceMs: clock.monotonicMs() };
      const isAtWork = stored?.state === 'working' && clock.monotonicMs() - seen.sinceMs < goneMs;
      if (!isAtWork) {
        const claimed = await this.#claim(values, key, revision);
        if (claimed !== undefined) return { values, revision: claimed };
      }
      await wait(lookMs, clock);
    }
  }

  /** Its revision; undefined when somebody else was faster. */
  async #claim(values: KV, key: string, revision: number): Promise<number | undefined> {
    try {
      const text = this.#claimText;
      const claimed = await (revision === 0 ? values.create(key, text) : values.update(key, text, revision));
      return (await find(values, key)).revision === claimed ? claimed : undefined;
    } catch {
      return undefined; // what is stored then says whose it is
    }
  }

  get #claimText(): string {
    const { clock, tag } = this.#parts;
    return JSON.stringify({ state: 'working', by: tag(), atMs: clock.now() } satisfies Stored);
  }

  // ----------------------------------------------------------------------------------------------------- the work

  async #workFor<T>(values: KV, key: string, claimed: number, work: () => Promise<T>): Promise<SharedResult<T>> {
    const { clock } = this.#parts;
    let revision = claimed;
    let renewal: Promise<void> = Promise.resolve();
    let cancel = () => {};
    const renewLater = () => {
      cancel = clock.after(renewMs, () => {
        renewal = values.update(key, this.#claimText, revision).then(
          renewed => {
            revision = renewed;
            renewLater();
          },
          () => {}, // somebody has taken it over, or NATS is away: the work is done all the same
        );
      });
    };
    renewLater();
    try {
      const value = await work().catch(cause => {
        throw new WorkFailed(cause);
      });
      cancel();
      await renewal;
      cancel();
      const done = JSON.stringify({ state: 'done', value, atMs: clock.now() } satisfies Stored);
      await values.update(key, done, revision).catch(() => {}); // then others do it themselves
      return { value, ageMs: 0 };
    } finally {
      cancel();
    }
  }
}

/** The work itself failed, which is not to be taken for NATS being away. */
class WorkFailed extends Error {
  constructor(override readonly cause: unknown) {
    super('the work failed');
  }
}

/** Clocks of nodes differ a little; a result of the future is one of a wrong clock. */
function isRecent(ageMs: number): boolean {
  return ageMs > -5_000;
}

/** What is not ours is as if there were nothing, and is replaced. */
async function find(values: KV, key: string): Promise<Found> {
  const entry = await values.get(key);
  if (entry === null) return { stored: undefined, revision: 0 };
  return { stored: entry.operation === 'PUT' ? read(entry.string()) : undefined, revision: entry.revision };
}

function read(text: string): Stored | undefined {
  try {
    const { state, atMs } = JSON.parse(text) as Partial<Stored>;
    return (state === 'working' || state === 'done') && typeof atMs === 'number' ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
