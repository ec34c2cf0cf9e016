import type { ServerInfo } from '@nats-io/transport-node';
import { isLoopback } from '../addresses.js';
import { hostAndPort, type NatsServerAddress } from './options.js';

/** What whoever is on the way to a server elsewhere could do; undefined when it is safe from that. [CL-120] */
export function exposureOf(server: NatsServerAddress, info: ServerInfo): string | undefined {
  if (isLoopback(server.host)) return undefined;
  const missing = [
    ...(info.tls_required === true || info.tls_available === true ? [] : ['TLS']),
    ...(info.auth_required === true || info.tls_verify === true ? [] : ['authentication']),
  ];
  if (missing.length === 0) return undefined;
  const what = missing.join(' or ');
  const risk = 'others on that network can read what hubs send, and send in their place';
  return `NATS at ${hostAndPort(server)} is used without ${what}: ${risk}. Use tls:// and --nats-creds, or a user and a password.`;
}
