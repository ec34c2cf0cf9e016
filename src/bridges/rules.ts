import { PubSubError } from '../errors.js';
import { isGroupName } from '../protocols/names.js';
import { type ChannelKind, channelKindOf, isPublishableEvent } from '../protocols/pusher/names.js';
import { NamePattern } from './name-pattern.js';

export const bridgeDirections = ['both', 'to_channel', 'to_group'] as const;

export type BridgeDirection = (typeof bridgeDirections)[number];

/** One of `apps[].bridge`, as it is written. */
export interface BridgeEntry {
  readonly group: string;
  readonly channel: string;
  readonly direction: BridgeDirection;
  /** Name of the event that a message of the group becomes. */
  readonly event: string;
}

/** The rules of one app. */
export interface AppBridge {
  readonly app: string;
  /** Canonical name of the hub whose groups are joined. */
  readonly hub: string;
  readonly entries: readonly BridgeEntry[];
  /** Most bytes of the data of an event. */
  readonly maxEventBytes: number;
}

export const defaultEvent = 'message';

/** Groups of a hub, each joined with one channel. [pusher-webhooks 5.1, 5.4] */
export interface BridgeRule {
  readonly group: NamePattern;
  readonly channel: NamePattern;
  /** Of all its channels: what the wildcard stands for makes no channel of another kind. */
  readonly kind: ChannelKind;
  readonly isToChannel: boolean;
  readonly isToGroup: boolean;
  readonly event: string;
}

/** Reads a rule that was checked by `checkEntry`. @throws PubSubError `invalid` */
export function ruleOf({ group, channel, direction, event }: BridgeEntry): BridgeRule {
  const names = { group: groupPattern(group), channel: channelPattern(channel) };
  const isToChannel = direction !== 'to_group';
  return { ...names, kind: kindOf(names.channel), isToChannel, isToGroup: direction !== 'to_channel', event };
}

/** @throws PubSubError `invalid` for what cannot be the group of a rule */
export function groupPattern(text: string): NamePattern {
  if (/[?\\]/.test(text))
    throw invalid('must be a group, or a pattern with one `*` or `**`; `?` and `\\` are not allowed');
  const pattern = patternOf(text);
  if (isGroupName(pattern.nameWith('x'))) return pattern;
  throw invalid('must be a group: 1 to 1024 characters, and neither "." nor ".."');
}

/** @throws PubSubError `invalid` for what cannot be the channel of a rule */
export function channelPattern(text: string): NamePattern {
  const pattern = patternOf(text);
  switch (channelKindOf(pattern.nameWith('x'))) {
    case 'encrypted':
      throw invalid('must not be an encrypted channel: only its clients can read and write its events');
    case 'serverToUser':
      throw invalid('must not be the channel of a user; bridge a public, private or presence channel');
    case undefined:
      throw invalid('must be a channel: letters, digits and _ - = @ , . ; with at most one `*` or `**`');
    default:
      return pattern;
  }
}

/** @throws PubSubError `invalid` */
export function checkEvent(name: string): void {
  if (isPublishableEvent(name)) return;
  throw invalid('must be the name of an event: 1 to 200 characters that do not begin with `pusher:`');
}

/** Why the two names of a rule do not go together; undefined when they do. */
export function mismatchOf({ group, channel }: Pick<BridgeRule, 'group' | 'channel'>): string | undefined {
  if (group.wildcard === channel.wildcard) return undefined;
  return 'must have the same wildcard as `group`, or none as it: what it stands for is the same in both names';
}

/** The side on which both rules match a name; undefined when they have none in common. Such a message would arrive twice, or come back. */
export function overlapOf(a: BridgeRule, b: BridgeRule): 'group' | 'channel' | undefined {
  if (a.kind === b.kind && a.channel.overlaps(b.channel)) return 'channel';
  return a.group.overlaps(b.group) ? 'group' : undefined;
}

/** The channel of a group by the rule; undefined: not by this rule, or it cannot be one. */
export function channelFor({ group, channel, kind }: BridgeRule, name: string): string | undefined {
  const part = group.partOf(name);
  const translated = part === undefined ? undefined : channel.nameWith(part);
  return translated !== undefined && channelKindOf(translated) === kind ? translated : undefined;
}

/** The group of a channel by the rule, as above. */
export function groupFor({ group, channel, kind }: BridgeRule, name: string): string | undefined {
  const part = channel.partOf(name);
  if (part === undefined || channelKindOf(name) !== kind) return undefined;
  const translated = group.nameWith(part);
  return isGroupName(translated) ? translated : undefined;
}

function patternOf(text: string): NamePattern {
  const pattern = NamePattern.parse(text);
  if (pattern === undefined) throw invalid('must have at most one `*` or `**`');
  return pattern;
}

function kindOf(channel: NamePattern): ChannelKind {
  return channelKindOf(channel.nameWith('x'))!; // checked by channelPattern
}

function invalid(reason: string): PubSubError {
  return new PubSubError('invalid', reason);
}
