import type { Hub } from '../hub/hub.js';
import type { HubName, Hubs } from '../hub/hubs.js';
import type { GroupBridge, GroupBridges, Observer } from '../hub/ports.js';
import { appHubPrefix } from '../protocols/names.js';
import { AppSide, type BridgeParts, HubSide } from './hub-bridge.js';
import { channelOf, groupOf, JoinedChannels } from './joined-channels.js';
import { type AppBridge, type BridgeRule, ruleOf } from './rules.js';

/** The hubs, as bridges use them. */
export type BridgedHubs = Pick<Hubs, 'find' | 'reach' | 'all'>;

/** A channel of an app that has a subscriber on this node, or has none any more, because of the group that is joined with it. */
export type OnOccupancy = (app: string, channel: string, isOccupied: boolean) => void;

export interface BridgesOptions {
  /** Called later than the constructor. */
  readonly hubs: () => BridgedHubs;
  readonly observer: Pick<Observer, 'tell' | 'fault'>;
}

/** One app with its rules. */
interface Joined extends Omit<AppBridge, 'entries'> {
  readonly key: string;
  readonly rules: readonly BridgeRule[];
}

/** Of most hubs. */
const none: readonly never[] = [];

/**
 * Joins groups of hubs with channels of apps. A message is passed on where it was published, at most once to each of them,
 * and what was passed on goes no further, so that no rules make a loop. [pusher-webhooks 5.1, 5.4]
 */
export class Bridges implements GroupBridges {
  /** Called when rules change, for channels that are occupied by them, or not any more. */
  onOccupancy: OnOccupancy = () => {};
  readonly #hubs: () => BridgedHubs;
  readonly #parts: BridgeParts;
  #joined: readonly Joined[] = [];
  #sides: ReadonlyMap<string, GroupBridge> = new Map();
  /** Those that have no clients here: made once, and not for each message. Bounded by the hubs and apps with rules. */
  readonly #spares = new Map<string, Hub>();

  constructor({ hubs, observer }: BridgesOptions) {
    this.#hubs = hubs;
    const passing = {
      hub: (name: string) => this.#target(name, name),
      app: (app: string) => this.#target(appHubPrefix + app, { app }),
    };
    this.#parts = { hubs: passing, observer };
  }

  /** Uses other rules from now on, for what is published by clients that are connected too. */
  configure(apps: readonly AppBridge[]): void {
    const before = this.#channelsOccupiedByGroups();
    this.#joined = apps.map(({ entries, ...app }) => ({
      ...app,
      key: appHubPrefix + app.app,
      rules: entries.map(ruleOf),
    }));
    this.#sides = this.#sidesOf(this.#joined);
    this.#spares.clear();
    for (const hub of this.#hubs().all()) hub.bridge = this.of(hub.name);
    const after = this.#channelsOccupiedByGroups();
    for (const [place, { key, channel }] of after) if (!before.has(place)) this.onOccupancy(key, channel, true);
    for (const [place, { key, channel }] of before) if (!after.has(place)) this.onOccupancy(key, channel, false);
  }

  of(hub: string): GroupBridge | undefined {
    return this.#sides.get(hub);
  }

  /** The channels of an app that are joined with groups. */
  channelsOf(app: string): JoinedChannels {
    return new JoinedChannels(
      () => this.#joined.find(joined => joined.app === app),
      name => this.#hubs().reach(name),
    );
  }

  /** Do members of this node's group receive what is published to the channel? @param key of the app's hub */
  isGroupOccupied(key: string, channel: string): boolean {
    const joined = this.#joined.find(each => each.key === key);
    const group = joined && groupOf(joined, channel);
    return joined !== undefined && group !== undefined && this.#countHere(joined.hub, group) > 0;
  }

  /** Channels of the app without subscribers on this node, whose groups have members on it. @param key of the app's hub */
  *channels(key: string): Iterable<string> {
    for (const each of this.#channelsOccupiedByGroups().values()) if (each.key === key) yield each.channel;
  }

  /** Channels without subscribers on this node that the group is joined with. */
  emptyChannels(hub: string, group: string): readonly { readonly app: string; readonly channel: string }[] {
    if (!this.#joined.some(joined => joined.hub === hub)) return none;
    return this.#joined.flatMap(joined => {
      const channel = joined.hub === hub ? channelOf(joined, group) : undefined;
      return channel === undefined || this.#hasSubscribers(joined, channel) ? [] : [{ app: joined.key, channel }];
    });
  }

  /** A hub without clients reaches other nodes, and keeps the last event of a channel, all the same. */
  #target(key: string, name: HubName): Hub {
    const hubs = this.#hubs();
    const target = hubs.find(name) ?? this.#spares.get(key);
    if (target !== undefined) return target;
    const spare = hubs.reach(name);
    this.#spares.set(key, spare);
    return spare;
  }

  #sidesOf(joined: readonly Joined[]): ReadonlyMap<string, GroupBridge> {
    const sides = new Map<string, GroupBridge>();
    for (const hub of new Set(joined.map(each => each.hub))) {
      const apps = joined
        .filter(each => each.hub === hub)
        .map(({ app, maxEventBytes, rules }) => ({ app, maxEventBytes, rules: rules.filter(rule => rule.isToChannel) }))
        .filter(({ rules }) => rules.length > 0);
      if (apps.length > 0) sides.set(hub, new HubSide(hub, apps, this.#parts));
    }
    for (const { key, hub, rules } of joined) {
      const toGroup = rules.filter(rule => rule.isToGroup);
      if (toGroup.length > 0) sides.set(key, new AppSide(key, hub, toGroup, this.#parts));
    }
    return sides;
  }

  /** Those without subscribers of their own, of this node. */
  #channelsOccupiedByGroups(): ReadonlyMap<string, { readonly key: string; readonly channel: string }> {
    const found = new Map<string, { key: string; channel: string }>();
    for (const joined of this.#joined) {
      for (const group of this.#hubs().find(joined.hub)?.groupsHere() ?? []) {
        const channel = channelOf(joined, group);
        if (channel === undefined || this.#hasSubscribers(joined, channel)) continue;
        found.set(`${joined.key} ${channel}`, { key: joined.key, channel });
      }
    }
    return found;
  }

  #hasSubscribers({ app }: Joined, channel: string): boolean {
    return (this.#hubs().find({ app })?.countHere(channel) ?? 0) > 0;
  }

  #countHere(hub: string, group: string): number {
    return this.#hubs().find(hub)?.countHere(group) ?? 0;
  }
}
