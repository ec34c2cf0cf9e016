import type { CancelSignal } from '../cancellation.js';
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
  readonly #now: () => number;
  readonly #http: HttpSender;
  readonly #lambda: LambdaSender;

  constructor(options: DeliveriesOptions) {
    const { transport, guard, clock } = options;
    this.#options = options;
    this.#now = () => clock.now();
    this.#http = new HttpSender({ transport, guard, now: this.#now });
    this.#lambda = new LambdaSender(transport);
  }

  /** Hot path: no request is a spread of another object. @throws Error when what is stored cannot be read */
  deliver(envelope: Envelope, attempt: number, signal: CancelSignal): Promise<DeliveryResult> {
    const { sources, userAgent } = this.#options;
    const found = sources().endpoint(envelope.endpoint);
    if (found === undefined) return failed('the endpoint is not configured');
    const { source, endpoint } = found;
    const key = signingKey(source);
    if (key === undefined && source.name.kind === 'app') {
      return failed(`app ${source.name.name} has no active key to sign with`);
    }
    const content = readContent(envelope.content);
    const headers = requestHeaders({ id: envelope.id, attempt, content, now: this.#now, userAgent, key, endpoint });
    const { body } = content;
    const { target, requestTimeoutMs: timeoutMs, isDisabledWhenGone } = endpoint;
    if (target.kind === 'lambda') return this.#lambda.send({ target, headers, body, timeoutMs, signal });
    return this.#http.send({ target, headers, body, timeoutMs, isDisabledWhenGone, signal });
  }
}

function failed(reason: string): Promise<DeliveryResult> {
  return Promise.resolve({ outcome: 'failed', reason });
}
