/** What the service is doing with clients. */
export type ServiceState = 'starting' | 'ready' | 'paused' | 'excluded' | 'draining';

const reasons = {
  starting: 'the service starts',
  paused: 'paused: this node cannot renew its lease in NATS, or was replaced',
  excluded:
    'this node may not subscribe in NATS to what other nodes send, or not publish what they have to know of it; the log says what to permit',
  draining: 'the service stops',
};

/** The one state that probes report and that decides whether clients are admitted. [design 5] */
export class Readiness {
  #isOpened = false;
  #isPaused = false;
  #isExcluded = false;
  #isDraining = false;
  /** Called after `isReady` has changed. */
  onChanged = () => {};
  /** By what waits, while the service starts. */
  readonly #waits = new Map<string, string>();

  get state(): ServiceState {
    if (this.#isDraining) return 'draining';
    if (!this.#isOpened) return 'starting';
    if (this.#isPaused) return 'paused';
    return this.#isExcluded ? 'excluded' : 'ready';
  }

  /** Are clients admitted? */
  get isReady(): boolean {
    return this.state === 'ready';
  }

  /** For people; undefined: they are admitted. */
  get whyNot(): string | undefined {
    const { state } = this;
    if (state === 'ready') return undefined;
    const [wait] = state === 'starting' ? this.#waits.values() : [];
    return wait ?? (this.#isExcluded && state === 'starting' ? reasons.excluded : reasons[state]);
  }

  /** What a start waits for. @param who waits @param reason for people, as `waiting for …`; undefined: no more */
  wait(who: string, reason: string | undefined): void {
    if (reason === undefined) this.#waits.delete(who);
    else this.#waits.set(who, reason);
  }

  /** Clients are admitted from now on, unless the service is paused, or stopping already. */
  open(): void {
    this.#change(() => {
      this.#isOpened = true;
    });
  }

  /** New clients are refused until `resume`: the node is not sure that it is one of its cluster. [cluster 6.2] */
  pause(): void {
    this.#change(() => {
      this.#isPaused = true;
    });
  }

  resume(): void {
    this.#change(() => {
      this.#isPaused = false;
    });
  }

  /** New clients are refused while it is: other nodes would not reach them, or they would not reach other nodes' clients. [CL-034] */
  exclude(isExcluded: boolean): void {
    this.#change(() => {
      this.#isExcluded = isExcluded;
    });
  }

  /** New clients are refused from now on. */
  drain(): void {
    this.#change(() => {
      this.#isDraining = true;
    });
  }

  #change(change: () => void): void {
    const before = this.isReady;
    change();
    if (this.isReady !== before) this.onChanged();
  }
}
