import { isDotSegment } from '../names.js';

/** Names, limits and codes of the Pusher protocol, version 7. [PW §3.8, §3.10, §3.11] */

/** What a subscription to the channel needs. A kind shows in the name's beginning, and nowhere else. */
export type ChannelKind = 'public' | 'private' | 'encrypted' | 'presence' | 'serverToUser';

const serverToUserPrefix = '#server-to-user-';

export const limits = {
  /** Characters of a channel's name, of an event's name, and of a member's id. */
  channelName: 200,
  eventName: 200,
  userId: 128,
  /** Bytes of the data of one event. */
  eventBytes: 10_240,
  /** Bytes of the `user_info` of one member, as JSON. */
  userInfoBytes: 1_024,
  /** Arrays and objects within one another, in the same. */
  userInfoDepth: 100,
  /** Of a presence channel. */
  members: 100,
  /** Of one connection. */
  clientEventsPerSecond: 10,
  /** Users whom one user watches. */
  watchlist: 100,
} as const;

/** Of a whole message, in bytes: what an app's own limits need, and no less than the first. A sign-in has up to 100 watched users. */
const messageBytes = { least: 64 * 1024, most: 1024 * 1024 } as const;

/** Most bytes that JSON needs for one byte of a string: `\u001f`. */
const longestEscape = 6;

/** What an event or a member has beside its data: its name, and names of fields. */
const besidesDataBytes = 4 * 1024;

/** Most bytes of an event or a member with so many bytes of data, in JSON, however it is written; names of channels come on top. */
export function jsonBytesFor(dataBytes: number): number {
  return longestEscape * dataBytes + besidesDataBytes;
}

/** @param dataBytes that the data of one event or of one member may have */
export function messageBytesFor(dataBytes: number): number {
  return Math.min(messageBytes.most, Math.max(messageBytes.least, jsonBytesFor(dataBytes)));
}

/** How long the last event of a cache channel is kept. */
export const cacheTtlMs = 30 * 60 * 1_000;

/** `code` of a `pusher:error` on an open connection; null where the protocol has none. */
export const errorCodes = { unauthorized: 4009, clientEventRefused: 4301, watchlistTooLong: 4302 } as const;

/** WebSocket close codes: clients do not come again after 4000 to 4099, wait after 4100 to 4199, and come at once after 4200 to 4299. Never 43xx. */
export const closeCodes = {
  unknownApp: 4001,
  appDisabled: 4003,
  overQuota: 4004,
  badPath: 4005,
  badVersion: 4006,
  unsupportedProtocol: 4007,
  unauthorized: 4009,
  overCapacity: 4100,
  reconnect: 4200,
  pongNotReceived: 4201,
} as const;

const channelName = /^[A-Za-z0-9_\-=@,.;]{1,200}$/;
const signedInId = /^[A-Za-z0-9_\-=@,.;]+$/;
const cachePrefix = /^(?:private-encrypted-|private-|presence-)?cache-/;

/** Undefined: not a channel's name. */
export function channelKindOf(name: string): ChannelKind | undefined {
  if (name.startsWith('#')) return userOfChannel(name) === undefined ? undefined : 'serverToUser';
  if (!channelName.test(name) || isDotSegment(name)) return undefined;
  if (name.startsWith('private-encrypted-')) return 'encrypted';
  if (name.startsWith('private-')) return 'private';
  return name.startsWith('presence-') ? 'presence' : 'public';
}

export function isPresenceChannel(name: string): boolean {
  return name.startsWith('presence-');
}

export function isCacheChannel(name: string): boolean {
  return cachePrefix.test(name);
}

/** The channel in which a signed-in user is sent events. */
export function channelOfUser(userId: string): string {
  return serverToUserPrefix + userId;
}

/** Undefined: it is not the channel of a user. */
export function userOfChannel(name: string): string | undefined {
  if (!name.startsWith(serverToUserPrefix)) return undefined;
  const userId = name.slice(serverToUserPrefix.length);
  return isSignedInUserId(userId) ? userId : undefined;
}

/** May it be the id of a user who signs in? Its channel's name must be a valid one. */
export function isSignedInUserId(id: string): boolean {
  return signedInId.test(id) && id.length <= limits.channelName - serverToUserPrefix.length && !isDotSegment(id);
}

/** May an app server publish an event of this name? */
export function isPublishableEvent(name: string): boolean {
  return isEventName(name) && !/^pusher(?:_internal)?:/.test(name);
}

/** 1 to 200 characters, none of them a control character. */
export function isEventName(name: string): boolean {
  return name.length > 0 && hasAtMost(limits.eventName, name) && !/[\u0000-\u001f\u007f]/.test(name);
}

/** Has the text so many characters? Those above U+FFFF are two units of a string, and one character. [PW §3.11] */
export function hasAtMost(characters: number, text: string): boolean {
  if (text.length <= characters) return true;
  return text.length <= 2 * characters && [...text].length <= characters;
}

export function isClientEvent(name: string): boolean {
  return name.startsWith('client-');
}
