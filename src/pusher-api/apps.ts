import type { AppKey } from '../auth/pusher-signatures.js';

/** Finds an app by the id in a path. */
export interface ApiApps {
  findById(id: string): ApiApp | undefined;
}

/** An app, as app servers call it. Read at each request: a reload applies at once. */
export interface ApiApp {
  readonly id: string;
  readonly isEnabled: boolean;
  readonly keys: readonly AppKey[];
  readonly limits: ApiLimits;
  readonly channels: AppChannels;
}

/** What one request may contain, and how many there may be. */
export interface ApiLimits {
  /** Bytes of the data of one event. */
  readonly eventBytes: number;
  readonly eventNameLength: number;
  readonly channelNameLength: number;
  readonly channelsPerEvent: number;
  readonly eventsPerBatch: number;
  /** Messages, each event once for each of its channels, on this node. Infinity: not limited. */
  readonly messagesPerSecond: number;
  /** Other requests, on this node. Infinity: not limited. */
  readonly readsPerSecond: number;
}

export const defaultLimits: ApiLimits = {
  eventBytes: 10_240,
  eventNameLength: 200,
  channelNameLength: 200,
  channelsPerEvent: 100,
  eventsPerBatch: 10,
  messagesPerSecond: Number.POSITIVE_INFINITY,
  readsPerSecond: Number.POSITIVE_INFINITY,
};

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
