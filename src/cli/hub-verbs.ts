import { type Command, Option } from 'commander';
import { valuesOf } from './argument-groups.js';
import type { Change } from './hub/changes.js';
import type { Environment } from './settings.js';
import { addRequired, booleanOf, collected, oneOf, vendorGroup, vendorVerb, wholeNumberOf } from './verb.js';

const keyTypes = ['primary', 'secondary', 'salt'] as const;

/** `hub …`: the hubs of a file, or of a running service. [management 2.1] */
export function addHubVerbs(parent: Command, env: Environment): void {
  const group = vendorGroup(parent, 'hub', 'hubs and their event handlers, in hubs.yaml or in a running service');
  const create = named(storedVerb(group, 'create', 'make a hub, or replace its settings'));
  withSettings(create).action(async args => (await import('./hub/hub.js')).createHub(args, env));
  addUpdate(group, env);
  named(storedVerb(group, 'show', 'print a hub')).action(async args =>
    (await import('./hub/hub.js')).showHub(args, env),
  );
  storedVerb(group, 'list', 'print all hubs').action(async args => (await import('./hub/hub.js')).listHubs(args, env));
  named(storedVerb(group, 'delete', 'remove the settings of a hub')).action(async args =>
    (await import('./hub/hub.js')).deleteHub(args, env),
  );
}

/** `key …`: the access keys. */
export function addKeyVerbs(parent: Command, env: Environment): void {
  const group = vendorGroup(parent, 'key', 'the access keys, of the environment or of a running service');
  withAdmin(vendorVerb(group, 'show', 'print the access keys and connection strings')).action(async args =>
    (await import('./hub/keys.js')).showKeys(args, env),
  );
  const keyType = new Option('--key-type <type>', 'the key to replace')
    .choices(keyTypes)
    .argParser(text => oneOf(keyTypes, text));
  addRequired(withAdmin(vendorVerb(group, 'regenerate', 'replace an access key')), keyType).action(async args =>
    (await import('./hub/keys.js')).regenerateKey(args, env),
  );
}

function addUpdate(group: Command, env: Environment): void {
  const changes: Change[] = []; // in the order in which they are given
  const take = (flag: Change['flag']) => (values: string) => {
    changes.push({ flag, values: valuesOf(values) });
    return true;
  };
  const update = named(storedVerb(group, 'update', 'change settings of a hub and leave the others'));
  withSettings(update)
    .option('--set <PATH=VALUE…>', 'set properties, as properties.anonymousConnectPolicy=allow', take('--set'))
    .option('--add <LIST KEY=VALUE…>', 'add an object, or JSON, to a list', take('--add'))
    .option('--remove <PATH INDEX>', 'remove a property, or an item of a list', take('--remove'))
    .option('--force-string', 'read values of --set and --add as texts, not as JSON')
    .action(async args => (await import('./hub/hub.js')).updateHub(args, changes, env));
}

function storedVerb(group: Command, name: string, description: string): Command {
  return withAdmin(vendorVerb(group, name, description)).option(
    '--hubs <file>',
    'the file to read and edit (HUBWIRE_HUBS, default hubs.yaml)',
  );
}

function withAdmin(verb: Command): Command {
  return verb.option(
    '--admin <url>',
    'use the management API of this admin listener instead (HUBWIRE_ADMIN_URL), with HUBWIRE_ADMIN_TOKEN',
  );
}

function named(verb: Command): Command {
  return addRequired(verb, new Option('--hub-name <name>', 'the hub'));
}

function withSettings(verb: Command): Command {
  return verb
    .option(
      '--event-handler <KEY=VALUE…>',
      'an event handler, repeatable: url-template, user-event-pattern, system-event, auth-type, auth-resource',
      collected,
    )
    .option(
      '--allow-anonymous [boolean]',
      'whether clients may connect without a token; true when no value is given',
      booleanOf,
    )
    .option('--websocket-keepalive <seconds>', 'seconds between the pings to clients, 1 to 120', wholeNumberOf);
}
