import type { Hub } from '../hub/hub.js';
import type { OccupiedGroup } from '../hub/occupancy.js';
import { cacheTtlMs, isCacheChannel, userOfChannel } from '../protocols/pusher/names.js';
import type { AppChannels, CachedEvent, ChannelEvent, OccupiedChannel } from './apps.js';
import { inTurns } from './turns.js';

/** The part of an app's hub that the API uses. */
export type ChannelHub = Pick<
  Hub,
  'sendToGroup' | 'sendToUserAs' | 'occupiedAmong' | 'occupiedGroups' | 'lastMessage' | 'closeUser'
>;

const terminated = 'Your connections were terminated by the app server.';

/** Channels that are occupied because members of groups of a hub receive what is published to them. [pusher-webhooks 5.4] */
export interface ForeignOccupancy {
  /** Those of the named channels. */
  occupiedAmong(channels: readonly string[]): Promise<readonly string[]>;
  /** Those whose names begin with the prefix. */
  occupied(prefix: string): Promise<readonly string[]>;
}

/** The channels of an app as groups of its hub. [pusher-webhooks 5.1] */
export class HubChannels implements AppChannels {
  readonly #hub: () => ChannelHub;
  readonly #foreign: ForeignOccupancy;

  /** @param hub called for each operation: a hub exists while it has clients */
  constructor(hub: () => ChannelHub, foreign: ForeignOccupancy) {
    this.#hub = hub;
    this.#foreign = foreign;
  }

  /** The event of a user's channel reaches the connections that signed in, whether they subscribed or not. [pusher-webhooks 3.9] */
  publish({ channel, name: event, data, exceptSocketId }: ChannelEvent): void {
    const payload = { dataType: 'text', bytes: data, metadata: undefined } as const;
    const excluded = exceptSocketId === undefined ? [] : [exceptSocketId];
    const userId = userOfChannel(channel);
    if (userId !== undefined) {
      this.#hub().sendToUserAs(userId, channel, payload, { excluded, event });
      return;
    }
    const keptMs = isCacheChannel(channel) ? cacheTtlMs : undefined;
    this.#hub().sendToGroup(channel, payload, { excluded, event, keptMs });
  }

  async named(names: readonly string[], withUsers: boolean): Promise<readonly OccupiedChannel[]> {
    const [groups, foreign] = await Promise.all([
      this.#hub().occupiedAmong(names, withUsers),
      this.#foreign.occupiedAmong(names),
    ]);
    return await withForeign(groups, foreign);
  }

  async occupied(prefix: string, withUsers: boolean): Promise<readonly OccupiedChannel[]> {
    const [groups, foreign] = await Promise.all([
      this.#hub().occupiedGroups(prefix, withUsers),
      this.#foreign.occupied(prefix),
    ]);
    return await withForeign(groups, foreign, ({ group }) => userOfChannel(group) === undefined);
  }

  async cached(name: string): Promise<CachedEvent | undefined> {
    const kept = await this.#hub().lastMessage(name);
    if (kept === undefined) return undefined;
    const { message, ttlMs } = kept;
    return { data: message.payload.bytes.toString('utf8'), ttlSeconds: Math.ceil(ttlMs / 1_000) };
  }

  terminate(userId: string): Promise<void> {
    return this.#hub().closeUser(userId, { reason: terminated });
  }
}

function channelOf({ group, connections, memberIds }: OccupiedGroup): OccupiedChannel {
  return { name: group, subscriptions: connections, userIds: memberIds };
}

/** Members of groups are no subscribers, and are not counted. There may be hundreds of thousands of channels. */
async function withForeign(
  groups: readonly OccupiedGroup[],
  foreign: readonly string[],
  isWanted: (group: OccupiedGroup) => boolean = () => true,
): Promise<readonly OccupiedChannel[]> {
  const channels: OccupiedChannel[] = [];
  await inTurns(groups, group => {
    if (isWanted(group)) channels.push(channelOf(group));
  });
  if (foreign.length === 0) return channels;
  const known = new Set<string>();
  await inTurns(channels, ({ name }) => known.add(name));
  await inTurns(foreign, name => {
    if (!known.has(name)) channels.push({ name, subscriptions: 0, userIds: [] });
  });
  return channels;
}
