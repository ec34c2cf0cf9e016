import { isCacheChannel, isPresenceChannel } from '../protocols/pusher/names.js';
import type { OccupiedChannel } from './apps.js';
import { invalid } from './failures.js';

/** What a caller may want to know of a channel. [pusher-webhooks 4.2] */
export type Attribute = 'user_count' | 'subscription_count' | 'cache';

export type Attributes = ReadonlySet<Attribute>;

/** Of several channels. */
export const counts: readonly Attribute[] = ['user_count', 'subscription_count'];
export const everyAttribute: readonly Attribute[] = [...counts, 'cache'];

/** @param info names with commas between them; undefined, null and `""`: nothing is wanted. @throws ApiFailure `invalid` */
export function attributesOf(info: unknown, allowed: readonly Attribute[]): Attributes {
  if (info === undefined || info === null) return new Set();
  if (typeof info !== 'string')
    throw invalid(`info must be a string: ${allowed.join(', ')}, with commas between them.`);
  const names = info.split(',').map(name => name.trim());
  const isAllowed = (name: string): name is Attribute => (allowed as readonly string[]).includes(name);
  const wanted = names.filter(name => name !== '');
  if (!wanted.every(isAllowed)) throw invalid(`info may contain ${allowed.join(', ')}; it contains another attribute.`);
  return new Set(wanted);
}

/** @throws ApiFailure `invalid` for what the channel has not */
export function checkApplicable(attributes: Attributes, channel: string): void {
  if (attributes.has('user_count') && !isPresenceChannel(channel)) {
    throw invalid('user_count is an attribute of presence channels only; their names begin with presence-.');
  }
  if (attributes.has('cache') && !isCacheChannel(channel)) {
    throw invalid('cache is an attribute of cache channels only, such as cache-… and private-cache-….');
  }
}

/** The counts that are wanted of a channel, as far as it has them. @param occupied undefined: nobody is subscribed */
export function countsOf(
  channel: string,
  occupied: OccupiedChannel | undefined,
  attributes: Attributes,
): { user_count?: number; subscription_count?: number } {
  return {
    ...(attributes.has('user_count') && isPresenceChannel(channel) && { user_count: occupied?.userIds.length ?? 0 }),
    ...(attributes.has('subscription_count') && { subscription_count: occupied?.subscriptions ?? 0 }),
  };
}
