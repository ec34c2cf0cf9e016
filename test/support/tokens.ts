import { createHmac } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { StartedHub } from './start-hub.js';
import type { Dial, DialOptions } from './test-client.js';

/** The `aud` of a client of the hub. `scheme` is without `://`. */
export function audienceOf({ service }: StartedHub, hub = 'chat', scheme = 'http'): string {
  return `${service.endpoints.primary.replace(/^http/, scheme)}/client/hubs/${hub}`;
}

/** Unix seconds, some minutes from now. */
export function inMinutes(minutes: number, nowMs = Date.now()): number {
  return Math.floor(nowMs / 1000) + minutes * 60;
}

/** A token with exactly these claims: `aud` and `exp` too must be given. */
export function signToken(claims: object, key = developmentKey, algorithm: jwt.Algorithm = 'HS256'): string {
  return jwt.sign(claims, key, { algorithm, noTimestamp: true });
}

/** A token whose claims are this JSON text, which may say what no library would sign. */
export function signText(claims: string, key = developmentKey): string {
  const parts = ['{"alg":"HS256","typ":"JWT"}', claims].map(part => Buffer.from(part).toString('base64url')).join('.');
  return `${parts}.${createHmac('sha256', key).update(parts).digest('base64url')}`;
}

/** Options of a client whose token says exactly this. */
export function withToken(token: string): DialOptions {
  return { token: null, query: `access_token=${token}` };
}

/** The status that an upgrade is answered with. */
export async function statusOf(dial: Dial, options?: DialOptions): Promise<number> {
  try {
    const client = await dial(options);
    client.ws.terminate();
    return 101;
  } catch (error) {
    const status = /Unexpected server response: (\d{3})/.exec((error as Error).message)?.[1];
    if (status === undefined) throw error;
    return Number(status);
  }
}
