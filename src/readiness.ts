/** What the service is doing with clients. */
export type ServiceState = 'starting' | 'ready' | 'paused' | 'draining';

/** The one state that probes report and that decides whether clients are admitted. [design 5] */
export class Readiness {
  #state: ServiceState = 'starting';

  get state(): ServiceState {
    return this.#state;
  }

  /** Are clients admitted? */
  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Clients are admitted from now on, unless the service is stopping already. */
  open(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  /** New clients are refused until `resume`: the node is not sure that it is one of its cluster. [cluster 6.2] */
  pause(): void {
    if (this.#state === 'ready') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'ready';
  }

  /** New clients are refused from now on. */
  drain(): void {
    this.#state = 'draining';
  }
}
