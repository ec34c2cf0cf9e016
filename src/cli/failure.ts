import { ConfigError } from '../config/problems.js';
import { ListenError, type ListenFailure, PubSubError } from '../errors.js';
import { StoreOpenError } from '../outbox/outbox-error.js';
import { withoutPasswords } from '../urls.js';
import { StartFailure } from '../workers/crew.js';
import { commandLine } from './invocation.js';
import type { Environment } from './settings.js';
import { UsageError } from './usage-error.js';

/** The text for a failed command: of expected failures only the message. */
export function failureText(error: unknown, env: Environment): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof ListenError) return listenText(error, env);
  if (error instanceof StartFailure) return error.message;
  if (error instanceof PubSubError || error instanceof StoreOpenError || error instanceof UsageError)
    return `hubwire: ${error.message}`;
  return `hubwire: ${withoutPasswords(error instanceof Error ? (error.stack ?? error.message) : String(error))}`;
}

/** 2: what was typed is wrong; 3: it is not there; 1: anything else. [management 2.1] */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof PubSubError && error.kind === 'notFound' ? 3 : 1;
}

/** A line for each listener that failed, then one to type. */
function listenText({ failures }: ListenError, env: Environment): string {
  const lines = failures.map(
    failure =>
      `hubwire: the ${failure.listener} listener cannot listen on ${failure.host}:${failure.port}: ${reasonOf(failure)}`,
  );
  const flags = failures.map(flagFor).join(' ');
  return [...lines, `hubwire: choose another address or port, for example: ${commandLine(`start ${flags}`, env)}`].join(
    '\n',
  );
}

function reasonOf({ code }: ListenFailure): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is taken (EADDRINUSE)';
    case 'EACCES':
      return 'this user may not listen on that port (EACCES)';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address (EADDRNOTAVAIL)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name was not found (${code})`;
    default:
      return code;
  }
}

function flagFor({ listener, port, code }: ListenFailure): string {
  const prefix = listener === 'public' ? '--' : '--admin-';
  const isAddressAtFault = code !== 'EADDRINUSE' && code !== 'EACCES';
  return isAddressAtFault ? `${prefix}host 127.0.0.1` : `${prefix}port ${otherPort(port)}`;
}

/** 8080 becomes 9090, and 8081 9091. */
function otherPort(port: number): number {
  return port < 1024 ? port + 8000 : port + (port < 64_000 ? 1010 : -1010);
}
