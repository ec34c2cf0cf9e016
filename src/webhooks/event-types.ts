import { closest, distance } from 'fastest-levenshtein';
import { PubSubError } from '../errors.js';

/** What a Pusher app's webhooks can tell. The last three are sent only to endpoints that list them. [pusher-webhooks 1.2] */
export const appEventTypes = [
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'client_event',
  'cache_miss',
  'subscription_count',
  'connection_established',
  'connection_terminated',
] as const;
export type AppEventType = (typeof appEventTypes)[number];

/** What a Web PubSub hub's webhooks can tell. */
export const hubEventTypes = [
  'connected',
  'disconnected',
  'group_occupied',
  'group_vacated',
  'user_connected',
  'user_disconnected',
] as const;
export type HubEventType = (typeof hubEventTypes)[number];

export type EventType = AppEventType | HubEventType;

/** In `event_types`: all that the owner's webhooks can tell. */
export const everyType = '*';

/**
 * Reads `event_types`.
 * @param known those of the owner: `appEventTypes` or `hubEventTypes`
 * @throws PubSubError `invalid` for a name that is not known, with the one that was probably meant
 */
export function eventTypesOf(names: readonly string[], known: readonly EventType[]): ReadonlySet<EventType> {
  if (names.includes(everyType)) return new Set(known);
  return new Set(names.map(name => known.find(type => type === name) ?? refuse(name, known)));
}

function refuse(name: string, known: readonly EventType[]): never {
  const nearest = closest(name.slice(0, 100).toLowerCase(), known);
  const isNear = distance(name.slice(0, 100).toLowerCase(), nearest) <= Math.max(2, name.length / 3);
  const advice = isNear ? `did you mean ${nearest}?` : `known are ${[...known, everyType].join(', ')}`;
  throw new PubSubError('invalid', `event type ${JSON.stringify(name.slice(0, 100))} is not known: ${advice}`);
}
