import type { Hub } from '../hub/hub.js';
import { type BridgeRule, channelFor, groupFor } from './rules.js';

/** The rules of an app, with the hub whose groups they join. */
export interface HubRules {
  readonly hub: string;
  readonly rules: readonly BridgeRule[];
}

type AskedHub = Pick<Hub, 'occupiedAmong' | 'occupiedGroups'>;

/** Which channels of an app are occupied by members of groups, who receive what is published to the channels. Of all nodes. */
export class JoinedChannels {
  readonly #rules: () => HubRules | undefined;
  readonly #hub: (name: string) => AskedHub;

  /** @param rules read at each use; undefined: no channel is joined */
  constructor(rules: () => HubRules | undefined, hub: (name: string) => AskedHub) {
    this.#rules = rules;
    this.#hub = hub;
  }

  /** Those of the named channels. */
  async occupiedAmong(channels: readonly string[]): Promise<readonly string[]> {
    const joined = this.#rules();
    const groups = joined === undefined ? [] : channels.flatMap(channel => groupOf(joined, channel) ?? []);
    return joined === undefined || groups.length === 0
      ? []
      : channelsOf(joined, await this.#hub(joined.hub).occupiedAmong(groups, false));
  }

  /** Those whose names begin with the prefix. */
  async occupied(prefix: string): Promise<readonly string[]> {
    const joined = this.#rules();
    if (joined === undefined) return [];
    const hub = this.#hub(joined.hub);
    const rules = joined.rules.filter(({ isToGroup }) => isToGroup);
    const lists = await Promise.all(rules.map(({ group }) => hub.occupiedGroups(group.beginning, false)));
    return [...new Set(channelsOf(joined, lists.flat()))].filter(channel => channel.startsWith(prefix));
  }
}

/** The group that receives what is published to the channel. */
export function groupOf({ rules }: HubRules, channel: string): string | undefined {
  return first(rules, rule => groupFor(rule, channel));
}

/** The channel whose events the group receives. */
export function channelOf({ rules }: HubRules, group: string): string | undefined {
  return first(rules, rule => channelFor(rule, group));
}

function first(rules: readonly BridgeRule[], nameBy: (rule: BridgeRule) => string | undefined): string | undefined {
  for (const rule of rules) {
    const name = rule.isToGroup ? nameBy(rule) : undefined;
    if (name !== undefined) return name;
  }
  return undefined;
}

function channelsOf(joined: HubRules, groups: readonly { readonly group: string }[]): readonly string[] {
  return groups.flatMap(({ group }) => channelOf(joined, group) ?? []);
}
