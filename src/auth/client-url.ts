import type { ClientClaims, KeyTokens } from './key-tokens.js';

/** A client access URL; contains a token. @param endpoint the public endpoint, without a trailing slash */
export function clientUrl(
  tokens: KeyTokens,
  endpoint: string,
  hub: string,
  claims: ClientClaims,
  lifetimeMinutes: number,
): string {
  const token = tokens.sign(claims, `${endpoint}/client/hubs/${hub}`, lifetimeMinutes);
  return `${endpoint.replace(/^http/, 'ws')}/client/hubs/${encodeURIComponent(hub)}?access_token=${token}`;
}
