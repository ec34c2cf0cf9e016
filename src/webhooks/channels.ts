/** What the prefix of a channel's name says of it. [pusher-webhooks 1.4, row 32] */
export type ChannelKind = 'public' | 'private' | 'encrypted' | 'presence' | 'server_to_user';

/** The kind of a channel. Prefixes count at the beginning of a name only. */
export function channelKind(channel: string): ChannelKind {
  if (channel.startsWith('private-encrypted-')) return 'encrypted';
  if (channel.startsWith('private-')) return 'private';
  if (channel.startsWith('presence-')) return 'presence';
  return channel.startsWith('#') ? 'server_to_user' : 'public';
}

/** Does the channel keep its last event? [pusher-webhooks 3.8] */
export function isCacheChannel(channel: string): boolean {
  return /^(?:private-encrypted-|private-|presence-)?cache-/.test(channel);
}
