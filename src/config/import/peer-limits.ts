import type { PeerSettings } from './peer-settings.js';

/**
 * Limits of all apps, which both peers have, with the same defaults.
 * @param spelled how the peer spells a name, given as Sockudo does
 */
export function peerLimits(root: PeerSettings, spelled: (name: string) => string) {
  const presence = root.mapping('presence');
  const channels = root.mapping(spelled('channel_limits'));
  const events = root.mapping(spelled('event_limits'));
  return {
    members: presence.number(spelled('max_members_per_channel')) ?? 100,
    memberKb: presence.number(spelled('max_member_size_in_kb')) ?? 2,
    channelNameLength: channels.number(spelled('max_name_length')) ?? 200,
    eventChannels: events.number(spelled('max_channels_at_once')) ?? 100,
    eventNameLength: events.number(spelled('max_name_length')) ?? 200,
    payloadKb: events.number(spelled('max_payload_in_kb')) ?? 100,
    batchSize: events.number(spelled('max_batch_size')) ?? 10,
  };
}
