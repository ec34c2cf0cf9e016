import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';
import type { AddressGuard } from '../egress/connector.js';
import type { Transport } from '../egress/transport.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Deliverer, DeliveryResult } from '../outbox/ports.js';
import { readContent } from './envelopes.js';
import { HttpSender } from './http-sender.js';
import { LambdaSender } from './lambda-sender.js';
import { requestHeaders } from './request-headers.js';
import { type Sources, signingKey } from './sources.js';

export interface DeliveriesOptions {
  readonly clock: Clock;
  /** With the same guard. */
  readonly transport: Transport;
  readonly guard: AddressGuard;
  /** Looked up at each attempt, so that a changed secret, URL or key applies at once. */
  readonly sources: () => Sources;
  readonly userAgent: string;
}

/** Makes attempts: signs what was stored with the secrets of now, and sends it to where the endpoint is now. */
export class Deliveries implements Deliverer {
  readonly #options: DeliveriesOptions;
  readonly #http: HttpSender;
  readonly #lambda: LambdaSender;
  /** The outbox's, one for all attempts. */
  #signal: AbortSignal | undefined;

  constructor(options: DeliveriesOptions) {
    const { transport, guard, clock } = options;
    this.#options = options;
    this.#http = new HttpSender({ transport, guard, now: () => clock.now() });
    this.#lambda = new LambdaSender(transport);
  }

  /** @throws Error when what is stored cannot be read */
  deliver(envelope: Envelope, attempt: number, signal: AbortSignal): Promise<DeliveryResult> {
    const { sources, clock, userAgent } = this.#options;
    this.#expectMany(signal);
    const found = sources().endpoint(envelope.endpoint);
    if (found === undefined) return failed('the endpoint is not configured');
    const { source, endpoint } = found;
    const key = signingKey(source);
    if (key === undefined && source.name.kind === 'app') {
      return failed(`app ${source.name.name} has no active key to sign with`);
    }
    const content = readContent(envelope.content);
    const headers = requestHeaders({ id: envelope.id, attempt, content, nowMs: clock.now(), userAgent, key, endpoint });
    const { target, requestTimeoutMs: timeoutMs, isDisabledWhenGone } = endpoint;
    const request = { headers, body: content.body, timeoutMs, signal };
    if (target.kind === 'lambda') return this.#lambda.send({ ...request, target });
    return this.#http.send({ ...request, target, isDisabledWhenGone });
  }

  /** Each attempt under way listens to it: no leak that Node has to warn of. */
  #expectMany(signal: AbortSignal): void {
    if (signal === this.#signal) return;
    this.#signal = signal;
    setMaxListeners(0, signal);
  }
}

function failed(reason: string): Promise<DeliveryResult> {
  return Promise.resolve({ outcome: 'failed', reason });
}
