import { Command } from 'commander';
import { ConfigError } from '../config/load.js';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';
import { start } from './start.js';
import { token } from './token.js';
import { validate } from './validate.js';
import { version } from './version.js';

/** The command line: each verb is a file of its own. */
export function makeProgram(env: Environment): Command {
  const program = new Command('hubwire')
    .description('A self-hosted hub service that speaks the Azure Web PubSub protocol')
    .version(version);
  program
    .command('start', { isDefault: true })
    .description('run the service')
    .option('--hubs <file>', 'hubs and event handlers (HUBWIRE_HUBS, default hubs.yaml)')
    .option('--host <address>', 'public listener (HUBWIRE_HOST, default 127.0.0.1)')
    .option('--port <number>', 'public listener, 0 for any free port (HUBWIRE_PORT or PORT, default 8080)')
    .option('--admin-host <address>', "operator's listener (HUBWIRE_ADMIN_HOST, default 127.0.0.1)")
    .option(
      '--admin-port <number>',
      "operator's listener, 0 for none, any for a free port (HUBWIRE_ADMIN_PORT, default 8081)",
    )
    .option('--tls-cert <file>', 'certificate of the public listener, PEM (HUBWIRE_TLS_CERT, default none)')
    .option('--tls-key <file>', 'its private key, PEM (HUBWIRE_TLS_KEY)')
    .option(
      '--trust-proxy [addresses]',
      'believe X-Forwarded-Host, -Proto and -For, of all or of these addresses (HUBWIRE_TRUST_PROXY, default no)',
    )
    .option('--log-level <level>', 'HUBWIRE_LOG_LEVEL, default info')
    .option('--sample', 'run the sample app too')
    .option('--json', 'print one JSON line when listening')
    .action(args => start(args, env));
  program
    .command('validate')
    .description('check hubs.yaml and ask every upstream, without starting the service')
    .argument('[file]', 'the file to check', env.HUBWIRE_HUBS || 'hubs.yaml')
    .option('--json', 'print the result as JSON')
    .action((file, args) => validate(file, args, env));
  program
    .command('token')
    .description('print a client access URL')
    .requiredOption('--hub <name>', 'the hub to connect to')
    .option('--user <id>', 'the user id')
    .option('--role <role...>', 'roles, e.g. webpubsub.joinLeaveGroup')
    .option('--group <group...>', 'groups to join at once')
    .option('--ttl <minutes>', 'lifetime, default 60')
    .option('--json', 'print the result as JSON')
    .action(args => token(args, env));
  return program;
}

/** What a person is told when a verb fails: expected failures by their message alone. */
export function failureText(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof PubSubError) return `hubwire: ${error.message}`;
  if (isListenError(error))
    return `hubwire: cannot listen on ${error.address}:${error.port}: ${error.code}; choose another with --host, --port or --admin-port`;
  if (isLookupError(error))
    return `hubwire: cannot listen on ${error.hostname}: no address has that name (${error.code}); choose another with --host or --admin-host`;
  return `hubwire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function isLookupError(error: unknown): error is { code: string; hostname: string } {
  return error instanceof Error && 'syscall' in error && error.syscall === 'getaddrinfo';
}

function isListenError(error: unknown): error is { code: string; address: string; port: number } {
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen';
}
