import { nearestWord } from '../../config/did-you-mean.js';
import { PubSubError } from '../../errors.js';
import { isHubName } from '../../protocols/names.js';
import { valuesOf } from '../argument-groups.js';
import { commandLine, shellWord } from '../invocation.js';
import { type OutputArguments, printOutcome } from '../output/output.js';
import type { Environment } from '../settings.js';
import { UsageError } from '../usage-error.js';
import { type Change, changed } from './changes.js';
import { eventHandlerOf } from './event-handler.js';
import type { HubProperties, HubResource, HubStore } from './hub-store.js';
import { handlerCount, hubLines, hubRows } from './hub-text.js';
import { type StoreArguments, storeOf } from './stores.js';

interface NamedArguments extends StoreArguments, OutputArguments {
  readonly hubName: string;
}

interface SettingsArguments extends NamedArguments {
  /** As grouped by `groupArguments`. */
  readonly eventHandler?: readonly string[];
  readonly allowAnonymous?: boolean;
  readonly websocketKeepalive?: number;
}

export interface UpdateArguments extends SettingsArguments {
  readonly forceString?: boolean;
}

/** Makes the hub, or replaces its settings. Without flags it has those of every hub. [management 2.1] */
export async function createHub(args: SettingsArguments, env: Environment): Promise<void> {
  const name = hubNameOf(args);
  const properties = { anonymousConnectPolicy: 'deny', ...settingsOf(args) };
  const store = await storeOf(args, env);
  await printChanged(await store.put(name, properties), store, args);
}

/** Changes what is given and leaves the rest; the handlers are replaced as a whole. */
export async function updateHub(args: UpdateArguments, changes: readonly Change[], env: Environment): Promise<void> {
  const name = hubNameOf(args);
  const settings = settingsOf(args);
  const store = await storeOf(args, env);
  const hub = changed(await existing(store, name, creating(args, env)), changes, args.forceString === true);
  await printChanged(await store.put(hub.name, { ...hub.properties, ...settings }), store, args);
}

export async function showHub(args: NamedArguments, env: Environment): Promise<void> {
  const name = hubNameOf(args);
  const hub = await existing(await storeOf(args, env), name, creating(args, env));
  await printOutcome({ result: printed(hub, args), lines: hubLines(hub) }, args);
}

export async function listHubs(args: StoreArguments & OutputArguments, env: Environment): Promise<void> {
  const hubs = await (await storeOf(args, env)).list();
  await printOutcome({ result: hubs.map(hub => printed(hub, args)), lines: hubRows(hubs) }, args);
}

/** Prints nothing but at a terminal, without a prompt; a hub that is not there is no failure. [management 2.1] */
export async function deleteHub(args: NamedArguments, env: Environment): Promise<void> {
  const name = hubNameOf(args);
  const store = await storeOf(args, env);
  const sentence = (await store.delete(name)) ? `${name}: removed; ${store.effect}` : `${name}: there was no such hub`;
  await printOutcome({ result: undefined, lines: [], sentence }, args);
}

async function printChanged(hub: HubResource, store: HubStore, args: SettingsArguments): Promise<void> {
  const sentence = `${hub.name}: ${handlerCount(hub)}; ${store.effect}`;
  await printOutcome({ result: printed(hub, args), lines: hubLines(hub), sentence }, args);
}

/** `az` adds the group to what the service answers. [management 2.1] */
function printed(hub: HubResource, { resourceGroup = 'local' }: StoreArguments): object {
  return { ...hub, resourceGroup };
}

function settingsOf({ eventHandler, allowAnonymous, websocketKeepalive }: SettingsArguments): HubProperties {
  return {
    ...(eventHandler && { eventHandlers: eventHandler.map(group => eventHandlerOf(valuesOf(group))) }),
    ...(allowAnonymous !== undefined && { anonymousConnectPolicy: allowAnonymous ? 'allow' : 'deny' }),
    ...(websocketKeepalive !== undefined && { webSocketKeepAliveIntervalInSeconds: websocketKeepalive }),
  };
}

function hubNameOf({ hubName }: NamedArguments): string {
  if (isHubName(hubName)) return hubName;
  throw new UsageError(
    `--hub-name: "${hubName}" is not a hub name: a letter, then letters, digits, "_", ".", ",", "[", "]" or "\`", at most 128 characters`,
  );
}

/** The line that makes the hub. */
function creating({ hubName, hubs, admin }: NamedArguments, env: Environment): string {
  const hubsFile = hubs === undefined ? [] : ['--hubs', shellWord(hubs)];
  const where = [...hubsFile, ...(admin === undefined ? [] : ['--admin', shellWord(admin)])];
  return commandLine(['hub create --hub-name', shellWord(hubName), ...where].join(' '), env);
}

/** @param create the line that makes it @throws PubSubError `notFound` with the nearest name [MG-057] */
async function existing(store: HubStore, name: string, create: string): Promise<HubResource> {
  const hub = await store.get(name);
  if (hub !== undefined) return hub;
  const names = (await store.list()).map(each => each.name);
  const near = nearestWord(name, names);
  const advice = near === undefined ? `make it with: ${create}` : `did you mean ${near}?`;
  throw new PubSubError('notFound', `there is no hub ${name}; ${advice}`);
}
