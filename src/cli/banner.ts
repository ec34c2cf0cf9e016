import { defaultTokenMinutes } from '../auth/key-tokens.js';
import type { Service } from '../service.js';
import { idsOfApps, pusherClientLines, type ShownApp } from './app-lines.js';
import { type HubsFile, placeOfHubs } from './hubs-file.js';
import { commandLine, shortPath } from './invocation.js';
import type { KeySettings } from './key-settings.js';
import { handlerLines } from './report.js';
import { type Environment, endpointOf } from './settings.js';
import { version } from './version.js';

const tryRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** What is told of a service that runs. */
export type Served = Pick<
  Service,
  'handlers' | 'publicUrl' | 'adminUrl' | 'connectionString' | 'clientUrl' | 'endpoints'
> & {
  /** Of each node, where there are several with a listener of their own. */
  readonly publicUrls?: readonly string[];
};

export interface Welcome {
  readonly service: Served;
  readonly settings: Pick<KeySettings, 'isDevelopmentKey'>;
  readonly file: Pick<HubsFile, 'path' | 'isMissing' | 'shared'>;
  /** Has it a token, without which nobody can use the management API? */
  readonly isManaged: boolean;
  /** Of the admin listener, when it was made at start. */
  readonly adminToken?: string | undefined;
  /** The first hub of the configuration; undefined when it names none. */
  readonly hub: string | undefined;
  /** Of Pusher clients, in the order of the configuration. */
  readonly apps: readonly ShownApp[];
  /** What the sample app prints; undefined without it. */
  readonly sampleLine: string | undefined;
  readonly env: Environment;
  /** May the reader see secrets: a person at a terminal. */
  readonly isTerminal: boolean;
}

/**
 * What a person reads once the service runs. Labelled lines fit 80 columns where their values allow it; what is to be
 * copied and may be longer stands alone on its line, and the line to try is the last. Access keys, and the client URL that
 * one signs, are shown only at a terminal, or when the key is known to all.
 */
export function welcomeLines(welcome: Welcome): readonly string[] {
  const { service, settings, sampleLine } = welcome;
  const handlers = handlerLines(service.handlers).map(line => `    ${line}`);
  return [
    `hubwire ${version}`,
    `  public             ${service.publicUrl}  (clients, REST)`,
    ...otherNodes(service).map(url => `  another node       ${url}  (clients, REST)`),
    `  admin              ${adminText(welcome)}`,
    `  hubs               ${hubsText(welcome)}`,
    ...(welcome.apps.length === 0 ? [] : [`  apps               ${idsOfApps(welcome.apps)}`]),
    ...(settings.isDevelopmentKey
      ? ['  access key         the well-known development key: for this machine only']
      : []),
    handlers.length === 0 ? '  event handlers     none' : '  event handlers',
    ...handlers,
    ...(sampleLine === undefined ? [] : [`  ${sampleLine}`]),
    ...linesToCopy(welcome),
  ];
}

function otherNodes({ publicUrls = [], publicUrl }: Served): readonly string[] {
  return publicUrls.filter(url => url !== publicUrl);
}

function adminText({ service: { adminUrl }, isManaged }: Welcome): string {
  if (adminUrl === undefined) return 'off';
  return `${adminUrl}  (health, metrics${isManaged ? ', management' : ''})`;
}

function hubsText({ file, env }: Welcome): string {
  if (file.shared !== undefined) return placeOfHubs(file);
  const name = shortPath(file.path);
  return file.isMissing ? `no ${name}; write one with: ${commandLine('init', env)}` : name;
}

function linesToCopy(welcome: Welcome): readonly string[] {
  const { service, settings, isTerminal, adminToken } = welcome;
  const maySee = settings.isDevelopmentKey || isTerminal;
  const connectionString = maySee
    ? service.connectionString
    : service.connectionString.replace(/AccessKey=[^;]*/, 'AccessKey=***');
  return [
    ...(adminToken === undefined ? [] : adminLines(service, adminToken)),
    '  connection string for SDKs:',
    connectionString,
    ...linesToTry(welcome, maySee),
  ];
}

/** Of a hub, unless the configuration has apps only. */
function linesToTry({ service, hub, apps, env }: Welcome, maySee: boolean): readonly string[] {
  const pusher = pusherClientLines(apps, service.endpoints.primary);
  if (hub === undefined && pusher.length > 0) return pusher;
  const name = hub ?? 'chat';
  const url = service.clientUrl(name, { userId: 'me', roles: tryRoles }, defaultTokenMinutes);
  return [
    `  a client of hub ${name} to try:`,
    maySee
      ? `npx wscat -s json.webpubsub.azure.v1 -c "${url}"`
      : `npx wscat -s json.webpubsub.azure.v1 -c "$(${tokenCommand(service, name, env)})"`,
  ];
}

/** With the address of the service, where verbs would look for it elsewhere. */
function tokenCommand({ endpoints: { primary } }: Served, hub: string, env: Environment): string {
  const where = primary === endpointOf(undefined, env) ? '' : ` --endpoint ${primary}`;
  return commandLine(`token --hub ${hub}${where}`, env);
}

/** In the fragment, so that no server and no proxy logs it. [MG-120] */
function adminLines({ adminUrl }: Served, token: string): readonly string[] {
  return ['  admin token, until this process ends:', `${adminUrl}/#token=${token}`];
}
