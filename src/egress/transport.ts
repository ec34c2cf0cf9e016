import type { Clock } from '../clock.js';
import type { AddressGuard } from './connector.js';
import { Destination, type OutgoingRequest } from './destination.js';
import type { Answer, Bounds } from './exchange.js';
import { defaultConnectsInFlight, defaultMaxConcurrent, type RequestLimits } from './lanes.js';
import { noProxies, Proxies, type ProxySettings } from './proxy.js';

export interface TransportOptions {
  readonly clock: Clock;
  readonly proxies?: ProxySettings | undefined;
  /** Addresses that requests may be sent to; undefined: all. It decides when a socket is opened: see `renewSockets`. */
  readonly guard?: AddressGuard | undefined;
}

/** HTTP to upstreams: one destination per origin, with its sockets, its bound on requests and its proxy. [upstream-events 7.4] */
export class Transport {
  readonly #clock: Clock;
  readonly #proxies: Proxies;
  readonly #guard: AddressGuard | undefined;
  readonly #destinations = new Map<string, Destination>();
  readonly #closing = new Set<Promise<void>>();
  #limits: RequestLimits = { requests: defaultMaxConcurrent, connects: defaultConnectsInFlight };
  #localAddress: string | undefined;
  #isClosed = false;

  constructor({ clock, proxies = noProxies, guard }: TransportOptions) {
    this.#clock = clock;
    this.#proxies = new Proxies(proxies);
    this.#guard = guard;
  }

  /** One attempt: no redirects, no decompression. Failures are answers; this never rejects. */
  send(request: OutgoingRequest, bounds: Bounds): Promise<Answer> {
    return this.sendThen(request, bounds, answer => answer);
  }

  /**
   * As `send`. Hot path: a promise less than `send(…).then(…)` has.
   * @returns what `then` makes of the answer; rejects with what it throws
   */
  sendThen<T>(request: OutgoingRequest, bounds: Bounds, then: (answer: Answer) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const answered = (answer: Answer) => {
        try {
          resolve(then(answer));
        } catch (error) {
          reject(error);
        }
      };
      if (this.#isClosed) answered({ kind: 'failure', failure: 'unsendable', code: 'CLOSED' });
      else this.#destination(request.origin).send(request, bounds, answered);
    });
  }

  /** Requests under way to one origin at the same time, from now on; those beyond wait. */
  limitTo(limits: RequestLimits): void {
    this.#limits = limits;
    for (const destination of this.#destinations.values()) destination.limitTo(limits);
  }

  /** The address of this machine that sockets have from now on; undefined: the one that the system chooses. */
  sendFrom(localAddress: string | undefined): void {
    if (localAddress === this.#localAddress) return;
    this.#localAddress = localAddress;
    this.renewSockets();
  }

  get localAddress(): string | undefined {
    return this.#localAddress;
  }

  /** What decides about sockets has changed, such as the answers of the guard: requests from now on use none that is open. */
  renewSockets(): void {
    this.keepOnly(new Set());
  }

  /** Closes the destinations of other origins once their requests have ended. */
  keepOnly(origins: ReadonlySet<string>): void {
    for (const [origin, destination] of this.#destinations) if (!origins.has(origin)) this.#retire(origin, destination);
  }

  /** Origins with an open pool. */
  get origins(): readonly string[] {
    return [...this.#destinations.keys()];
  }

  /** Resolves once the requests under way have ended and the sockets are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.keepOnly(new Set());
    await Promise.all(this.#closing);
  }

  #retire(origin: string, destination: Destination): void {
    this.#destinations.delete(origin);
    const closed = destination.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #destination(origin: string): Destination {
    let destination = this.#destinations.get(origin);
    if (!destination) {
      const proxy = this.#proxies.for(origin);
      destination = new Destination(origin, this.#clock, {
        proxy,
        rules: { guard: this.#guard, localAddress: this.#localAddress },
        limits: this.#limits,
      });
      this.#destinations.set(origin, destination);
    }
    return destination;
  }
}
