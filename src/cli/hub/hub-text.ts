import { maskSecrets } from '../../upstream/url-template.js';
import { columns } from '../output/table.js';
import type { WireHandler } from './event-handler.js';
import type { HubResource } from './hub-store.js';

/** Hubs for a person: a row each. */
export function hubRows(hubs: readonly HubResource[]): readonly string[] {
  if (hubs.length === 0) return ['no hub is configured; a hub needs no settings to exist'];
  const rows = hubs.map(hub => [hub.name, policyOf(hub), keepAliveOf(hub), String(handlersOf(hub).length)]);
  return columns(['Name', 'Anonymous', 'Keep-alive', 'Event handlers'], rows);
}

/** One hub for a person. Long URLs have lines of their own, and what looks like a secret in them is not shown. */
export function hubLines(hub: HubResource): readonly string[] {
  const handlers = handlersOf(hub);
  return [
    `Name            ${hub.name}`,
    `Anonymous       ${policyOf(hub)}`,
    `Keep-alive      ${keepAliveOf(hub)}`,
    `Event handlers  ${handlers.length === 0 ? 'none' : handlers.length}`,
    ...handlers.flatMap(handlerLines),
  ];
}

/** `2 event handlers`. */
export function handlerCount(hub: HubResource): string {
  const { length } = handlersOf(hub);
  if (length === 0) return 'no event handlers';
  return length === 1 ? '1 event handler' : `${length} event handlers`;
}

function handlerLines(
  { urlTemplate, systemEvents, userEventPattern, auth }: WireHandler,
  index: number,
): readonly string[] {
  const system = (systemEvents ?? []).join(', ');
  const resource = auth?.managedIdentity?.resource;
  return [
    `  ${index + 1}  ${maskSecrets(urlTemplate)}`,
    ...(system === '' ? [] : [`     ${system}`]),
    ...(userEventPattern ? [`     user events ${userEventPattern}`] : []),
    ...(resource === undefined ? [] : [`     with a token for ${resource}`]),
  ];
}

function handlersOf(hub: HubResource): readonly WireHandler[] {
  return hub.properties.eventHandlers ?? [];
}

function policyOf({ properties }: HubResource): string {
  return properties.anonymousConnectPolicy ?? 'deny';
}

function keepAliveOf({ properties }: HubResource): string {
  const { webSocketKeepAliveIntervalInSeconds: seconds } = properties;
  return seconds === undefined ? 'default' : `${seconds} s`;
}
