import type { TokenSource } from '../auth/entra.js';
import type { Signer } from '../auth/signature.js';
import type { Clock } from '../clock.js';
import type { ProxySettings } from '../egress/proxy.js';
import { Transport } from '../egress/transport.js';
import type { Ledger, LedgerLine, Observer, Upstream } from '../hub/ports.js';
import type { EventsRecord } from '../hub/session.js';
import type { Watches } from '../hub/watches.js';
import { type AbuseCheck, abuseCheckOf, checkUpstream, type ServiceOrigins } from './abuse-check.js';
import { AppEvents, type ToldApp } from './app-events.js';
import { HandledEvents } from './connection-events.js';
import { EventContext, type UpstreamSettings } from './context.js';
import { DurableEvents } from './durable-events.js';
import { EventSender } from './event-sender.js';
import { type DeliveryOptions, defaultDelivery, type EventHandlerOptions, type HubHandlers } from './options.js';
import { type EventHandler, eventsText, nothingText, Routes } from './routes.js';
import { checkShared, type SharedChecks } from './shared-checks.js';
import type { UrlTarget, UrlTemplate } from './url-template.js';
import { reasonOf, Validation, type ValidationStatus, type Verdict } from './validation.js';

export interface EventHandlersOptions {
  /** Host names of the service, without scheme or port. */
  readonly origins: readonly string[];
  /** The same with their ports, where these are not the scheme's own; as `ports`. */
  readonly originsWithPort: readonly string[] | (() => readonly string[]);
  /** The service's public ports; a function when they are known only after listening. */
  readonly ports: readonly number[] | (() => readonly number[]);
  /** `ce-signature` of a connection. */
  readonly sign: Signer;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Of an app's clients; undefined for a hub's, and for those of an app without handlers. Read for each client. */
  readonly toldApp?: ((hub: string) => ToldApp | undefined) | undefined;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Ledger | undefined;
  /** Who watches attempts; nobody when left out. */
  readonly watches?: Watches | undefined;
  /** None when left out. */
  readonly proxies?: ProxySettings | undefined;
  /** Of the nodes of a cluster; left out: this one validates by itself. */
  readonly checks?: SharedChecks | undefined;
}

/** How long notifications wait for their turn once the service stops: half of what it waits for events to end. */
const orderPatienceMs = 5_000;

/** One configured handler, as operators see it. */
export interface HandlerStatus {
  readonly hub: string;
  /** The template, with secrets masked. */
  readonly url: string;
  readonly events: string;
  readonly state: ValidationStatus['state'];
  /** The upstream's answer; undefined while pending. */
  readonly answered: string | undefined;
  /** What to do about a failure, or about a handler that receives no events. */
  readonly advice: string | undefined;
}

/** A connection of a node that is gone. */
export interface EndedElsewhere extends Omit<EventsRecord, 'nextId'> {
  /** Canonical. */
  readonly hub: string;
  readonly id: string;
  /** Of which `left` is to be posted. */
  readonly groups: readonly string[];
}

/** Names a configured handler in messages. */
interface HandlerName {
  readonly hub: string;
  readonly url: string;
}

/** The configured handlers that share a validation. */
interface Users {
  /** Of the latest configuration that has one of the handlers. */
  delivery: DeliveryOptions;
  handlers: readonly HandlerName[];
}

interface SharedValidation {
  readonly validation: Validation;
  readonly users: Users;
}

/** The app servers behind HTTP event handlers. [upstream-events 1–7] */
export class EventHandlers implements Upstream {
  /** Notifications of handlers with `delivery: durable`; sent at once until they are attached to an outbox. */
  readonly durable: DurableEvents;
  readonly #options: EventHandlersOptions;
  readonly #transport: Transport;
  readonly #context: EventContext;
  readonly #sender: EventSender;
  /** By validation URL: handlers with the same one are validated together. [upstream-events 4.3] */
  readonly #validations = new Map<string, SharedValidation>();
  /** Counts `configure` calls: only the latest call takes effect. */
  #generation = 0;
  #isConfigured = false;
  #cancelHurry: (() => void) | undefined;

  constructor(options: EventHandlersOptions) {
    const { sign, tokens, clock, observer, watches, proxies } = options;
    this.#options = options;
    this.#transport = new Transport({ clock, proxies });
    const noHandlers = new Routes([], () => {
      throw new Error('no handlers yet');
    });
    this.#context = new EventContext(this.#settingsOf(noHandlers, defaultDelivery), sign, clock);
    this.durable = new DurableEvents({ context: this.#context, tokens, clock, observer, proxies });
    this.#sender = new EventSender({
      context: this.#context,
      tokens,
      clock,
      observer,
      watches,
      transport: this.#transport,
      durable: this.durable,
    });
  }

  /**
   * Validates new and changed handlers at the same time, then uses `hubs` for events. A handler whose validation fails is
   * used too: events that match it fail until it is active; they do not fall through to the next handler. [design 2]
   *
   * The very first call takes effect at once, as there is nothing to go on with: events wait for the validation.
   * @param isUrgent any call takes effect at once, in this way
   * @param swapped called in the step that puts `hubs` to use; not called when a later configuration comes first
   * @throws PubSubError `invalid` for a template or pattern that does not parse; nothing is changed then
   */
  async configure(
    hubs: readonly HubHandlers[],
    delivery: DeliveryOptions,
    swapped = () => {},
    isUrgent = false,
  ): Promise<void> {
    const routes = new Routes(hubs, (hub, template) => this.#validationOf(hub, template, delivery));
    const generation = ++this.#generation;
    const isAtOnce = isUrgent || !this.#isConfigured;
    const swap = () => {
      this.#swap(this.#settingsOf(routes, delivery));
      swapped();
    };
    if (isAtOnce) swap();
    await Promise.all(routes.handlers.map(({ validation }) => validation.first()));
    if (!isAtOnce && generation === this.#generation) swap();
  }

  /** In the order of the configuration. */
  statuses(): readonly HandlerStatus[] {
    return this.#context.settings.routes.handlers.map(handlerStatus);
  }

  open(hub: string, connectionId: string, record?: EventsRecord): HandledEvents {
    return this.#open(hub, connectionId, record, this.#options.ledger?.line(hub, connectionId));
  }

  /**
   * Posts what is left to be posted of a connection of a node that is gone: `left` of its groups, then `disconnected` with
   * this `ce-id`. Ends once that is over. Never rejects. [cluster 6.3]
   */
  conclude({ hub, id, groups, ...record }: EndedElsewhere, eventId: number, reason: string): Promise<void> {
    return this.#open(hub, id, { ...record, nextId: eventId }, undefined).conclude(groups, eventId, reason);
  }

  #open(
    hub: string,
    connectionId: string,
    record: EventsRecord | undefined,
    line: LedgerLine | undefined,
  ): HandledEvents {
    const app = this.#options.toldApp?.(hub);
    if (app !== undefined) return new AppEvents(this.#context, this.#sender, app, connectionId, record, line);
    return new HandledEvents(this.#context, this.#sender, hub, connectionId, record, line);
  }

  /** Settles once no event is under way. */
  whenIdle(): Promise<void> {
    return this.#sender.whenIdle();
  }

  /** The service stops: notifications wait only a little longer for the ones before them. */
  hurry(): void {
    this.#cancelHurry ??= this.#options.clock.after(orderPatienceMs, () => this.#sender.giveUpOrder());
  }

  /** Ends once no event is under way. Events that are raised until then are still sent. */
  async close(): Promise<void> {
    this.#generation += 1;
    for (const { validation } of this.#validations.values()) validation.stop();
    this.hurry();
    await this.#sender.whenIdle();
    this.#cancelHurry?.();
    await this.#transport.close();
  }

  #settingsOf(routes: Routes, delivery: DeliveryOptions): UpstreamSettings {
    const { hosts, hostnames } = this.#service;
    return { routes, delivery, origin: (delivery.originWithPort ? hosts : hostnames).join(',') };
  }

  #swap(settings: UpstreamSettings): void {
    const { routes, delivery } = settings;
    this.#isConfigured = true;
    this.#context.settings = settings;
    for (const { hub, options, template } of routes.handlers) {
      const idle = idleAdvice(options);
      if (idle !== undefined) this.#options.observer.warned({ hub, warning: `${template.display} ${idle}` });
    }
    const { maxConcurrentPerUpstream: requests, connectsInFlight: connects } = delivery;
    this.#transport.limitTo({ requests, connects });
    this.#forgetUnused(routes.handlers);
    this.#transport.keepOnly(new Set(routes.handlers.map(handler => targetOf(handler).origin)));
  }

  #forgetUnused(handlers: readonly EventHandler[]): void {
    for (const [url, shared] of this.#validations) {
      const users = handlers.filter(handler => handler.validation === shared.validation);
      this.#tellUsers(
        shared,
        users.map(({ hub, template }) => ({ hub, url: template.display })),
      );
      if (users.length > 0) continue;
      shared.validation.stop();
      this.#validations.delete(url);
    }
  }

  /** Reports removed handlers; one that joins a finished validation gets its result at once. */
  #tellUsers({ users, validation }: SharedValidation, handlers: readonly HandlerName[]): void {
    const before = users.handlers;
    const { status } = validation;
    users.handlers = handlers;
    for (const gone of without(before, handlers)) this.#tell(gone, 'removed', undefined);
    if (status.state === 'pending') return;
    for (const joined of without(handlers, before)) this.#tell(joined, status.state, reasonOf(status));
  }

  #tell({ hub, url }: HandlerName, state: ValidationStatus['state'] | 'removed', reason: string | undefined): void {
    this.#options.observer.handlerChanged({ hub, url, state, reason });
  }

  #validationOf(hub: string, template: UrlTemplate, delivery: DeliveryOptions): Validation {
    const target = template.validationUrl(hub);
    const url = target.origin + target.path;
    let shared = this.#validations.get(url);
    if (!shared) {
      const users: Users = { delivery, handlers: [{ hub, url: template.display }] };
      shared = { validation: this.#newValidation(target, users), users };
      this.#validations.set(url, shared);
    }
    shared.users.delivery = delivery;
    return shared.validation;
  }

  #newValidation(target: UrlTarget, users: Users): Validation {
    const { clock, checks } = this.#options;
    return new Validation({
      clock,
      check: () => {
        const check = abuseCheckOf(target, this.#service, users.delivery);
        return checks === undefined ? this.#probe(check) : checkShared(checks, check, () => this.#probe(check));
      },
      changed: status => this.#changed(users, status),
    });
  }

  async #probe(check: AbuseCheck): Promise<Verdict> {
    const verdict = await checkUpstream(this.#transport, check);
    this.#options.observer.handlerValidated(verdict.isValid ? 'success' : 'failed');
    return verdict;
  }

  get #service(): ServiceOrigins {
    const { origins, originsWithPort, ports } = this.#options;
    return {
      hostnames: origins,
      hosts: typeof originsWithPort === 'function' ? originsWithPort() : originsWithPort,
      ports: typeof ports === 'function' ? ports() : ports,
    };
  }

  #changed({ handlers }: Users, status: ValidationStatus): void {
    for (const handler of handlers) this.#tell(handler, status.state, reasonOf(status));
  }
}

export const nothingTaken =
  'receives no events; set systemEvents, userEventPattern or groupPresenceEvents, or remove the handler';

const nothingQueued =
  'takes no event that is queued, so delivery: durable has no effect; set connected or disconnected in systemEvents, or groupPresenceEvents';

/** What to do about a handler, or a setting of it, without effect. Undefined: there is none. */
function idleAdvice(options: EventHandlerOptions): string | undefined {
  if (eventsText(options) === nothingText) return nothingTaken;
  const { isDurable = false, systemEvents, groupPresenceEvents: { eventNames = [] } = {} } = options;
  const isQueued = eventNames.length > 0 || systemEvents.some(event => event !== 'connect');
  return isDurable && !isQueued ? nothingQueued : undefined;
}

function without(names: readonly HandlerName[], others: readonly HandlerName[]): readonly HandlerName[] {
  return names.filter(({ hub, url }) => !others.some(other => other.hub === hub && other.url === url));
}

function targetOf(handler: EventHandler): UrlTarget {
  return handler.template.validationUrl(handler.hub);
}

function handlerStatus({ hub, template, options, validation }: EventHandler): HandlerStatus {
  const { status } = validation;
  return {
    hub,
    url: template.display,
    events: eventsText(options),
    state: status.state,
    answered: status.state === 'pending' ? undefined : status.answered,
    advice: status.state === 'failed' ? status.advice : idleAdvice(options),
  };
}
