import jwt from 'jsonwebtoken';
import type { ServerProcess } from './server-process.js';

/** Hub that all scenarios use. */
export const hub = 'bench';

/** A URL for Hubwire's clients, with a token made from the connection string as an app server would. [rest-api 1.6] */
export function clientUrl(server: ServerProcess, claims: Readonly<Record<string, unknown>>): string {
  const { public: endpoint, connectionString = '' } = server.listening;
  const key = /AccessKey=([^;]*)/.exec(connectionString)?.[1] ?? '';
  const url = `${endpoint}/client/hubs/${hub}`;
  const token = jwt.sign(claims, key, { algorithm: 'HS256', audience: url, expiresIn: '1h' });
  return `${url}?access_token=${token}`;
}
