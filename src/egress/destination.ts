import type { CancelSignal } from '../cancellation.js';
import type { Clock } from '../clock.js';
import type { SocketRules } from './connector.js';
import { type Way, wayTo } from './dispatchers.js';
import { type Answer, type Bounds, Exchange } from './exchange.js';
import { type Lane, Lanes, longestWaitMs, type RequestLimits, type Traffic } from './lanes.js';
import type { ProxyAddress } from './proxy.js';

export interface OutgoingRequest {
  readonly method: 'POST' | 'OPTIONS' | 'GET';
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
  /** The queue to wait in when the origin has its maximum number of concurrent requests; undefined: not counted, never queued. */
  readonly lane?: { readonly hub: string; readonly traffic: Traffic } | undefined;
  /** Cancels the request: in any state, or only as long as nothing of it has been sent. */
  readonly signal?: CancelSignal | undefined;
  readonly isFinishedOnceSent?: boolean | undefined;
  /** Read when its turn in the queue has come: is it not to be sent, as things are now? */
  readonly isHeld?: (() => boolean) | undefined;
}

export interface DestinationOptions {
  readonly proxy: ProxyAddress | undefined;
  readonly rules: SocketRules;
  readonly limits: RequestLimits;
}

/** One origin: its sockets, and how many requests it is sent at a time. */
export class Destination {
  readonly #clock: Clock;
  readonly #way: Way;
  readonly #proxy: string | undefined;
  readonly #lanes: Lanes;

  constructor(origin: string, clock: Clock, { proxy, rules, limits }: DestinationOptions) {
    this.#clock = clock;
    this.#way = wayTo(origin, proxy, rules);
    this.#proxy = proxy && `${proxy.origin} (${proxy.variable})`;
    this.#lanes = new Lanes(limits);
  }

  /** One attempt; waits first when as many are under way as may be. @param answered called once */
  send(request: OutgoingRequest, bounds: Bounds, answered: (answer: Answer) => void): void {
    const { signal, isFinishedOnceSent = false } = request;
    if (signal === undefined) {
      this.#begin(request, bounds, answered);
      return;
    }
    if (signal.aborted) {
      answered({ kind: 'failure', failure: 'cancelled', code: undefined });
      return;
    }
    let exchange: Exchange | undefined;
    const cancel = () => (isFinishedOnceSent ? exchange?.withdraw() : exchange?.cancel());
    signal.addEventListener('abort', cancel);
    exchange = this.#begin(request, bounds, answer => {
      signal.removeEventListener('abort', cancel);
      answered(answer);
    });
  }

  limitTo(limits: RequestLimits): void {
    this.#lanes.limitTo(limits);
  }

  /** Resolves once what is under way or waits has ended and the sockets are closed. */
  async close(): Promise<void> {
    await this.#lanes.whenIdle();
    await this.#way.dispatcher.close();
  }

  #begin(request: OutgoingRequest, bounds: Bounds, answered: (answer: Answer) => void): Exchange {
    const exchange = new Exchange(this.#clock, bounds, answered, this.#proxy);
    if (request.lane === undefined) {
      this.#dispatch(request, exchange);
      return exchange;
    }
    const lane = this.#lanes.lane(request.lane.hub, request.lane.traffic);
    if (lane.enter()) {
      exchange.starts(lane);
      this.#dispatch(request, exchange);
    } else this.#queue(request, exchange, lane);
    return exchange;
  }

  #queue(request: OutgoingRequest, exchange: Exchange, lane: Lane): void {
    const waiting = lane.wait(request.body?.length ?? 0, () => {
      if (request.isHeld?.() === true) {
        exchange.refuse('held');
        lane.leave();
        return;
      }
      exchange.starts(lane);
      this.#dispatch(request, exchange);
    });
    if (waiting === undefined) exchange.refuse('overloaded');
    else exchange.queued(() => lane.giveUp(waiting), longestWaitMs[lane.traffic]);
  }

  #dispatch({ method, path, headers, body }: OutgoingRequest, exchange: Exchange): void {
    this.#way.dispatcher.dispatch(this.#way.options(method, path, headers, body ?? null), exchange);
  }
}
