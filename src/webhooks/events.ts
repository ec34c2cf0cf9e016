import type { EventType } from './event-types.js';

/** Which keys events have: exactly Pusher's, or some more. [pusher-webhooks 2.3] */
export type PayloadProfile = 'pusher' | 'extended';

/** Of each event. */
interface Told<Name extends EventType> {
  readonly name: Name;
  /** When it happened; wall clock. */
  readonly atMs: number;
}

/** A channel was given its first subscriber, lost its last, or had no cached event for a subscriber. */
export interface ChannelEvent extends Told<'channel_occupied' | 'channel_vacated' | 'cache_miss'> {
  readonly channel: string;
}

/** A user came to a presence channel with the first connection, or left it with the last. */
export interface MemberEvent extends Told<'member_added' | 'member_removed'> {
  readonly channel: string;
  readonly userId: string;
  /** Of the connection that made the difference, if it is known. */
  readonly socketId: string | undefined;
  /** Of `member_added`: a JSON text, so that its numbers keep their digits. */
  readonly userInfo?: string | undefined;
}

export interface ClientEvent extends Told<'client_event'> {
  readonly channel: string;
  readonly event: string;
  /** A string as the client sent it, anything else as JSON text: see `clientData`. */
  readonly data: string;
  readonly socketId: string;
  /** Of the member on a presence channel; elsewhere of the user that is signed in, which only `extended` tells. */
  readonly userId: string | undefined;
}

export interface CountEvent extends Told<'subscription_count'> {
  readonly channel: string;
  readonly count: number;
}

export interface ConnectionOpened extends Told<'connection_established'> {
  readonly socketId: string;
  readonly userId: string | undefined;
}

/** What clients see as the close code of a connection that was lost. [RFC 6455 7.1.5] */
export const noCloseFrame = 1006;

export interface ConnectionEnded extends Told<'connection_terminated'> {
  readonly socketId: string;
  readonly userId: string | undefined;
  /** Of the Close frame; without one `noCloseFrame`. */
  readonly code: number;
  readonly reason: string;
  readonly durationMs: number;
}

/** A connection of a Web PubSub hub. */
export interface HubConnectionEvent extends Told<'connected' | 'disconnected'> {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Of `disconnected`. */
  readonly reason?: string | undefined;
}

export interface GroupEvent extends Told<'group_occupied' | 'group_vacated'> {
  readonly group: string;
}

/** The first connection of a user, or the last. */
export interface UserEvent extends Told<'user_connected' | 'user_disconnected'> {
  readonly userId: string;
}

export type WebhookEvent =
  | ChannelEvent
  | MemberEvent
  | ClientEvent
  | CountEvent
  | ConnectionOpened
  | ConnectionEnded
  | HubConnectionEvent
  | GroupEvent
  | UserEvent;

/** `data` of a client event as webhooks tell it: official libraries accept a string only. [pusher-webhooks 2.3] */
export function clientData(data: unknown): string {
  return typeof data === 'string' ? data : (JSON.stringify(data) ?? 'null');
}

/** Name of the channel or group that an event is about; filters are about it. */
export function channelOf(event: WebhookEvent): string | undefined {
  if ('channel' in event) return event.channel;
  return 'group' in event ? event.group : undefined;
}

/** What an endpoint that keeps order keeps it by. */
export function orderKeyOf(event: WebhookEvent): string {
  const channel = channelOf(event);
  if (channel !== undefined) return channel;
  if ('socketId' in event) return event.socketId ?? '';
  return 'connectionId' in event ? event.connectionId : 'userId' in event ? (event.userId ?? '') : '';
}

/** The JSON text of an event: keys in the order of pusher-webhooks 2.3, those of `extended` behind them. */
export function eventText(event: WebhookEvent, profile: PayloadProfile): string {
  const extended = profile === 'extended';
  // An undefined value is left out.
  return JSON.stringify({ name: event.name, ...fieldsOf(event, extended), ...(extended && { time_ms: event.atMs }) });
}

function fieldsOf(event: WebhookEvent, isExtended: boolean): object {
  switch (event.name) {
    case 'channel_occupied':
    case 'channel_vacated':
    case 'cache_miss':
      return { channel: event.channel };
    case 'member_added':
    case 'member_removed':
      return memberFields(event, isExtended);
    case 'client_event':
      return clientFields(event, isExtended);
    case 'subscription_count':
      return { channel: event.channel, subscription_count: event.count };
    case 'connection_established':
      return { socket_id: event.socketId, user_id: event.userId, time_ms: event.atMs };
    case 'connection_terminated': {
      const { socketId, userId, code, reason, durationMs, atMs } = event;
      return { socket_id: socketId, user_id: userId, code, reason, duration_ms: durationMs, time_ms: atMs };
    }
    case 'connected':
    case 'disconnected':
      return { connection_id: event.connectionId, user_id: event.userId, reason: event.reason };
    case 'group_occupied':
    case 'group_vacated':
      return { group: event.group };
    case 'user_connected':
    case 'user_disconnected':
      return { user_id: event.userId };
  }
}

function memberFields({ name, channel, userId, socketId, userInfo }: MemberEvent, isExtended: boolean): object {
  const fields = { channel, user_id: userId };
  if (!isExtended) return fields;
  const data = `{"user_id":${JSON.stringify(userId)},"user_info":${userInfo ?? '{}'}}`;
  return { ...fields, socket_id: socketId, ...(name === 'member_added' && { data }) };
}

function clientFields({ channel, event, data, socketId, userId }: ClientEvent, isExtended: boolean): object {
  const isTold = isExtended || channel.startsWith('presence-');
  return { channel, event, data, socket_id: socketId, ...(isTold && { user_id: userId }) };
}
