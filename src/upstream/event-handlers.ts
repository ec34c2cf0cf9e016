import type { TokenSource } from '../auth/entra.js';
import type { Clock } from '../clock.js';
import type { ProxySettings } from '../egress/proxy.js';
import { Transport } from '../egress/transport.js';
import type { ConnectionEvents, Observer, Upstream } from '../hub/ports.js';
import { type AbuseCheck, checkUpstream } from './abuse-check.js';
import { HandledEvents } from './connection-events.js';
import { EventSender } from './event-sender.js';
import { type DeliveryOptions, defaultDelivery, type EventHandlerOptions, type HubHandlers } from './options.js';
import { type EventHandler, eventsText, nothingText, Routes } from './routes.js';
import type { UrlTarget, UrlTemplate } from './url-template.js';
import { reasonOf, Validation, type ValidationStatus } from './validation.js';

export interface EventHandlersOptions {
  /** Host names of the service, without scheme or port. */
  readonly origins: readonly string[];
  /** The same with their ports, where these are not the scheme's own; as `ports`. */
  readonly originsWithPort: readonly string[] | (() => readonly string[]);
  /** The service's public ports; a function when they are known only after listening. */
  readonly ports: readonly number[] | (() => readonly number[]);
  /** `ce-signature` of a connection. */
  sign(connectionId: string): string;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly observer: Observer;
  /** None when left out. */
  readonly proxies?: ProxySettings | undefined;
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

/** Names a configured handler in messages. */
interface HandlerName {
  readonly hub: string;
  readonly url: string;
}

/** A validation and the configured handlers that share it, as messages name them. */
interface SharedValidation {
  readonly validation: Validation;
  handlers: readonly HandlerName[];
}

/** The app servers behind HTTP event handlers. [upstream-events 1–7] */
export class EventHandlers implements Upstream {
  readonly #options: EventHandlersOptions;
  readonly #transport: Transport;
  readonly #sender: EventSender;
  /** By validation URL: handlers with the same one are validated together. [upstream-events 4.3] */
  readonly #validations = new Map<string, SharedValidation>();
  #delivery = defaultDelivery;
  /** Counts `configure` calls: only the latest call takes effect. */
  #generation = 0;
  #isConfigured = false;
  #cancelHurry: (() => void) | undefined;

  constructor(options: EventHandlersOptions) {
    const { sign, tokens, clock, observer, proxies } = options;
    this.#options = options;
    this.#transport = new Transport({ clock, proxies });
    const origin = (withPort: boolean) => this.#origins(withPort).join(',');
    this.#sender = new EventSender(
      { origin, sign, tokens, clock, observer, transport: this.#transport },
      this.#delivery,
    );
  }

  /**
   * Validates new and changed handlers at the same time, then uses `hubs` for events. A handler whose validation fails is
   * used too: events that match it fail until it is active; they do not fall through to the next handler. [design 2]
   *
   * The very first call takes effect at once, as there is nothing to go on with: events wait for the validation.
   * @throws PubSubError `invalid` for a template or pattern that does not parse; nothing is changed then
   */
  async configure(hubs: readonly HubHandlers[], delivery: DeliveryOptions): Promise<void> {
    const routes = new Routes(hubs, (hub, template) => this.#validationOf(hub, template));
    const generation = ++this.#generation;
    this.#delivery = delivery;
    if (!this.#isConfigured) this.#swap(routes, delivery);
    await Promise.all(routes.handlers.map(({ validation }) => validation.first()));
    if (generation === this.#generation) this.#swap(routes, delivery);
  }

  /** In the order of the configuration. */
  statuses(): readonly HandlerStatus[] {
    return this.#sender.routes.handlers.map(handlerStatus);
  }

  open(hub: string, connectionId: string): ConnectionEvents {
    return new HandledEvents(this.#sender, hub, connectionId);
  }

  /** Settles once no event is under way. */
  whenIdle(): Promise<void> {
    return this.#sender.whenIdle();
  }

  /** The service stops: notifications wait only a little longer for the ones before them. */
  hurry(): void {
    this.#cancelHurry ??= this.#options.clock.after(orderPatienceMs, () => this.#sender.giveUpOrder());
  }

  /** Ends once no event is under way. Events that are raised until then are still delivered. */
  async close(): Promise<void> {
    this.#generation += 1;
    for (const { validation } of this.#validations.values()) validation.stop();
    this.hurry();
    await this.#sender.whenIdle();
    this.#cancelHurry?.();
    await this.#transport.close();
  }

  #swap(routes: Routes, delivery: DeliveryOptions): void {
    this.#isConfigured = true;
    this.#sender.use(routes, delivery);
    for (const { hub, options, template } of routes.handlers) {
      if (takesNothing(options)) this.#options.observer.warned({ hub, warning: `${template.display} ${nothingTaken}` });
    }
    this.#transport.limitTo(delivery.maxConcurrentPerUpstream);
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
  #tellUsers(shared: SharedValidation, users: SharedValidation['handlers']): void {
    const before = shared.handlers;
    const { status } = shared.validation;
    shared.handlers = users;
    for (const gone of without(before, users)) this.#tell(gone, 'removed', undefined);
    if (status.state === 'pending') return;
    for (const joined of without(users, before)) this.#tell(joined, status.state, reasonOf(status));
  }

  #tell({ hub, url }: HandlerName, state: ValidationStatus['state'] | 'removed', reason: string | undefined): void {
    this.#options.observer.handlerChanged({ hub, url, state, reason });
  }

  #validationOf(hub: string, template: UrlTemplate): Validation {
    const target = template.validationUrl(hub);
    const url = target.origin + target.path;
    let shared = this.#validations.get(url);
    if (!shared) {
      shared = { validation: this.#newValidation(url, target), handlers: [{ hub, url: template.display }] };
      this.#validations.set(url, shared);
    }
    return shared.validation;
  }

  #newValidation(url: string, target: UrlTarget): Validation {
    return new Validation({
      clock: this.#options.clock,
      check: () => checkUpstream(this.#transport, this.#checkOf(target)),
      changed: status => this.#changed(url, status),
    });
  }

  #checkOf(target: UrlTarget): AbuseCheck {
    const { origins, ports } = this.#options;
    const { originWithPort } = this.#delivery;
    return {
      ...target,
      serviceOrigins: origins,
      requestOrigins: this.#origins(originWithPort),
      servicePorts: typeof ports === 'function' ? ports() : ports,
      lenientOriginList: this.#delivery.lenientOriginList,
    };
  }

  #origins(withPort: boolean): readonly string[] {
    const { origins, originsWithPort } = this.#options;
    if (!withPort) return origins;
    return typeof originsWithPort === 'function' ? originsWithPort() : originsWithPort;
  }

  #changed(validationUrl: string, status: ValidationStatus): void {
    for (const handler of this.#validations.get(validationUrl)?.handlers ?? []) {
      this.#tell(handler, status.state, reasonOf(status));
    }
  }
}

const nothingTaken =
  'receives no events; set systemEvents, userEventPattern or groupPresenceEvents, or remove the handler';

function takesNothing(options: EventHandlerOptions): boolean {
  return eventsText(options) === nothingText;
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
    advice: status.state === 'failed' ? status.advice : takesNothing(options) ? nothingTaken : undefined,
  };
}
