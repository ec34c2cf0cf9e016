import { type Clock, wait } from '../clock.js';
import { publicAddresses } from '../egress/address-guard.js';
import type { AddressGuard } from '../egress/connector.js';
import type { ProxySettings } from '../egress/proxy.js';
import { Transport } from '../egress/transport.js';
import type { PlainFact } from '../hub/facts.js';
import type { Envelope } from '../outbox/envelope.js';
import type { DeadlineTurn, Deliverer, Endpoints } from '../outbox/ports.js';
import { AppReader } from './app-reader.js';
import { Deliveries } from './deliveries.js';
import { newEnvelope, restamped } from './envelopes.js';
import type { WebhookEvent } from './events.js';
import { type Here, nobodyHere } from './here.js';
import { HubReader } from './hub-reader.js';
import type { WebhookObserver } from './observer.js';
import { Occupancies } from './occupancies.js';
import { Outgoing, type WebhookQueue } from './outgoing.js';
import type { SharedPlaces } from './shared/shared-places.js';
import { type Source, Sources, type WebhookSettings } from './sources.js';

export interface WebhooksOptions {
  readonly clock: Clock;
  readonly observer: WebhookObserver;
  /** `Product/version`, for `User-Agent`. */
  readonly userAgent: string;
  readonly proxies?: ProxySettings | undefined;
  /** Groups of hubs that are joined with channels of apps; none when left out. */
  readonly joined?: JoinedGroups | undefined;
  /** Requests may go to this machine: with the development key. */
  readonly allowsLoopback?: boolean | undefined;
  /** Which places are occupied on any node; when left out, this node is the only one. */
  readonly shared?: SharedPlaces | undefined;
  /** Who is there when a configuration is used; nobody when left out. */
  readonly here?: Here | undefined;
}

/** Groups whose members receive what is published to channels of apps: such a channel is occupied by either. On this node. */
export interface JoinedGroups {
  /** Has the group of the channel a member? @param app its key among sources */
  isGroupOccupied(app: string, channel: string): boolean;
  /** Channels of the app that only their groups occupy. */
  channels(app: string): Iterable<string>;
  /** Channels of the group that have no subscriber. @param hub canonical name */
  emptyChannels(hub: string, group: string): readonly { readonly app: string; readonly channel: string }[];
}

const noGroups: JoinedGroups = { isGroupOccupied: () => false, channels: () => [], emptyChannels: () => [] };

const nothing: WebhookSettings = { general: {}, apps: [], hubs: [] };

const longestMs = 60_000;

/** Places in one turn of the event loop, some milliseconds. */
const notedAtOnce = 500;

/** Upper bound of requests at a time: the outbox counts them, per endpoint and in all. */
const maxConcurrent = 1_000_000;

/**
 * Webhooks of Pusher apps and of hubs: a reader of facts, which it turns into envelopes for the outbox, and the deliverer
 * of these envelopes. One outbox uses `deliverer`, `endpoints`, `onDeadline` and `restamp`, and is given to `attach`.
 */
export class Webhooks {
  readonly deliverer: Deliverer;
  readonly endpoints: Endpoints;
  readonly #options: WebhooksOptions;
  readonly #transport: Transport;
  readonly #outgoing: Outgoing;
  readonly #occupancies: Occupancies;
  readonly #joined: JoinedGroups;
  readonly #apps = new Map<string, AppReader>();
  readonly #hubs = new Map<string, HubReader>();
  #sources = new Sources(nothing);
  #guard: AddressGuard;
  /** What `webhooks.egress.allow` has. */
  #allowed: readonly string[] = [];
  #queue: WebhookQueue | undefined;

  constructor(options: WebhooksOptions) {
    const { clock, observer, userAgent, proxies, joined = noGroups, shared } = options;
    this.#options = options;
    this.#joined = joined;
    this.#guard = this.#newGuard([]);
    const guard: AddressGuard = address => this.#guard(address);
    const queue = () => this.#attached();
    this.#transport = new Transport({ clock, proxies, guard });
    this.#transport.limitTo({ requests: maxConcurrent });
    this.#outgoing = new Outgoing(clock, queue, observer);
    this.#occupancies = new Occupancies({
      clock,
      queue,
      observer,
      tell: (source, event) => this.#tellNow(source, event),
      kept: () => this.#outgoing.kept(),
      shared,
    });
    this.deliverer = new Deliveries({
      clock,
      transport: this.#transport,
      guard,
      sources: () => this.#sources,
      userAgent,
    });
    this.endpoints = {
      ids: () => this.#sources.endpointIds,
      options: id => this.#sources.endpoint(id)?.endpoint.queue,
    };
  }

  /** Where envelopes and deadlines are kept. Called once, before the first fact. */
  attach(queue: WebhookQueue): void {
    this.#queue = queue;
  }

  /** Uses other settings from now on; what is queued stays. Settles once the outbox has looked at its endpoints again. */
  async configure(settings: WebhookSettings): Promise<void> {
    this.#outgoing.flush();
    this.#allow(settings.general.egress?.allow ?? []);
    const before = this.#sources;
    this.#sources = new Sources(settings, (source, warning) => this.#options.observer.warned(source, warning));
    if (this.#occupancies.areShared) void this.#notePresent(before, this.#options.here ?? nobodyHere);
    this.#transport.sendFrom(settings.general.local_address);
    this.#transport.keepOnly(originsOf(this.#sources));
    await this.#queue?.refresh();
  }

  get sources(): Sources {
    return this.#sources;
  }

  /** Places whose deadline is pending, of those that this process has seen left. */
  get lingering(): number {
    return this.#occupancies.lingering;
  }

  /** Is told what happened. Never waits. */
  tell(fact: PlainFact): void {
    if (!('hub' in fact)) return;
    if (fact.kind === 'joined' && fact.isFirst) this.#tellChannels(fact.hub, fact.group, true);
    else if (fact.kind === 'left' && fact.isLast) this.#tellChannels(fact.hub, fact.group, false);
    const kind = this.#sources.source(fact.hub)?.name.kind;
    if (kind === 'app') tellApp(this.#app(fact.hub), fact);
    else if (kind === 'hub') tellHub(this.#hub(fact.hub), fact);
  }

  /** A channel is occupied, or vacated, because of the group that is joined with it. @param app its key among sources */
  channelChanged(app: string, channel: string, isOccupied: boolean): void {
    if (this.#sources.source(app)?.name.kind !== 'app') return;
    if (isOccupied) this.#app(app).occupied(channel);
    else this.#app(app).vacated(channel);
  }

  /** Turns a deadline into envelopes, and drafts of events that leave in batches. */
  onDeadline(key: string, content: Buffer): DeadlineTurn {
    const { departure, settled } = this.#occupancies.due(key, content);
    const source = departure && this.#sources.source(departure.source);
    if (departure === undefined || source === undefined) return { envelopes: [], drafts: [], draftMs: 0, settled };
    const turn = this.#outgoing.turn(source, departure.event);
    return {
      ...turn,
      settled(isKept) {
        turn.settled(isKept);
        settled();
      },
    };
  }

  restamp(envelope: Envelope, createdAtMs: number): Envelope {
    return restamped(envelope, createdAtMs);
  }

  /** One synthetic event for an endpoint; undefined when there is no such endpoint. [pusher-webhooks 2.7] */
  testEnvelope(endpointId: string): Envelope | undefined {
    const found = this.#sources.endpoint(endpointId);
    if (found === undefined) return undefined;
    const { key, name } = found.source;
    return newEnvelope({
      endpoint: endpointId,
      source: key,
      hub: name.kind === 'hub' ? name.name : undefined,
      key: undefined,
      createdAtMs: this.#options.clock.now(),
      events: ['{"name":"test","channel":"test"}'],
    });
  }

  /** Resolves once all that was told is kept, or could not be. @param withinMs for what needs the other nodes */
  async settled(withinMs = longestMs): Promise<void> {
    await this.#occupancies.settled(withinMs);
    this.#outgoing.flush();
    await this.#outgoing.settled();
  }

  /** After the outbox is closed. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Other nodes have to know what is occupied, of what endpoints are told since now. Never rejects. */
  async #notePresent(before: Sources, here: Here): Promise<void> {
    let noted = 0;
    for (const { key, name } of this.#sources.all) {
      const reader = name.kind === 'app' ? this.#app(key) : this.#hub(key);
      for (const _ of reader.notePresent(here, before.source(key))) {
        noted += 1;
        if (noted % notedAtOnce === 0) await wait(0, this.#options.clock);
      }
    }
  }

  #tellNow(key: string, event: WebhookEvent): void {
    const source = this.#sources.source(key);
    if (source !== undefined) this.#outgoing.emit(source, { ...event, atMs: this.#options.clock.now() });
  }

  #tellChannels(hub: string, group: string, isOccupied: boolean): void {
    for (const { app, channel } of this.#joined.emptyChannels(hub, group))
      this.channelChanged(app, channel, isOccupied);
  }

  #app(key: string): AppReader {
    const groups = {
      isGroupOccupied: (channel: string) => this.#joined.isGroupOccupied(key, channel),
      joinedChannels: () => this.#joined.channels(key),
    };
    const reader = this.#apps.get(key) ?? new AppReader(key, { ...this.#partsOf(key), ...groups });
    this.#apps.set(key, reader);
    return reader;
  }

  #hub(key: string): HubReader {
    const reader = this.#hubs.get(key) ?? new HubReader(key, this.#partsOf(key));
    this.#hubs.set(key, reader);
    return reader;
  }

  #partsOf(key: string) {
    return {
      clock: this.#options.clock,
      occupancies: this.#occupancies,
      source: () => this.#sources.source(key),
      emit: (source: Source, event: Parameters<Outgoing['emit']>[1]) => this.#outgoing.emit(source, event),
    };
  }

  /** Open sockets are to addresses that were allowed before. */
  #allow(networks: readonly string[]): void {
    if (networks.join() === this.#allowed.join()) return;
    this.#guard = this.#newGuard(networks);
    this.#allowed = networks;
    this.#transport.renewSockets();
  }

  #newGuard(allow: readonly string[]): AddressGuard {
    return publicAddresses({ allow, allowsLoopback: this.#options.allowsLoopback });
  }

  #attached(): WebhookQueue {
    if (this.#queue === undefined) throw new Error('webhooks are not attached to an outbox');
    return this.#queue;
  }
}

function tellApp(reader: AppReader, fact: PlainFact): void {
  switch (fact.kind) {
    case 'opened':
      reader.opened(fact);
      break;
    case 'joined':
      reader.joined(fact);
      break;
    case 'left':
      reader.left(fact);
      break;
    case 'memberAdded':
      reader.memberAdded(fact);
      break;
    case 'memberRemoved':
      reader.memberRemoved(fact);
      break;
    case 'clientEvent':
      reader.clientEvent(fact);
      break;
    case 'cacheMissed':
      reader.cacheMissed(fact);
      break;
    case 'counted':
      reader.counted(fact);
      break;
    case 'closed':
      reader.closed(fact);
      break;
    default: // not told
  }
}

function tellHub(reader: HubReader, fact: PlainFact): void {
  switch (fact.kind) {
    case 'identified':
      reader.identified(fact);
      break;
    case 'opened':
      reader.opened(fact);
      break;
    case 'joined':
      reader.joined(fact);
      break;
    case 'left':
      reader.left(fact);
      break;
    case 'ended':
      reader.ended(fact);
      break;
    case 'closed':
      reader.closed(fact);
      break;
    default: // not told
  }
}

/** Pools of functions are opened again by the next request. */
function originsOf(sources: Sources): ReadonlySet<string> {
  const origins = new Set<string>();
  for (const { endpoints } of sources.all) {
    for (const { target } of endpoints) if (target.kind === 'http') origins.add(target.origin);
  }
  return origins;
}
