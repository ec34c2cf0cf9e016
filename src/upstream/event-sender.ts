import type { TokenSource } from '../auth/entra.js';
import type { CancelSignal } from '../cancellation.js';
import type { Clock } from '../clock.js';
import type { BodyLimit, Response } from '../egress/exchange.js';
import type { Traffic } from '../egress/lanes.js';
import type { Transport } from '../egress/transport.js';
import { ConnectRefused, PubSubError } from '../errors.js';
import type { EventKind, EventOutcome } from '../hub/facts.js';
import type { Observer } from '../hub/ports.js';
import type { Watches } from '../hub/watches.js';
import type { Metadata } from '../protocols/messages.js';
import type { EventContext } from './context.js';
import type { EventRecord } from './event-record.js';
import type { Order } from './notifications.js';
import type { DeliveryOptions } from './options.js';
import { type AttemptWatch, type Gate, type OutgoingEvent, sendWithRetries, until } from './retries.js';
import type { EventHandler } from './routes.js';
import type { UrlTarget } from './url-template.js';

/** The content of one event. */
export interface Content {
  readonly type: string;
  readonly body: Buffer;
  readonly metadata: Metadata | undefined;
}

/** One event of one connection. */
export interface RaisedEvent {
  /** Canonical. */
  readonly hub: string;
  readonly connectionId: string;
  readonly kind: EventKind;
  readonly name: string;
  readonly id: number;
  /** `ce-time`, of when it was raised. */
  readonly time: string;
  /** The connection's state when it was raised: it may be sent after a later event has changed that. */
  readonly state: string | undefined;
  readonly content: Content;
  /** Cancels it: a `connect` as long as it is not sent, others sent or not. */
  readonly signal?: CancelSignal | undefined;
  /** May it be sent now? Undefined: always. */
  readonly gate?: Gate | undefined;
}

/** What differs from one kind of event to another. */
export interface EventPlan<T> {
  /** @throws PubSubError `eventFailed` when the event cannot be sent in headers */
  headers(target: UrlTarget): string[];
  bodyLimit(status: number, maxResponseBytes: number): BodyLimit;
  /** @throws PubSubError `eventFailed`, ConnectRefused */
  read(response: Response, target: UrlTarget): T;
}

/** Where notifications are kept until they are delivered. */
export interface Keeper {
  /** Are notifications of this handler kept here? */
  takes(handler: EventHandler): boolean;
  /** Resolves once it is kept, or could not be, which is reported. Never rejects. */
  add(record: EventRecord, handler: EventHandler): Promise<void>;
}

export interface SenderOptions {
  readonly context: EventContext;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly watches: Watches | undefined;
  readonly transport: Pick<Transport, 'send'>;
  /** Of notifications of durable handlers; none when left out. */
  readonly durable?: Keeper | undefined;
}

/** Sends events to the configured event handlers; reports the outcome of each, and each attempt to those who watch. */
export class EventSender implements Order {
  readonly #options: SenderOptions;
  readonly #context: EventContext;
  #underWay = 0;
  #idle: (() => void)[] = [];
  /** Of notifications that wait for an earlier one of their connection; undefined once no order is kept any more. */
  #overdue: Set<() => void> | undefined = new Set();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#context = options.context;
  }

  get durable(): Keeper | undefined {
    return this.#options.durable;
  }

  /** A notification is under way until it is kept. */
  keep(record: EventRecord, handler: EventHandler): Promise<void> {
    this.enter();
    return Promise.resolve(this.#options.durable?.add(record, handler)).then(() => this.leave());
  }

  /** Resolves when no event is under way. */
  whenIdle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#idle.push(resolve);
    });
  }

  enter(): void {
    this.#underWay += 1;
  }

  leave(): void {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  get isKept(): boolean {
    return this.#overdue !== undefined;
  }

  whenOverdue(task: () => void): () => void {
    const cancel = this.#options.clock.after(this.#context.settings.delivery.timeoutMs, task);
    this.#overdue?.add(task);
    return () => {
      cancel();
      this.#overdue?.delete(task);
    };
  }

  /** Notifications that wait for an earlier one of their connection leave at once, and so do those to come. */
  giveUpOrder(): void {
    const waiting = this.#overdue ?? [];
    this.#overdue = undefined;
    for (const goOn of waiting) goOn();
  }

  /** Reports a user event that no handler takes, and answers what to throw. */
  unhandled(event: RaisedEvent): PubSubError {
    const error = new PubSubError(
      'eventUnhandled',
      `no event handler of hub ${event.hub} matches user event ${event.name}`,
    );
    this.#report(event, 'unhandled', this.#options.clock.monotonicMs(), 0, error.message);
    return error;
  }

  /**
   * Sends one event and reads the answer. Chained rather than `async`, as `sendWithRetries` is.
   * @throws ConnectRefused; PubSubError `eventFailed`, `overloaded`, `waitedTooLong`, `cancelled`
   */
  send<T>(event: RaisedEvent, handler: EventHandler, plan: EventPlan<T>): Promise<T> {
    const startedMs = this.#options.clock.monotonicMs();
    this.enter();
    try {
      const options = this.#context.settings.delivery;
      const outgoing = newOutgoing(event, handler, plan, startedMs, options, this.#attemptWatch(event));
      return this.#sendWhenReady(handler, outgoing).then(
        response => this.#read(event, plan, outgoing, startedMs, response),
        (error: unknown) => this.#fail(event, startedMs, outgoing.attempts, error),
      );
    } catch (error) {
      const failure = this.#failed(event, startedMs, 0, error);
      this.leave();
      return Promise.reject(failure);
    }
  }

  /** @param hub as spelled in the configuration */
  warn(hub: string, warning: string): void {
    this.#options.observer.warned({ hub, warning });
  }

  #sendWhenReady(handler: EventHandler, outgoing: OutgoingEvent): Promise<Response> {
    const { clock, transport } = this.#options;
    const options = this.#context.settings.delivery;
    const ready = this.#prepare(handler, outgoing);
    if (ready) return ready.then(() => sendWithRetries(transport, clock, outgoing, options));
    return sendWithRetries(transport, clock, outgoing, options);
  }

  #read<T>(event: RaisedEvent, plan: EventPlan<T>, outgoing: OutgoingEvent, startedMs: number, response: Response): T {
    let result: T;
    try {
      result = plan.read(response, outgoing.request);
    } catch (error) {
      return this.#fail(event, startedMs, outgoing.attempts, error);
    }
    this.#report(event, 'success', startedMs, outgoing.attempts, undefined);
    this.leave();
    return result;
  }

  /** The event is over. @throws PubSubError what became of it */
  #fail(event: RaisedEvent, startedMs: number, attempts: number, error: unknown): never {
    const failure = this.#failed(event, startedMs, attempts, error);
    this.leave();
    throw failure;
  }

  /** Undefined when there is nothing to wait for, which is nearly always. */
  #prepare(handler: EventHandler, outgoing: OutgoingEvent): Promise<void> | undefined {
    const validated = handler.validation.ready();
    if (!validated && handler.options.auth.type === 'None') return undefined;
    return this.#waitUntilReady(handler, outgoing, validated);
  }

  /** No event is sent to an upstream that is not validated, or before the Entra ID token for it is available. */
  async #waitUntilReady(
    handler: EventHandler,
    outgoing: OutgoingEvent,
    validated: Promise<void> | undefined,
  ): Promise<void> {
    const { clock, tokens } = this.#options;
    const { deadlineMs, request } = outgoing;
    if (validated) await until(clock, deadlineMs, validated, 'the validation of its event handler');
    const { auth } = handler.options;
    if (auth.type === 'None') return;
    const token = await until(clock, deadlineMs, tokens.token(auth.resource), 'an Entra ID token');
    request.headers.push('Authorization', `Bearer ${token}`);
  }

  #failed(event: RaisedEvent, startedMs: number, attempts: number, error: unknown): PubSubError {
    const failure = PubSubError.from(error);
    if (failure.kind === 'internal') this.#options.observer.fault(`upstream ${event.kind}`, error);
    this.#report(event, outcomeOf(failure), startedMs, attempts, failure.message);
    return failure;
  }

  /** Undefined when nobody watches. Looked up once an event: a watch counts from the next event on. */
  #attemptWatch({ hub, connectionId, kind: type, name, id }: RaisedEvent): AttemptWatch | undefined {
    const { watches } = this.#options;
    if (watches?.isActive !== true || !watches.seesAttempts(hub, connectionId)) return undefined;
    return seen => watches.attempted({ kind: 'attempted', hub, connectionId, type, name, id, ...seen });
  }

  #report(
    event: RaisedEvent,
    outcome: EventOutcome,
    startedMs: number,
    attempts: number,
    reason: string | undefined,
  ): void {
    const { hub, connectionId, name, kind } = event;
    const durationMs = this.#options.clock.monotonicMs() - startedMs;
    this.#options.observer.tell({
      kind: 'evented',
      hub,
      connectionId,
      type: kind,
      name,
      outcome,
      durationMs,
      attempts,
      reason,
    });
  }
}

function outcomeOf(failure: PubSubError): EventOutcome {
  if (failure.kind === 'waitedTooLong') return 'overloaded';
  if (failure.kind === 'overloaded' || failure.kind === 'cancelled') return failure.kind;
  return isRefusal(failure) ? 'refused' : 'failed';
}

const traffic: Readonly<Record<EventKind, Traffic>> = {
  connect: 'connect',
  connected: 'notification',
  disconnected: 'notification',
  user: 'user',
  // There may be one for each connection and group: those must not delay `connected` and `disconnected`.
  joined: 'user',
  left: 'user',
};

/** A 5xx is passed on like a refusal, but counts as a failure. */
function isRefusal(failure: PubSubError): boolean {
  return failure instanceof ConnectRefused && failure.status < 500 && failure.status !== 408;
}

/** Made before anything is waited for: the headers are those of the moment at which the event was raised. */
function newOutgoing<T>(
  event: RaisedEvent,
  handler: EventHandler,
  plan: EventPlan<T>,
  startedMs: number,
  options: DeliveryOptions,
  watch: AttemptWatch | undefined,
): OutgoingEvent {
  const target = handler.template.expand(handler.hub, event.name);
  const request = {
    method: 'POST' as const,
    origin: target.origin,
    path: target.path,
    headers: plan.headers(target),
    body: event.content.body,
    lane: { hub: event.hub, traffic: traffic[event.kind] },
    signal: event.signal,
    isFinishedOnceSent: event.kind === 'connect', // its app server may have counted the client in [upstream-events D39]
    isHeld: event.gate && (() => event.gate?.() !== true),
  };
  const deadlineMs = startedMs + options.timeoutMs;
  const bodyLimit = (status: number) => plan.bodyLimit(status, options.maxResponseBytes);
  return { request, deadlineMs, bodyLimit, attempts: 0, gate: event.gate, watch };
}
