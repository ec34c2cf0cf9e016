import type { SendOptions } from '../hub/call-options.js';
import type { FactConnection, NotPassedOnReason } from '../hub/facts.js';
import type { Hub } from '../hub/hub.js';
import type { GroupBridge, Observer } from '../hub/ports.js';
import type { GroupMessage } from '../protocols/messages.js';
import { cacheTtlMs, isCacheChannel } from '../protocols/pusher/names.js';
import { eventDataOf, groupPayloadOf } from './conversions.js';
import { type BridgeRule, channelFor, groupFor } from './rules.js';

/** The hubs between which messages are passed on. */
export interface PassingHubs {
  /** For one message: a hub exists while it has clients. */
  hub(name: string): Pick<Hub, 'passOn'>;
  app(id: string): Pick<Hub, 'passOn'>;
}

export interface BridgeParts {
  readonly hubs: PassingHubs;
  readonly observer: Pick<Observer, 'tell' | 'fault'>;
}

/** The largest message that clients and app servers of a hub may publish. [client-protocols 4.1, rest-api 2.8] */
const maxMessageBytes = 1024 * 1024;

/** What is done with one message; undefined: nothing is wrong. */
type Problem = NotPassedOnReason | undefined;

/** One hub's or one app's side of bridges: passes each message on once, on the node where it was published. */
abstract class Side implements GroupBridge {
  readonly #parts: BridgeParts;
  readonly #source: string;

  /** @param source key of the hub where messages are published */
  constructor(source: string, parts: BridgeParts) {
    this.#source = source;
    this.#parts = parts;
  }

  published(message: GroupMessage, options: SendOptions, by: FactConnection | undefined): void {
    if (message.stream?.isEnd) return; // it has no content
    try {
      this.pass(message, options, by);
    } catch (error) {
      this.#parts.observer.fault(`bridge of hub ${this.#source}`, error);
    }
  }

  protected abstract pass(message: GroupMessage, options: SendOptions, by: FactConnection | undefined): void;

  protected get hubs(): PassingHubs {
    return this.#parts.hubs;
  }

  protected tell(group: string, reason: Problem): void {
    if (reason !== undefined) this.#parts.observer.tell({ kind: 'notPassedOn', hub: this.#source, group, reason });
  }
}

/** One app that is joined with a hub. */
export interface JoinedApp {
  readonly app: string;
  /** Those by which messages of groups go to channels. */
  readonly rules: readonly BridgeRule[];
  readonly maxEventBytes: number;
}

/** Messages of a hub's groups become events of channels. */
export class HubSide extends Side {
  readonly #apps: readonly JoinedApp[];

  constructor(hub: string, apps: readonly JoinedApp[], parts: BridgeParts) {
    super(hub, parts);
    this.#apps = apps;
  }

  protected override pass(message: GroupMessage, options: SendOptions, by: FactConnection | undefined): void {
    for (const joined of this.#apps) {
      for (const rule of joined.rules) {
        if (rule.group.partOf(message.group) === undefined) continue;
        this.tell(message.group, this.#passTo(joined, rule, message, options, by));
        break; // the rules of an app have no group in common
      }
    }
  }

  #passTo(
    { app, maxEventBytes }: JoinedApp,
    rule: BridgeRule,
    { group, payload, fromUserId, event = rule.event }: GroupMessage,
    options: SendOptions,
    by: FactConnection | undefined,
  ): Problem {
    const channel = channelFor(rule, group);
    if (channel === undefined) return 'name';
    const bytes = eventDataOf(payload);
    if (bytes === undefined) return 'binary';
    if (bytes.length > maxEventBytes) return 'tooLarge';
    // As of events of the app's own: those of clients are not kept.
    const keptMs = by === undefined && isCacheChannel(channel) ? cacheTtlMs : undefined;
    const data = { dataType: 'text', bytes, metadata: undefined } as const;
    const message = {
      kind: 'groupMessage',
      group: channel,
      fromUserId,
      payload: data,
      stream: undefined,
      event,
    } as const;
    const publication = this.hubs.app(app).passOn(message, { ...conditionsOf(options, by), keptMs });
    return publication === 'shed' ? 'shed' : undefined;
  }
}

/** Events of an app's channels become messages of a hub's groups. */
export class AppSide extends Side {
  readonly #hub: string;
  readonly #rules: readonly BridgeRule[];

  /** @param rules those by which events of channels go to groups */
  constructor(appKey: string, hub: string, rules: readonly BridgeRule[], parts: BridgeParts) {
    super(appKey, parts);
    this.#hub = hub;
    this.#rules = rules;
  }

  protected override pass(message: GroupMessage, options: SendOptions, by: FactConnection | undefined): void {
    for (const rule of this.#rules) {
      const group = groupFor(rule, message.group);
      if (group === undefined) continue;
      this.tell(message.group, this.#passTo(group, message, conditionsOf(options, by)));
      return; // the rules of an app have no channel in common
    }
  }

  #passTo(group: string, event: GroupMessage, conditions: SendOptions): Problem {
    if (event.payload.bytes.length > maxMessageBytes) return 'tooLarge';
    const { fromUserId } = event;
    const payload = groupPayloadOf(event);
    const message = { kind: 'groupMessage', group, fromUserId, payload, stream: undefined } as const;
    const publication = this.hubs.hub(this.#hub).passOn(message, conditions);
    return publication === 'shed' ? 'shed' : undefined;
  }
}

/** A client excludes itself only, which is not on the other side: messages of several clients leave together there. */
function conditionsOf(
  { excluded = [], filter, ttlSeconds = 0 }: SendOptions,
  by: FactConnection | undefined,
): SendOptions {
  return { excluded: by === undefined ? excluded : [], filter, ttlSeconds };
}
