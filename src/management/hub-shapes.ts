import type { HubChange, HubProblem, StoredHub, StoredHubSettings } from '../config/edit/hubs-file-editor.js';
import { maxHandlers } from '../config/schema/hub.js';
import { type ApiVersion, isAtLeast } from './api-version.js';
import { ApiFailure } from './failures.js';
import { resourceId, resourceType } from './paths.js';

type StoredHandler = NonNullable<StoredHubSettings['eventHandlers']>[number];
type Mapping = Readonly<Record<string, unknown>>;

/** A hub as the vendor's management API shows it. [management 1.3] */
export interface HubResource {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: Mapping;
}

/** Fields of a body that only answers have. */
const readOnlyFields = ['id', 'name', 'type', 'systemData', 'resourceGroup'];

/** Settings of hubs.yaml that the vendor's hubs do not have. No request changes them. */
const ownHubFields = ['webhooks'];
const ownHandlerFields = ['delivery'];

const presenceSince = '2025-08-01-preview';

/** Values are as in the file, with `${NAME}` in place of what variables hold; defaults are filled in. */
export function resourceOf(
  { name, settings }: StoredHub,
  params: Readonly<Record<string, string>>,
  version: ApiVersion,
): HubResource {
  const { eventHandlers, anonymousConnectPolicy, webSocketKeepAliveIntervalInSeconds } = settings;
  return {
    id: `${resourceId(params)}/hubs/${name}`,
    name,
    type: `${resourceType}/hubs`,
    properties: {
      eventHandlers: (eventHandlers ?? []).map(handler => shownFields(handler, version)),
      eventListeners: [],
      anonymousConnectPolicy: anonymousConnectPolicy ?? 'deny',
      webSocketKeepAliveIntervalInSeconds: webSocketKeepAliveIntervalInSeconds ?? 20,
    },
  };
}

function shownFields(handler: StoredHandler, version: ApiVersion): Mapping {
  const hidden = hiddenFields(version);
  return Object.fromEntries(Object.entries(handler).filter(([key, value]) => value != null && !hidden.includes(key)));
}

/** Fields of an event handler that clients of this version do not know, and would leave out of what they send back. */
function hiddenFields(version: ApiVersion): readonly string[] {
  return isAtLeast(version, presenceSince) ? ownHandlerFields : [...ownHandlerFields, 'groupPresenceEvents'];
}

/**
 * The settings that a body stands for. It replaces all of the hub that clients of this version know. What the schema of
 * hubs.yaml can check is left to it, so that the words are the same.
 * @throws ApiFailure 400 for a body that is no hub
 */
export function changeOf(body: unknown, current: StoredHubSettings | undefined, version: ApiVersion): HubChange {
  const properties = propertiesOf(body);
  const { eventListeners, provisioningState: _, ...wire } = properties; // the state is the answer's alone
  const handlers = Array.isArray(wire.eventHandlers) ? (wire.eventHandlers as readonly unknown[]) : undefined;
  refuseMany(handlers ?? [], Object.keys(properties));
  const settings = {
    ...withoutFields(wire, ownHubFields),
    ...(isNone(eventListeners) ? {} : { eventListeners }),
    ...(handlers && { eventHandlers: mergedHandlers(handlers, current?.eventHandlers ?? [], version) }),
    ...fieldsOf((current ?? {}) as Mapping, ownHubFields),
  };
  return { settings: settings as StoredHubSettings, problems: problemsOf(wire, handlers ?? [], version) };
}

/** @throws ApiFailure 400 */
function propertiesOf(body: unknown): Mapping {
  if (!isMapping(body)) throw ApiFailure.ofContent([{ message: 'The body must be a JSON object with `properties`.' }]);
  const problems = Object.keys(body)
    .filter(key => key !== 'properties' && !readOnlyFields.includes(key))
    .map(key => ({
      message: `unknown key ${JSON.stringify(key.slice(0, 80))}; settings are in \`properties\``,
      target: key,
    }));
  const { properties } = body;
  if (properties === undefined || properties === null) {
    problems.push({
      message: '`properties` is missing: add the settings of the hub, or {} for the defaults',
      target: 'properties',
    });
  } else if (!isMapping(properties)) {
    problems.push({ message: 'must be a JSON object', target: 'properties' });
  }
  if (problems.length > 0) throw ApiFailure.ofContent(problems);
  if (isDeeperThan(properties, mostLevels)) {
    throw ApiFailure.ofContent([{ message: `has more than ${mostLevels} levels`, target: 'properties' }]);
  }
  return properties as Mapping;
}

/** Fields of a hub. More are no mistake of a person, and each costs time and a line of the answer. */
const mostFields = 100;

/** Before they become text of the file, which is parsed as a whole. @throws ApiFailure 400 */
function refuseMany(handlers: readonly unknown[], fields: readonly string[]): void {
  if (handlers.length > maxHandlers) {
    const target = 'properties.eventHandlers';
    throw ApiFailure.ofContent([{ message: `must be a list of at most ${maxHandlers} items`, target }]);
  }
  if (fields.length > mostFields) {
    throw ApiFailure.ofContent([{ message: `has more than ${mostFields} fields`, target: 'properties' }]);
  }
}

/** Those of a hub are in five. */
const mostLevels = 16;

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isDeeperThan(inner, levels - 1));
}

/** `[]` and null are what clients send when there are none. */
function isNone(listeners: unknown): boolean {
  return listeners === undefined || listeners === null || (Array.isArray(listeners) && listeners.length === 0);
}

// ---------------------------------------------------------------------------------------------------------- handlers

/** Each keeps what the client does not know: of the handler with its URL in the same place, or else elsewhere in the list. */
function mergedHandlers(wire: readonly unknown[], stored: readonly StoredHandler[], version: ApiVersion): unknown[] {
  const hidden = hiddenFields(version);
  const inPlace = wire.map((handler, index) => (hasSameUrl(handler, stored[index]) ? stored[index] : undefined));
  const left = stored.filter((_, index) => inPlace[index] === undefined);
  return wire.map((handler, index) => {
    if (!isMapping(handler)) return handler;
    const before = inPlace[index] ?? takeFirst(left, other => hasSameUrl(handler, other));
    return { ...withoutFields(handler, hidden), ...fieldsOf((before ?? {}) as Mapping, hidden) };
  });
}

function hasSameUrl(handler: unknown, stored: StoredHandler | undefined): boolean {
  return isMapping(handler) && stored !== undefined && handler.urlTemplate === stored.urlTemplate;
}

function takeFirst<T>(list: T[], isIt: (item: T) => boolean): T | undefined {
  const index = list.findIndex(isIt);
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

// ---------------------------------------------------------------------------------------------------------- problems

/** What the schema of hubs.yaml would allow, and this version of the management API does not. */
function problemsOf(wire: Mapping, handlers: readonly unknown[], version: ApiVersion): HubProblem[] {
  const ofHub = ownHubFields.filter(key => isGiven(wire, key)).map(key => ({ path: key, reason: onlyInFile(key) }));
  const ofHandlers = handlers.flatMap((handler, index) => {
    const given = hiddenFields(version).filter(key => isMapping(handler) && isGiven(handler, key));
    return given.map(key => ({
      path: `eventHandlers[${index}].${key}`,
      reason: ownHandlerFields.includes(key)
        ? onlyInFile(key)
        : `\`${key}\` needs api-version ${presenceSince} or later`,
    }));
  });
  return [...ofHub, ...ofHandlers];
}

function isGiven(settings: Mapping, key: string): boolean {
  return Object.hasOwn(settings, key) && settings[key] !== null;
}

function onlyInFile(key: string): string {
  return `\`${key}\` is no setting of the management API; set it in hubs.yaml`;
}

function withoutFields(settings: Mapping, fields: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !fields.includes(key)));
}

function fieldsOf(settings: Mapping, fields: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(settings).filter(([key, value]) => fields.includes(key) && value != null));
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
