import { Frame } from '../../frames/frames.js';
import type { DataMessage, GroupMember } from '../messages.js';
import { isPresenceChannel } from './names.js';

/** Frames to clients. `data` is a string that contains JSON wherever clients need one; see the table. [PW §3.3] */

/**
 * The member of a presence channel as its `channel_data` had it, each as JSON text. Its id is a string or a number there, a
 * number as JavaScript writes it: pusher-js finds members by that text. Everywhere else ids are strings. [PW §7, row 23]
 */
export interface MemberData {
  readonly idJson: string;
  readonly infoJson: string;
}

function dataOf({ about }: GroupMember): MemberData {
  return about as unknown as MemberData;
}

function textFrame(json: string): Frame {
  return new Frame(false, Buffer.from(json, 'utf8'));
}

function onChannel(event: string, channel: string, data: string): Frame {
  return textFrame(`{"event":"${event}","channel":${JSON.stringify(channel)},"data":${data}}`);
}

/** JSON in a string. */
function quoted(value: unknown): string {
  return JSON.stringify(JSON.stringify(value));
}

export const pong = textFrame('{"event":"pusher:pong","data":{}}');
export const ping = textFrame('{"event":"pusher:ping","data":{}}');

export function connectionEstablished(socketId: string, activityTimeoutSeconds: number): Frame {
  const data = quoted({ socket_id: socketId, activity_timeout: activityTimeoutSeconds });
  return textFrame(`{"event":"pusher:connection_established","data":${data}}`);
}

/** @param code null: none is defined for it */
export function pusherError(code: number | null, message: string): Frame {
  return textFrame(`{"event":"pusher:error","data":${JSON.stringify({ code, message })}}`);
}

export function subscriptionError(channel: string, type: string, error: string, status?: number): Frame {
  return onChannel('pusher:subscription_error', channel, JSON.stringify({ type, error, status }));
}

/** @param members of a presence channel; undefined on others */
export function subscriptionSucceeded(channel: string, members: readonly GroupMember[] | undefined): Frame {
  if (members === undefined) return succeeded(channel, '"{}"');
  const frame = framesOfLists.get(members) ?? succeeded(channel, presenceOf(members));
  framesOfLists.set(members, frame);
  return frame;
}

/** All who join a channel in one turn are given the same list, and its frame: it is written once. */
const framesOfLists = new WeakMap<readonly GroupMember[], Frame>();

function succeeded(channel: string, data: string): Frame {
  return onChannel('pusher_internal:subscription_succeeded', channel, data);
}

function presenceOf(members: readonly GroupMember[]): string {
  const ids = members.map(member => keyOf(dataOf(member)));
  const hash = members.map((member, index) => `${ids[index]}:${dataOf(member).infoJson}`);
  return JSON.stringify(`{"presence":{"ids":[${ids.join()}],"hash":{${hash.join()}},"count":${ids.length}}}`);
}

/** The id as a string. */
function keyOf({ idJson }: MemberData): string {
  return idJson.startsWith('"') ? idJson : `"${idJson}"`;
}

export function memberAdded(channel: string, member: GroupMember): Frame {
  const { idJson, infoJson } = dataOf(member);
  const data = JSON.stringify(`{"user_id":${idJson},"user_info":${infoJson}}`);
  return onChannel('pusher_internal:member_added', channel, data);
}

export function memberRemoved(channel: string, member: GroupMember): Frame {
  const data = JSON.stringify(`{"user_id":${dataOf(member).idJson}}`);
  return onChannel('pusher_internal:member_removed', channel, data);
}

export function subscriptionCount(channel: string, count: number): Frame {
  return onChannel('pusher_internal:subscription_count', channel, quoted({ subscription_count: count }));
}

export function cacheMiss(channel: string): Frame {
  return onChannel('pusher:cache_miss', channel, '"{}"');
}

export function signinSuccess(userData: string): Frame {
  return textFrame(`{"event":"pusher:signin_success","data":${JSON.stringify({ user_data: userData })}}`);
}

/** The two sets may be empty. */
export function watchlistEvents(online: readonly string[], offline: readonly string[]): Frame {
  const events = [
    ...(online.length > 0 ? [{ name: 'online', user_ids: online }] : []),
    ...(offline.length > 0 ? [{ name: 'offline', user_ids: offline }] : []),
  ];
  return textFrame(`{"event":"pusher_internal:watchlist_events","data":${JSON.stringify({ events })}}`);
}

/** The event of a message whose publisher's protocol names none. */
const unnamedEvent = 'message';

/**
 * An event of a channel. `user_id` is the publishing member's, on presence channels only. Undefined when the protocol cannot
 * express the message: it has no binary data and no messages without a channel. [PW §3.3, §5.4]
 */
export function channelEvent(message: DataMessage): Frame | undefined {
  if (message.kind !== 'groupMessage' || message.stream?.isEnd) return undefined;
  const { group, payload, fromUserId, event = unnamedEvent } = message;
  const { dataType, bytes } = payload;
  if (dataType === 'binary' || dataType === 'protobuf') return undefined;
  const data = dataType === 'json' ? stringOf(bytes.toString('utf8')) : JSON.stringify(bytes.toString('utf8'));
  const user = fromUserId !== undefined && isPresenceChannel(group) ? `,"user_id":${JSON.stringify(fromUserId)}` : '';
  return textFrame(`{"event":${JSON.stringify(event)},"channel":${JSON.stringify(group)},"data":${data}${user}}`);
}

/** A JSON string as it is, any other value as the string of its text. */
function stringOf(json: string): string {
  const text = json.trim();
  return text.startsWith('"') ? text : JSON.stringify(text);
}
