import type { Clock } from '../clock.js';
import type { Closed, FactConnection, Joined, Left, Opened } from '../hub/facts.js';
import type { MembershipTag } from '../protocols/acts.js';
import { Arrivals, type LocalPlace, type Pair, type ReaderParts } from './arrivals.js';
import { CacheMisses } from './cache-misses.js';
import { channelKind } from './channels.js';
import { SubscriptionCount } from './subscription-counts.js';

/** A message that a client published and that was accepted. */
export interface AcceptedClientEvent {
  readonly channel: string;
  readonly event: string;
  readonly data: string;
  readonly socketId: string;
  readonly userId: string | undefined;
}

/** Who is subscribed to one channel. */
interface Channel {
  subscribers: number;
  /** Connections by member, in presence channels. */
  members: Map<string, number> | undefined;
  count: SubscriptionCount | undefined;
}

/** Turns the facts of one Pusher app into the events of its webhooks. (pusher-webhooks 2.4, 5.2) */
export class AppReader {
  readonly #clock: Clock;
  readonly #parts: ReaderParts;
  readonly #arrivals: Arrivals;
  readonly #channels = new Map<string, Channel>();
  readonly #misses = new CacheMisses();
  /** Monotonic, of connections whose end is told. */
  readonly #openedMs = new WeakMap<FactConnection, number>();

  /** @param key of the app as facts name it */
  constructor(key: string, parts: ReaderParts) {
    this.#clock = parts.clock;
    this.#parts = parts;
    this.#arrivals = new Arrivals(key, parts);
  }

  opened({ connection }: Opened): void {
    const source = this.#parts.source();
    if (source === undefined) return;
    if (source.wanted.has('connection_terminated')) this.#openedMs.set(connection, this.#clock.monotonicMs());
    const { id: socketId, userId } = connection;
    this.#parts.emit(source, { name: 'connection_established', atMs: this.#clock.now(), socketId, userId });
  }

  closed({ connection, ending }: Closed): void {
    const source = this.#parts.source();
    const openedMs = this.#openedMs.get(connection);
    if (source === undefined || openedMs === undefined) return;
    this.#parts.emit(source, {
      name: 'connection_terminated',
      atMs: this.#clock.now(),
      socketId: connection.id,
      userId: connection.userId,
      code: undefined,
      reason: ending.reason,
      durationMs: Math.round(this.#clock.monotonicMs() - openedMs),
    });
  }

  joined({ group: name, connection, tag }: Joined): void {
    const channel = this.#channels.get(name) ?? this.#add(name);
    channel.subscribers += 1;
    if (channel.subscribers === 1) this.#occupied(name);
    const userId = memberOf(name, tag);
    if (userId === undefined) this.#counted(name, channel);
    else this.#memberJoined(name, channel, userId, connection.id, tag?.userInfo);
  }

  left({ group: name, connection, tag }: Left): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    channel.subscribers -= 1;
    const userId = memberOf(name, tag);
    if (userId === undefined) this.#counted(name, channel);
    else this.#memberLeft(name, channel, userId, connection.id);
    if (channel.subscribers === 0) this.#vacated(name, channel);
  }

  /** Only events that were accepted are told. */
  clientEvent(event: AcceptedClientEvent): void {
    this.#arrivals.tell(event.channel, 'client_event', () => ({
      name: 'client_event',
      atMs: this.#clock.now(),
      ...event,
    }));
  }

  /** A client has subscribed to a cache channel without a cached event. */
  cacheMissed(channel: string): void {
    this.#arrivals.tell(channel, 'cache_miss', () => {
      if (!this.#misses.missed(channel, this.#clock.monotonicMs())) return undefined;
      return { name: 'cache_miss', atMs: this.#clock.now(), channel };
    });
  }

  eventCached(channel: string): void {
    this.#misses.ended(channel);
  }

  #occupied(channel: string): void {
    this.#arrivals.came({ key: [channel], track: channel }, channelPair(channel), () => this.#misses.ended(channel));
  }

  #vacated(name: string, channel: Channel): void {
    channel.count?.stop();
    this.#channels.delete(name);
    const pair = channelPair(name);
    if (!this.#arrivals.isFollowed(pair)) this.#misses.ended(name);
    this.#arrivals.left({ key: [name], track: name }, pair, channel.members ? 1 : 0); // after its last member
  }

  #memberJoined(name: string, channel: Channel, userId: string, socketId: string, userInfo: unknown): void {
    channel.members ??= new Map();
    const connections = (channel.members.get(userId) ?? 0) + 1;
    channel.members.set(userId, connections);
    if (connections === 1) this.#arrivals.came(memberPlace(name, userId), memberPair(name, userId, socketId, userInfo));
  }

  #memberLeft(name: string, channel: Channel, userId: string, socketId: string): void {
    const connections = (channel.members?.get(userId) ?? 0) - 1;
    if (connections > 0) {
      channel.members?.set(userId, connections);
      return;
    }
    channel.members?.delete(userId);
    this.#arrivals.left(memberPlace(name, userId), memberPair(name, userId, socketId, undefined));
  }

  /** Not of presence channels, which have members. */
  #counted(channel: string, state: Channel): void {
    if (this.#parts.source()?.wanted.has('subscription_count') !== true) return;
    state.count ??= new SubscriptionCount(this.#clock, count => {
      const atMs = this.#clock.now();
      this.#arrivals.tell(channel, 'subscription_count', () => ({ name: 'subscription_count', atMs, channel, count }));
    });
    state.count.changed(state.subscribers);
  }

  #add(name: string): Channel {
    const channel: Channel = { subscribers: 0, members: undefined, count: undefined };
    this.#channels.set(name, channel);
    return channel;
  }
}

function channelPair(channel: string): Pair {
  return {
    appeared: { name: 'channel_occupied', atMs: 0, channel },
    gone: { name: 'channel_vacated', atMs: 0, channel },
  };
}

function memberPlace(channel: string, userId: string): LocalPlace {
  return { key: [channel, userId], track: channel };
}

function memberPair(channel: string, userId: string, socketId: string, userInfo: unknown): Pair {
  return {
    appeared: { name: 'member_added', atMs: 0, channel, userId, socketId, userInfo },
    gone: { name: 'member_removed', atMs: 0, channel, userId, socketId },
  };
}

/** A member's id is text in webhooks: `1` and `"1"` are the same member. (pusher-webhooks 7 row 23) */
function memberOf(channel: string, tag: MembershipTag | undefined): string | undefined {
  if (channelKind(channel) !== 'presence' || tag === undefined) return undefined;
  const { userId } = tag;
  return typeof userId === 'string' || typeof userId === 'number' ? String(userId) : undefined;
}
