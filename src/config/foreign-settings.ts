import type { Path } from './problems.js';

/**
 * Settings of Sockudo and soketi for one app or one endpoint that have no equal, with what there is instead. Their other
 * settings, for the process as a whole, are told by `hubwire import`.
 */
export const foreignSettings: Readonly<Record<string, string>> = {
  decay_seconds: 'rates are counted per second',
  terminate_on_limit: 'an event beyond the limit is refused, and the connection is kept',
  message_rate_limit: 'only client events are limited, with `max_client_events_per_second`',
  annotations_enabled: 'there are no annotations',
  channel_delta_compression: 'messages are sent whole',
  channel_namespaces: 'all channels of an app have the same settings, and their names have no `:`',
  idempotency: 'an event that is published twice is sent twice',
  connection_recovery: 'Pusher clients subscribe again when they reconnect',
  history: 'only the last event of a cache channel is kept',
  presence_history: 'only present members are known',
};

const noNamespaces =
  'names have no `:` here, so that there are no namespaces; write `channel_prefix`, or `channel_pattern`, such as ^(private-|presence-)?orders-';

/** Conditions of a `filter` that have no equal. Without them an endpoint would receive the events of further channels. */
const foreignConditions: Readonly<Record<string, string>> = {
  channel_namespace: noNamespaces,
  channel_namespaces: noNamespaces,
};

/** Settings of an app that have another name here. */
const otherNames: Readonly<Record<string, string>> = {
  strict_channel_length: 'max_channel_name_length',
};

/** Sections of a whole file of Sockudo or soketi. */
const wholeFile = new Set(['app_manager', 'appmanager']);

/** What to do about a key that the file has from Sockudo or soketi; undefined for any other key. */
export function foreignSettingText(key: string, parent: Path): string | undefined {
  if (parent.length === 0 && wholeFile.has(key.toLowerCase())) {
    return `\`${key}\` is a section of Sockudo and soketi; write its apps under \`apps:\`, or run: hubwire import sockudo FILE (or soketi)`;
  }
  if (parent[0] !== 'apps') return undefined;
  if (Object.hasOwn(otherNames, key)) return `\`${key}\` is called \`${otherNames[key]}\` here; rename it`;
  if (parent.at(-1) === 'filter' && Object.hasOwn(foreignConditions, key)) {
    return `\`${key}\` of Sockudo has no equal: ${foreignConditions[key]}`;
  }
  if (!Object.hasOwn(foreignSettings, key)) return undefined;
  return `\`${key}\` of Sockudo has no equal: ${foreignSettings[key]}; remove it`;
}
