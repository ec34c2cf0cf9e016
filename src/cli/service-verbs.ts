import { type Command, Option } from 'commander';
import type { Environment } from './settings.js';
import { addRequired, oneOf, vendorGroup, vendorVerb } from './verb.js';

const permissions = ['joinLeaveGroup', 'sendToGroup'] as const;

/** The verbs of `service` with the flags that each requires. [management 2.1] */
const rows: readonly (readonly [words: string, description: string, flags: readonly Flag[]])[] = [
  ['broadcast', 'send a text to all clients of the hub', ['payload']],
  ['connection exist', 'print whether the connection is open', ['connection-id']],
  ['connection close', 'close the connection', ['connection-id']],
  ['connection send', 'send a text to the connection', ['connection-id', 'payload']],
  ['group add-connection', 'add a connection to the group', ['group-name', 'connection-id']],
  ['group remove-connection', 'remove a connection from the group', ['group-name', 'connection-id']],
  ['group add-user', 'add the connections of a user to the group', ['group-name', 'user-id']],
  ['group remove-user', 'remove a user from the group, without --group-name from all', ['user-id']],
  ['group send', 'send a text to the group', ['group-name', 'payload']],
  ['user exist', 'print whether the user has a connection', ['user-id']],
  ['user send', 'send a text to the connections of the user', ['user-id', 'payload']],
  ['permission grant', 'give a connection a permission for a group', ['permission', 'connection-id', 'group-name']],
  ['permission revoke', 'take a permission from a connection', ['permission', 'connection-id', 'group-name']],
  [
    'permission check',
    'print whether the connection has the permission',
    ['permission', 'connection-id', 'group-name'],
  ],
];

const flags = {
  'connection-id': () => new Option('--connection-id <id>', 'the connection'),
  'group-name': () => new Option('--group-name <name>', 'the group'),
  'user-id': () => new Option('--user-id <id>', 'the user'),
  payload: () => new Option('--payload <text>', 'the text to send'),
  permission: () =>
    new Option('--permission <permission>', 'the permission')
      .choices(permissions)
      .argParser(text => oneOf(permissions, text)),
} as const;
type Flag = keyof typeof flags;

const descriptions: Readonly<Record<string, string>> = {
  connection: 'one connection',
  group: 'groups and their members',
  user: 'all connections of a user',
  permission: 'permissions of connections for groups',
};

/** `service …`: what an app server does through REST. */
export function addServiceVerbs(parent: Command, env: Environment): void {
  const service = vendorGroup(
    parent,
    'service',
    'send to clients, and manage connections, groups, users and permissions',
  );
  const groups = new Map<string, Command>();
  for (const [words, description, needed] of rows) {
    const [first = '', second] = words.split(' ');
    if (second !== undefined && !groups.has(first)) {
      groups.set(first, vendorGroup(service, first, descriptions[first] ?? ''));
    }
    const verb = vendorVerb(groups.get(first) ?? service, second ?? first, description);
    addRequired(withConnectionString(verb), new Option('--hub-name <name>', 'the hub'));
    for (const flag of needed) addRequired(verb, flags[flag]());
    if (words === 'group remove-user') verb.addOption(flags['group-name']());
    verb.action(async args => (await import('./service.js')).service(words, args, env));
  }
}

/** `client start`. */
export function addClientVerbs(parent: Command, env: Environment): void {
  const group = vendorGroup(parent, 'client', 'a client in the terminal');
  const start = vendorVerb(group, 'start', 'connect, print what is received, and send what is typed');
  for (const option of start.options) option.hideHelp(); // frames are printed as they are
  withConnectionString(start)
    .option('--hub-name <name>', 'the hub; with the protocol pusher, an app takes its place')
    .option('--user-id <id>', 'the user; without it the client is anonymous')
    .option('--protocol <name>', 'simple, json, reliable, protobuf or pusher', 'json')
    .option('--group <name...>', 'groups, or channels, that it joins at once')
    .option('--role <role...>', 'roles; default: joining and sending to all groups')
    .option('--app <key>', 'with pusher: the key of the app; default: the first app of the hubs file')
    .option('--hubs <file>', 'with pusher: the file with the apps (HUBWIRE_HUBS, default hubs.yaml)')
    .action(async args => (await import('./client/start.js')).startClient(args, env));
}

function withConnectionString(verb: Command): Command {
  return verb.option(
    '--connection-string <text>',
    'connection string of the service (WebPubSubConnectionString; default: HUBWIRE_ENDPOINT and the keys of the environment)',
  );
}
