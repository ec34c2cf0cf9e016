import type { Clock } from '../clock.js';
import type {
  CacheMissed,
  ClientEvent,
  Closed,
  Counted,
  FactConnection,
  Joined,
  Left,
  MemberChanged,
  Opened,
} from '../hub/facts.js';
import { Arrivals, type LocalPlace, type Pair, type ReaderParts } from './arrivals.js';
import { channelKind, isCacheChannel } from './channels.js';
import { noCloseFrame, type WebhookEvent } from './events.js';
import type { Here } from './here.js';
import type { Source } from './sources.js';

export interface AppReaderParts extends ReaderParts {
  /** Has the group that is joined with the channel a member? */
  readonly isGroupOccupied: (channel: string) => boolean;
  /** Channels that only such groups occupy. */
  readonly joinedChannels: () => Iterable<string>;
}

/** For how long a miss is told once. [pusher-webhooks 2.4] */
const missMs = 60_000;

/** Turns the facts of one Pusher app into the events of its webhooks. [pusher-webhooks 2.4, 5.2] */
export class AppReader {
  readonly #key: string;
  readonly #clock: Clock;
  readonly #parts: AppReaderParts;
  readonly #arrivals: Arrivals;
  /** Monotonic, of connections whose end is told. */
  readonly #openedMs = new WeakMap<FactConnection, number>();

  /** @param key of the app as facts name it */
  constructor(key: string, parts: AppReaderParts) {
    this.#key = key;
    this.#clock = parts.clock;
    this.#parts = parts;
    this.#arrivals = new Arrivals(key, parts);
  }

  /** At a reload: those who are there already, one after another. @param before the source as it was */
  *notePresent({ groups, members }: Here, before: Source | undefined): Iterable<void> {
    for (const channel of groups(this.#key)) {
      yield this.#wasOccupied(channel, before);
      for (const member of members(this.#key, channel)) {
        const at = { group: channel, member };
        yield this.#arrivals.wasThere(memberPlace(at), memberPair(at), before);
      }
    }
    for (const channel of this.#parts.joinedChannels()) yield this.#wasOccupied(channel, before);
  }

  #wasOccupied(channel: string, before: Source | undefined): void {
    this.#arrivals.wasThere(channelPlace(channel), channelPair(channel), before);
  }

  opened({ connection }: Opened): void {
    const source = this.#parts.source();
    if (source === undefined) return;
    if (source.wanted.has('connection_terminated')) this.#openedMs.set(connection, this.#clock.monotonicMs());
    const { id: socketId, userId } = connection;
    this.#parts.emit(source, { name: 'connection_established', atMs: this.#clock.now(), socketId, userId });
  }

  closed({ connection, ending: { code, reason } }: Closed): void {
    const source = this.#parts.source();
    const openedMs = this.#openedMs.get(connection);
    if (source === undefined || openedMs === undefined) return;
    this.#parts.emit(source, {
      name: 'connection_terminated',
      atMs: this.#clock.now(),
      socketId: connection.id,
      userId: connection.userId,
      code: code ?? noCloseFrame,
      reason,
      durationMs: Math.round(this.#clock.monotonicMs() - openedMs),
    });
  }

  joined({ group: channel, isFirst }: Joined): void {
    if (isFirst && !this.#parts.isGroupOccupied(channel)) this.occupied(channel);
  }

  left({ group: channel, isLast }: Left): void {
    if (isLast && !this.#parts.isGroupOccupied(channel)) this.vacated(channel);
  }

  /** It has its first subscriber, or the group that is joined with it its first member. [pusher-webhooks 7, row 28] */
  occupied(channel: string): void {
    this.#arrivals.came(channelPlace(channel), channelPair(channel));
  }

  /** Neither is there any more. Of a presence channel later than of its last member. */
  vacated(channel: string): void {
    this.#arrivals.left(channelPlace(channel), channelPair(channel));
  }

  memberAdded(fact: MemberChanged): void {
    this.#arrivals.came(memberPlace(fact), memberPair(fact));
  }

  memberRemoved(fact: MemberChanged): void {
    this.#arrivals.left(memberPlace(fact), memberPair(fact));
  }

  clientEvent({ group: channel, event, payload, memberId, connection: { id: socketId, userId } }: ClientEvent): void {
    this.#arrivals.tell(channel, 'client_event', () => ({
      name: 'client_event',
      atMs: this.#clock.now(),
      channel,
      event,
      data: payload.bytes.toString('utf8'), // as the protocol forwards it: always a string
      socketId,
      userId: memberId ?? userId,
    }));
  }

  cacheMissed({ group: channel }: CacheMissed): void {
    this.#arrivals.missed(channelPlace(channel), missOf(channel), missMs);
  }

  /** Presence channels have members instead. */
  counted({ group: channel, count }: Counted): void {
    if (channelKind(channel) === 'presence') return;
    const atMs = this.#clock.now();
    this.#arrivals.tell(channel, 'subscription_count', () => ({ name: 'subscription_count', atMs, channel, count }));
  }
}

/** A presence channel is told as vacated later than its last member as removed. */
function channelPlace(channel: string): LocalPlace {
  return { key: [channel], track: channel, isLast: channelKind(channel) === 'presence' };
}

function channelPair(channel: string): Pair {
  return {
    appeared: { name: 'channel_occupied', atMs: 0, channel },
    gone: { name: 'channel_vacated', atMs: 0, channel },
    between: isCacheChannel(channel) ? missOf(channel) : undefined,
  };
}

function missOf(channel: string): WebhookEvent {
  return { name: 'cache_miss', atMs: 0, channel };
}

/** Of a connection that is not known. */
const nobody = { id: undefined };

/** @param connection undefined: one of several */
interface MemberAt extends Pick<MemberChanged, 'group' | 'member'> {
  readonly connection?: { readonly id: string | undefined };
}

function memberPlace({ group, member }: MemberAt): LocalPlace {
  return { key: [group, member.id], track: group };
}

function memberPair({
  group: channel,
  member: { id: userId, about },
  connection: { id: socketId } = nobody,
}: MemberAt): Pair {
  return {
    appeared: { name: 'member_added', atMs: 0, channel, userId, socketId, userInfo: about.infoJson as string },
    gone: { name: 'member_removed', atMs: 0, channel, userId, socketId },
    lost: { name: 'member_removed', atMs: 0, channel, userId, socketId: undefined }, // of which connection is not known
  };
}
