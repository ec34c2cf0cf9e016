import { Argument, Command, Option } from 'commander';
import { nearestWord } from '../config/did-you-mean.js';
import { PubSubError } from '../errors.js';
import { logLevels } from '../log-levels.js';
import { refuseEmptyValues } from './empty-values.js';
import { addHubVerbs, addKeyVerbs } from './hub-verbs.js';
import { outputFormats } from './output/output.js';
import { addClientVerbs, addServiceVerbs } from './service-verbs.js';
import type { Environment } from './settings.js';
import { vendorGroup } from './verb.js';
import { version } from './version.js';

const endpointHelp =
  'URL of the running service (HUBWIRE_ENDPOINT, default http://localhost at the port of HUBWIRE_PORT or PORT, else 8080)';

/**
 * The command line: each verb is a file of its own, loaded when it is called, so that a health check does not wait for the
 * whole service to be read from disk.
 */
export function makeProgram(env: Environment): Command {
  const program = new Command('hubwire')
    .description('A self-hosted hub service for the protocols of Azure Web PubSub and Pusher')
    .configureOutput({ outputError: (text, write) => write(inOneLine(text)) })
    .hook('preAction', (_program, verb) => refuseEmptyValues(verb))
    .version(version);
  addStart(program, env);
  addChecks(program, env);
  addDoctor(program, env);
  addClients(program, env);
  program
    .command('init')
    .description('write a commented hubs.yaml and an Express app to start from')
    .argument('[folder]', 'where to write them', '.')
    .action(async folder => (await import('./init.js')).init(folder, env));
  program
    .command('import')
    .description('write the hubs of Azure Web PubSub, or the apps of Sockudo or soketi, as a part of hubs.yaml')
    .addArgument(new Argument('<peer>', 'whose configuration it is').choices(['azure', 'sockudo', 'soketi']))
    .argument('<file>', 'the configuration, JSON; of Azure what `az webpubsub hub show` or `hub list` printed')
    .option('--out <file>', 'write to this file, readable by its owner only; default: standard output')
    .option('--force', 'replace the file if it exists')
    .option('--env', 'write the names of environment variables in place of secrets, and list the names')
    .action(async (peer, file, args) => (await import('./import.js')).importPeer(peer, file, args));
  addConfig(program, env);
  addVendorVerbs(program, env);
  addVendorVerbs(vendorGroup(program, 'webpubsub', 'hub, key, service and client, as they are called in `az`'), env);
  program
    .command('completion')
    .description('print a script for the shell that completes commands and flags')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async shell => {
      const { completionOf } = await import('./completion/completion.js');
      process.stdout.write(completionOf(shell, program));
    });
  return program;
}

function addVendorVerbs(parent: Command, env: Environment): void {
  addHubVerbs(parent, env);
  addKeyVerbs(parent, env);
  addServiceVerbs(parent, env);
  addClientVerbs(parent, env);
}

/** What commander writes in two lines, with what to do where it has no proposal. [MG-061] */
function inOneLine(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, 'hubwire: ')
    .replace(/\n\(Did you mean (.*)\?\)$/, '; did you mean $1?');
  const isOpen = /: unknown (?:option|command)/.test(line) && !line.includes('did you mean');
  return `${line}${isOpen ? '; --help lists what there is' : ''}\n`;
}

function addStart(program: Command, env: Environment): void {
  const verb = program
    .command('start', { isDefault: true })
    .description('run the service')
    .allowExcessArguments() // a mistyped verb arrives here
    .option('--hubs <file>', 'file with the hubs and event handlers (HUBWIRE_HUBS, default hubs.yaml if it exists)')
    .option(
      '--config <source>',
      'where the hubs are: file, or nats for what all nodes of a cluster share (HUBWIRE_CONFIG, default file)',
    )
    .option('--host <address>', 'address of the public listener (HUBWIRE_HOST, default 127.0.0.1)')
    .option('--port <number>', 'port of the public listener, 0 for any free port (HUBWIRE_PORT or PORT, default 8080)')
    .option('--admin-host <address>', 'address of the admin listener (HUBWIRE_ADMIN_HOST, default 127.0.0.1)')
    .option(
      '--admin-port <number>',
      'port of the admin listener, 0 for none, "any" for any free port (HUBWIRE_ADMIN_PORT, default 8081)',
    )
    .option('--tls-cert <file>', 'certificate of the public listener, PEM (HUBWIRE_TLS_CERT, default none)')
    .option('--tls-key <file>', 'private key of the certificate, PEM (HUBWIRE_TLS_KEY, default none)')
    .option(
      '--admin-tls-cert <file>',
      'certificate of the admin listener, PEM, "off" for plain HTTP (HUBWIRE_ADMIN_TLS_CERT, default that of the public one)',
    )
    .option(
      '--admin-tls-key <file>',
      'private key of that certificate, PEM (HUBWIRE_ADMIN_TLS_KEY, default that of the public one)',
    )
    .option(
      '--trust-proxy [addresses]',
      'trust X-Forwarded-Host, -Proto and -For from all peers or only from these addresses (HUBWIRE_TRUST_PROXY, default no)',
    )
    .option(
      '--data-dir <folder>',
      'where queued webhooks and events are kept (HUBWIRE_DATA_DIR, default data/ beside the hubs file)',
    )
    .option(
      '--cluster <number>',
      'a demonstration: this number of nodes on this machine, each with a nats-server and a port of its own',
    )
    .option(
      '--workers <number>',
      'number of processes behind one port, "auto" for one on each core (HUBWIRE_WORKERS, default none)',
    )
    .option('--drain-seconds <number>', 'over how long a stop closes the clients (HUBWIRE_DRAIN_SECONDS, default 10)');
  withNats(verb)
    .option('--node-name <name>', 'name of this node in logs and in NATS (HUBWIRE_NODE_NAME, default the host name)')
    .option('--log-level <level>', `one of ${logLevels.join(', ')} (HUBWIRE_LOG_LEVEL, default info)`)
    .option(
      '--sample',
      'also run the sample app; its page is on port 3000 (SAMPLE_PORT), or on any free port if that is taken',
    )
    .option('--json', 'print one JSON line when listening')
    .action(async (args, command: Command) => {
      const [verb] = command.args;
      if (verb !== undefined) throw program.args[0] === 'start' ? excessArgument(verb) : unknownVerb(verb, program);
      await (await import('./start.js')).start(args, env);
    });
}

function withNats(verb: Command): Command {
  return verb
    .option(
      '--nats <urls>',
      'NATS servers over which nodes work together: nats://host:4222, separated by commas (HUBWIRE_NATS, default none)',
    )
    .option(
      '--nats-creds <file>',
      'credentials for NATS: a .creds file or the seed of an nkey (HUBWIRE_NATS_CREDS, default none)',
    )
    .option(
      '--nats-ca <file>',
      'authorities that sign certificates of NATS servers, PEM (HUBWIRE_NATS_CA, default those of Node)',
    )
    .option('--nats-cert <file>', 'client certificate for NATS, PEM (HUBWIRE_NATS_CERT, default none)')
    .option('--nats-key <file>', 'private key of that certificate, PEM (HUBWIRE_NATS_KEY, default none)')
    .option('--cluster-name <name>', 'which nodes work together on that NATS (HUBWIRE_CLUSTER_NAME, default hw)');
}

function addConfig(program: Command, env: Environment): void {
  const group = program.command('config').description('the configuration that the nodes of a cluster share in NATS');
  const push = group
    .command('push')
    .description('make a file the configuration of all nodes that are started with --config nats')
    .argument('<file>', 'the hubs.yaml; it is checked first');
  withNats(push).action(async (file, args) => (await import('./config.js')).pushConfig(file, args, env));
}

function addChecks(program: Command, env: Environment): void {
  program
    .command('validate')
    .description('check hubs.yaml and validate every event handler, without starting the service')
    .argument('[file]', 'the file to check (HUBWIRE_HUBS)', env.HUBWIRE_HUBS || 'hubs.yaml')
    .option('--json', 'print the result as JSON')
    .action(async (file, args) => (await import('./validate.js')).validate(file, args, env));
  program
    .command('health')
    .description('exit with 0 when the service accepts clients, otherwise with 1')
    .option('--url <url>', 'URL of the admin listener (default from HUBWIRE_ADMIN_HOST and HUBWIRE_ADMIN_PORT)')
    .option('--live', 'check liveness only, which succeeds also while the service is stopping')
    .action(async args => (await import('./health.js')).health(args, env));
}

function addDoctor(program: Command, env: Environment): void {
  program
    .command('doctor')
    .description('look for mistakes in settings, listeners, tokens, event handlers and what is between them')
    .option('--hubs <file>', 'file with the hubs and event handlers (HUBWIRE_HUBS, default hubs.yaml)')
    .option('--hub <name>', 'only this hub')
    .option('--url <url>', 'where clients reach the service (HUBWIRE_ENDPOINT, default the public listener)')
    .option('--admin <url>', 'URL of the admin listener (default from HUBWIRE_ADMIN_HOST and HUBWIRE_ADMIN_PORT)')
    .option(
      '--connect',
      'also send events to the app servers, and connect a client; without it they get only OPTIONS and GET',
    )
    .option('--token <token>', 'a client access token, or the URL with it, that does not work')
    .option('--event <name>', 'with --hub: a user event that does not arrive')
    .option('--group <name>', 'with --token: the group that the client joins or sends to')
    .addOption(new Option('-o, --output <format>', 'how to print it, default table').choices(outputFormats))
    .option('--json', 'same as -o json')
    .action(async args => (await import('./doctor.js')).doctor(args, env));
}

function addClients(program: Command, env: Environment): void {
  program
    .command('token')
    .description('print a client access URL, or with --rest a token for one request of the REST API')
    .argument('[method]', 'HTTP method of the request, with --rest')
    .argument('[path]', 'path of the request, such as /api/hubs/chat/:send, with --rest')
    .option('--rest', 'print a token for a REST request instead')
    .option('--hub <name>', 'the hub to connect to')
    .option('--user <id>', 'the user id')
    .option('--role <role...>', 'roles, e.g. webpubsub.joinLeaveGroup')
    .option('--group <group...>', 'groups that the client joins when it connects')
    .option('--ttl <minutes>', 'lifetime in minutes, default 60')
    .option('--endpoint <url>', endpointHelp)
    .option('--json', 'print the result as JSON')
    .action(async (method, path, args, command: Command) => {
      const verb = await import('./token.js');
      if (args.rest === true) return verb.restToken(method, path, args, env);
      if (method !== undefined)
        throw new PubSubError('invalid', `"${method}": a method and a path are allowed only with --rest`);
      if (args.hub === undefined) command.error("error: required option '--hub <name>' not specified");
      return verb.token(args, env);
    });
  program
    .command('send')
    .description('send a message to all clients of a hub, or to a group, a user or a connection')
    .argument('[message]', 'the message; default: read from standard input')
    .requiredOption('--hub <name>', 'the hub')
    .addOption(new Option('--group <name>', 'to this group').conflicts(['user', 'connection']))
    .addOption(new Option('--user <id>', 'to this user').conflicts(['connection']))
    .option('--connection <id>', 'to this connection')
    .addOption(new Option('--type <type>', 'type of the message').choices(['text', 'json']).default('text'))
    .option('--endpoint <url>', endpointHelp)
    .action(async (message, args) => (await import('./send.js')).send(message, args, env));
}

function excessArgument(text: string): PubSubError {
  return new PubSubError('invalid', `start takes no argument, and "${text}" is one; --help lists its flags`);
}

function unknownVerb(verb: string, program: Command): PubSubError {
  const verbs = program.commands.map(command => command.name());
  const near = nearestWord(verb, verbs);
  const advice = near === undefined ? `known commands are ${verbs.join(', ')}` : `did you mean "${near}"?`;
  return new PubSubError('invalid', `unknown command "${verb}"; ${advice}`);
}
