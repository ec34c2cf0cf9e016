import type { Hub } from '../hub/hub.js';
import type { OccupiedGroup } from '../hub/occupancy.js';
import { cacheTtlMs, isCacheChannel, userOfChannel } from '../protocols/pusher/names.js';
import type { AppChannels, CachedEvent, ChannelEvent, OccupiedChannel } from './apps.js';

/** The part of an app's hub that the API uses. */
export type ChannelHub = Pick<
  Hub,
  'sendToGroup' | 'sendToUserAs' | 'occupiedAmong' | 'occupiedGroups' | 'lastMessage' | 'closeUser'
>;

const terminated = 'Your connections were terminated by the app server.';

/** The channels of an app as groups of its hub. [pusher-webhooks 5.1] */
export class HubChannels implements AppChannels {
  readonly #hub: () => ChannelHub;

  /** @param hub called for each operation: a hub exists while it has clients */
  constructor(hub: () => ChannelHub) {
    this.#hub = hub;
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
    return (await this.#hub().occupiedAmong(names, withUsers)).map(channelOf);
  }

  async occupied(prefix: string, withUsers: boolean): Promise<readonly OccupiedChannel[]> {
    const groups = await this.#hub().occupiedGroups(prefix, withUsers);
    return groups.filter(({ group }) => userOfChannel(group) === undefined).map(channelOf);
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
