import { RE2JS } from 're2js';
import { PubSubError } from '../errors.js';
import { type ChannelKind, channelKind, isCacheChannel } from './channels.js';

/** `channel_type` of a filter; `cache` is a channel of any kind that keeps its last event. */
export const channelTypes = ['public', 'private', 'encrypted', 'presence', 'cache', 'server_to_user'] as const;
export type ChannelType = (typeof channelTypes)[number];

/** `filter` of an endpoint. The names of soketi are aliases. [pusher-webhooks 1.4] */
export interface FilterEntry {
  readonly channel_type?: ChannelType | readonly ChannelType[] | undefined;
  readonly channel_prefix?: string | undefined;
  readonly channel_suffix?: string | undefined;
  /** A regular expression in RE2's syntax, found anywhere in the name unless it is anchored. */
  readonly channel_pattern?: string | undefined;
  readonly channel_name_starts_with?: string | undefined;
  readonly channel_name_ends_with?: string | undefined;
}

/** Does the channel pass? All conditions must be met. Takes time linear in the length of the name. */
export type ChannelFilter = (channel: string) => boolean;

/** Compiling takes memory with the pattern's length; a longer one is a mistake. */
const longestPattern = 1_000;

/**
 * Compiles a filter; undefined when it has no condition.
 * @throws PubSubError `invalid` for an unknown type, a pattern that does not compile, or two values for one condition
 */
export function compileFilter(entry: FilterEntry): ChannelFilter | undefined {
  const prefix = either(entry, 'channel_prefix', 'channel_name_starts_with');
  const suffix = either(entry, 'channel_suffix', 'channel_name_ends_with');
  const conditions: ChannelFilter[] = [];
  if (entry.channel_type !== undefined) conditions.push(typeCondition(entry.channel_type));
  if (prefix !== undefined) conditions.push(channel => channel.startsWith(prefix));
  if (suffix !== undefined) conditions.push(channel => channel.endsWith(suffix));
  if (entry.channel_pattern !== undefined) conditions.push(patternCondition(entry.channel_pattern));
  if (conditions.length === 0) return undefined;
  return channel => conditions.every(isMet => isMet(channel));
}

function either(entry: FilterEntry, name: keyof FilterEntry, alias: keyof FilterEntry): string | undefined {
  const [value, aliased] = [entry[name], entry[alias]] as (string | undefined)[];
  if (value === undefined || aliased === undefined || value === aliased) return value ?? aliased;
  throw new PubSubError('invalid', `${alias} is another name of ${name}: remove one of the two`);
}

function typeCondition(given: ChannelType | readonly ChannelType[]): ChannelFilter {
  const types = typeof given === 'string' ? [given] : given;
  for (const type of types) {
    if (channelTypes.includes(type)) continue;
    throw new PubSubError(
      'invalid',
      `channel_type ${JSON.stringify(type)} is not known: use ${channelTypes.join(', ')}`,
    );
  }
  const kinds: ReadonlySet<ChannelType> = new Set(types);
  const isMetByCache = kinds.has('cache');
  return channel => kinds.has(channelKind(channel) satisfies ChannelKind) || (isMetByCache && isCacheChannel(channel));
}

function patternCondition(pattern: string): ChannelFilter {
  if (pattern.length > longestPattern) {
    throw new PubSubError('invalid', `channel_pattern has ${pattern.length} characters, at most ${longestPattern}`);
  }
  const compiled = compile(pattern);
  return channel => compiled.test(channel);
}

/** RE2JS counts repetitions, so `(a{1000}){1000}` is refused rather than expanded. */
function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be parsed';
    throw new PubSubError(
      'invalid',
      `channel_pattern ${JSON.stringify(pattern)} is no pattern of RE2: ${reason}. RE2 has no look-around and no back-references`,
    );
  }
}
