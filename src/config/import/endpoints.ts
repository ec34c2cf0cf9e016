import { appEventTypes, everyType } from '../../webhooks/event-types.js';
import type { WebhookEntry } from '../../webhooks/options.js';
import { filled } from './draft.js';
import { foreignNames, showsForeignName } from './foreign-names.js';
import type { PeerMap, PeerSettings } from './peer-settings.js';

/** What the file says of all endpoints. */
export type EndpointDefaults = Pick<WebhookEntry, 'retry' | 'request_timeout_ms'>;

/**
 * The webhooks of an app of Sockudo or soketi. Names of both are read: they have no conflict. Endpoints of which only
 * events are left that do not exist here are left out, and named.
 */
export function endpointsOf(app: PeerSettings, names: readonly string[], defaults: EndpointDefaults) {
  const endpoints: ReturnType<typeof endpointOf>[] = [];
  for (const entry of app.mappings(names, listOf) ?? []) {
    const endpoint = endpointOf(entry, defaults);
    if (endpoint.event_types.length > 0) endpoints.push(endpoint);
    else entry.remark('the endpoint is left out: it lists no event that there is here');
  }
  return endpoints.length === 0 ? undefined : endpoints;
}

/** soketi's databases have the list as JSON text. */
function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return mapsOf(JSON.parse(value));
  } catch {
    return value; // no list, so the setting is told to have no equal
  }
}

function mapsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapsOf);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, mapsOf(inner)])) satisfies PeerMap;
}

function endpointOf(entry: PeerSettings, defaults: EndpointDefaults) {
  return {
    url: entry.text('url'),
    lambda_function: entry.text('lambda_function'),
    lambda: lambdaOf(entry.mapping('lambda')),
    event_types: eventTypesOf(entry),
    filter: filterOf(entry.mapping('filter')),
    headers: headersOf(entry.mapping('headers'), entry.peek('headers')),
    request_timeout_ms: entry.number('request_timeout_ms') ?? defaults.request_timeout_ms,
    retry: retryOf(entry.mapping('retry')) ?? defaults.retry,
  };
}

function eventTypesOf(entry: PeerSettings): readonly string[] {
  const types = entry.textsAmong('event_types', [...appEventTypes, everyType]);
  if (types.includes(everyType)) entry.remark('`*` is all events here; peers send none for it', 'event_types');
  return types;
}

function lambdaOf(lambda: PeerSettings) {
  return filled({
    function_name: lambda.text('function_name'),
    region: lambda.text('region'),
    async: lambda.boolean('async'),
    invocation_type: lambda.text('invocation_type'),
    qualifier: lambda.text('qualifier'),
    client_options: filled({ endpoint: lambda.mapping('client_options').text('endpoint') }),
  });
}

/** A condition that cannot be read stays in it, so that it is an error: without it, further events would be sent. */
function filterOf(filter: PeerSettings) {
  const [prefix, suffix] = ['starts_with', 'ends_with'].map(end => `channel_name_${end}`) as [string, string];
  for (const name of ['channel_prefix', prefix, 'channel_suffix', suffix, 'channel_pattern']) {
    if (showsForeignName(filter.peek(name))) filter.remark(foreignNames, name);
  }
  return filled({
    channel_prefix: filter.text('channel_prefix', prefix),
    channel_suffix: filter.text('channel_suffix', suffix),
    channel_pattern: filter.text('channel_pattern'),
    channel_type: filter.text('channel_type') ?? filter.texts('channel_type'),
    ...filter.others(),
  });
}

function headersOf(headers: PeerSettings, values: unknown) {
  const names = values instanceof Map ? [...values.keys()].map(String) : [];
  return filled(Object.fromEntries(names.map(name => [name, headers.text(name)])));
}

export function retryOf(retry: PeerSettings) {
  return filled({
    enabled: retry.boolean('enabled'),
    max_attempts: retry.number('max_attempts'),
    max_elapsed_time_ms: retry.number('max_elapsed_time_ms'),
    initial_backoff_ms: retry.number('initial_backoff_ms'),
    max_backoff_ms: retry.number('max_backoff_ms'),
  });
}
