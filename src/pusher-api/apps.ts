import type { AppKey } from '../auth/pusher-signatures.js';
import { limits as protocolLimits } from '../protocols/pusher/names.js';

/** The apps that there are, which may change while the service runs. */
export interface ApiApps {
  findById(id: string): ApiApp | undefined;
}

/** An app, as app servers call it. */
export interface ApiApp {
  readonly id: string;
  readonly keys: readonly AppKey[];
  /** Requests of one that is not are refused. */
  readonly enabled: boolean;
  readonly limits?: ApiAppLimits | undefined;
}

/** Each left out: as in `ApiLimits`. */
export type ApiAppLimits = { readonly [K in keyof ApiLimits]?: ApiLimits[K] | undefined };

/** What one request may contain, and how many there may be. */
export interface ApiLimits {
  /** Of the data of one event. Default: 10,240. */
  readonly maxEventBytes: number;
  /** Default: 200. */
  readonly maxEventNameLength: number;
  /** Default: 200. */
  readonly maxChannelNameLength: number;
  /** Default: 100. */
  readonly maxChannelsPerEvent: number;
  /** Default: 10. */
  readonly maxEventsPerBatch: number;
  /** Each event once for each of its channels; on this node. Default: not limited. */
  readonly maxBackendEventsPerSecond: number;
  /** As `MessageQuotas` counts them. Default: not limited. */
  readonly maxMessagesPerDay: number;
  /** Requests that publish nothing; on this node. Default: not limited. */
  readonly maxReadRequestsPerSecond: number;
}

export function limitsOf({ limits = {} }: ApiApp): ApiLimits {
  return {
    maxEventBytes: limits.maxEventBytes ?? protocolLimits.eventBytes,
    maxEventNameLength: limits.maxEventNameLength ?? protocolLimits.eventName,
    maxChannelNameLength: limits.maxChannelNameLength ?? protocolLimits.channelName,
    maxChannelsPerEvent: limits.maxChannelsPerEvent ?? 100,
    maxEventsPerBatch: limits.maxEventsPerBatch ?? 10,
    maxBackendEventsPerSecond: limits.maxBackendEventsPerSecond ?? Number.POSITIVE_INFINITY,
    maxMessagesPerDay: limits.maxMessagesPerDay ?? Number.POSITIVE_INFINITY,
    maxReadRequestsPerSecond: limits.maxReadRequestsPerSecond ?? Number.POSITIVE_INFINITY,
  };
}

/** One event to one channel. */
export interface ChannelEvent {
  readonly channel: string;
  readonly name: string;
  /** UTF-8 text: receivers get it as a string. */
  readonly data: Buffer;
  /** Socket id of a connection that does not get it, on whichever node it is. */
  readonly exceptSocketId: string | undefined;
}

/** A channel that has subscribers. */
export interface OccupiedChannel {
  readonly name: string;
  /** Subscribed connections. */
  readonly subscriptions: number;
  /** Ids of the distinct members of a presence channel; empty on others, and where they were not wanted. */
  readonly userIds: readonly string[];
}

/** The last event of a cache channel. */
export interface CachedEvent {
  readonly data: string;
  readonly ttlSeconds: number;
}

/** An app's channels on all nodes. Rejections: PubSubError `unknown` when nodes did not answer. */
export interface AppChannels {
  /** @throws PubSubError `unknown` when it was not accepted */
  publish(event: ChannelEvent): void;
  /** Those of the named channels that have subscribers. */
  named(names: readonly string[], withUsers: boolean): Promise<readonly OccupiedChannel[]>;
  /** All that have subscribers, without the channels of signed-in users. */
  occupied(prefix: string, withUsers: boolean): Promise<readonly OccupiedChannel[]>;
  cached(name: string): Promise<CachedEvent | undefined>;
  /** Closes the connections that signed in as the user. */
  terminate(userId: string): Promise<void>;
}
