import jwt from 'jsonwebtoken';
import { postRequest } from '../load/http-publisher.js';
import type { ServerProcess } from './server-process.js';

/** Hub that all scenarios use. */
export const hub = 'bench';

/** hubs.yaml without event handlers. Pings would be frames that nobody counts, so they are kept rare. */
export const plainHub = `hubs:\n  ${hub}:\n    webSocketKeepAliveIntervalInSeconds: 120\n`;

/** The key that Hubwire printed. */
function keyOf(server: ServerProcess): string {
  return /AccessKey=([^;]*)/.exec(server.listening.connectionString ?? '')?.[1] ?? '';
}

/** A URL for Hubwire's clients, with a token made from the connection string as an app server would. [rest-api 1.6] */
export function clientUrl(server: ServerProcess, claims: Readonly<Record<string, unknown>>): string {
  const url = `${server.listening.public}/client/hubs/${hub}`;
  return `${url}?access_token=${tokenFor(url, keyOf(server), claims)}`;
}

/** A token signed with the key, for this audience. [rest-api 1.3] */
export function tokenFor(audience: string, key: string, claims: Readonly<Record<string, unknown>> = {}): string {
  return jwt.sign(claims, key, { algorithm: 'HS256', audience, expiresIn: '1h' });
}

/** A minimal loop's key, as long as Hubwire's. */
export const minimalKey = 'a-key-of-the-minimal-loop-with-some-length';

/** Where text is sent over REST, and with what headers. @param target `/groups/NAME`, `/users/NAME`, or empty for the hub [rest-api 2] */
export function sendOperation(server: ServerProcess, target: string): { url: string; headers: Record<string, string> } {
  const url = `${server.listening.public}/api/hubs/${hub}${target}/:send`;
  const headers = { Authorization: `Bearer ${tokenFor(url, keyOf(server))}`, 'Content-Type': 'text/plain' };
  return { url: `${url}?api-version=2024-12-01`, headers };
}

/** A send over REST as it goes over TCP. @param target as for `sendOperation` */
export function restSend(server: ServerProcess, target: string, text: string): Buffer {
  const { url, headers } = sendOperation(server, target);
  return postRequest(url, headers, text);
}
