import { randomUUID } from 'node:crypto';
import type { TokenSource } from '../auth/entra.js';
import type { CancelSignal } from '../cancellation.js';
import type { Clock } from '../clock.js';
import { type Answer, noBody } from '../egress/exchange.js';
import type { ProxySettings } from '../egress/proxy.js';
import { retryAfterMs } from '../egress/retry-after.js';
import { Transport } from '../egress/transport.js';
import { PubSubError } from '../errors.js';
import type { Observer } from '../hub/ports.js';
import type { Envelope } from '../outbox/envelope.js';
import type { Outbox } from '../outbox/outbox.js';
import type { Deliverer, DeliveryResult, Endpoints } from '../outbox/ports.js';
import type { EventContext } from './context.js';
import { ConnectionHeaders } from './event-headers.js';
import { EventQueues } from './event-queues.js';
import type { EventRecord } from './event-record.js';
import type { Keeper } from './event-sender.js';
import { isSuccess } from './reply.js';
import type { EventHandler } from './routes.js';

export interface DurableEventsOptions {
  readonly context: EventContext;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly proxies?: ProxySettings | undefined;
}

/** Of one attempt, and not more than an event may take: a place among the outbox's attempts is occupied meanwhile. */
const longestAttemptMs = 30_000;

/** Notifications of handlers with `delivery: durable`: kept in the outbox, and delivered from there. */
export class DurableEvents implements Deliverer, Keeper {
  readonly #queues = new EventQueues(() => this.#handlers());
  readonly #options: DurableEventsOptions;
  readonly #transport: Transport;
  #queue: Pick<Outbox, 'accept'> | undefined;

  constructor(options: DurableEventsOptions) {
    this.#options = options;
    this.#transport = new Transport({ clock: options.clock, proxies: options.proxies });
  }

  get endpoints(): Endpoints {
    return this.#queues;
  }

  /** Where notifications are kept from now on. */
  attach(queue: Pick<Outbox, 'accept'>): void {
    this.#queue = queue;
  }

  takes({ options }: EventHandler): boolean {
    return options.isDurable === true && this.#queue !== undefined;
  }

  async add(record: EventRecord, handler: EventHandler): Promise<void> {
    const { queue, variant } = this.#queues.placeOf(handler);
    const envelope = {
      id: idOf(record),
      endpoint: queue,
      key: record.connectionId,
      createdAtMs: this.#options.clock.now(),
      content: Buffer.from(JSON.stringify({ ...record, variant }), 'utf8'),
      isOnce: record.kind === 'disconnected',
    };
    try {
      await this.#queue?.accept([envelope]);
    } catch (error) {
      this.#report(record, 'failed', envelope.createdAtMs, 0, PubSubError.from(error).message);
    }
  }

  async deliver(envelope: Envelope, attempt: number, signal: CancelSignal): Promise<DeliveryResult> {
    const record = JSON.parse(envelope.content.toString('utf8')) as EventRecord;
    const handler = this.#queues.handlerOf(envelope.endpoint, record);
    if (handler === undefined) return { outcome: 'failed', reason: 'the event handler is not configured' };
    await handler.validation.ready();
    const answer = await this.#send(record, handler, await this.#authorization(handler), signal);
    const result = resultOf(answer, this.#options.clock.now());
    if (result.outcome === 'delivered') this.#report(record, 'success', envelope.createdAtMs, attempt, undefined);
    return result;
  }

  /** After the outbox is closed. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  #send(record: EventRecord, handler: EventHandler, authorization: string[], signal: CancelSignal): Promise<Answer> {
    const { settings } = this.#options.context;
    const { origin, path } = handler.template.expand(handler.hub, record.name);
    const headers = [...this.#headers(record, handler), ...authorization];
    const body = Buffer.from(record.body, 'utf8');
    return this.#transport.send(
      { method: 'POST', origin, path, headers, body, signal },
      {
        headersWithinMs: Math.min(settings.delivery.timeoutMs, longestAttemptMs),
        bodyWithinMs: 0,
        bodyLimit: () => noBody,
      },
    );
  }

  #headers({ hub: _, variant: __, contentType, state, ...record }: EventRecord, handler: EventHandler): string[] {
    const { sign, settings } = this.#options.context;
    const { connectionId, userId, subprotocol } = record;
    const signature = sign(connectionId);
    const { origin } = settings;
    const template = new ConnectionHeaders({ hub: handler.hub, connectionId, userId, subprotocol, signature, origin });
    const requestId = randomUUID();
    return template.forEvent({ ...record, contentType, state, requestId, cookies: undefined, metadata: undefined });
  }

  async #authorization({ options: { auth } }: EventHandler): Promise<string[]> {
    if (auth.type === 'None') return [];
    return ['Authorization', `Bearer ${await this.#options.tokens.token(auth.resource)}`];
  }

  #handlers(): readonly EventHandler[] {
    return this.#options.context.settings.routes.handlers.filter(({ options }) => options.isDurable === true);
  }

  /** An event that becomes a dead letter is told by the outbox. */
  #report(
    record: EventRecord,
    outcome: 'success' | 'failed',
    raisedMs: number,
    attempts: number,
    reason: string | undefined,
  ): void {
    const { hub, connectionId, kind: type, name } = record;
    const durationMs = Math.max(0, this.#options.clock.now() - raisedMs);
    const told = { kind: 'evented', hub, connectionId, type, name, outcome, durationMs, attempts, reason } as const;
    this.#options.observer.tell(told);
  }
}

/** A connection has one `disconnected`, whichever nodes keep it: the queue knows it by its id. [cluster 6.1] */
function idOf({ kind, connectionId, id }: EventRecord): string {
  return kind === 'disconnected' ? `disc:${connectionId}` : `evt_${connectionId}_${id}`;
}

function resultOf(answer: Answer, nowMs: number): DeliveryResult {
  if (answer.kind === 'failure') {
    return { outcome: 'failed', reason: `no answer (${answer.code ?? answer.failure})` };
  }
  const { status, headers } = answer;
  if (isSuccess(status)) return { outcome: 'delivered', status };
  return {
    outcome: 'failed',
    reason: `status ${status}`,
    status,
    retryAfterMs: retryAfterMs(headers['retry-after'], nowMs),
  };
}
