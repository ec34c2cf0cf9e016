import { createHmac } from 'node:crypto';
import { ClientAudiences, WrongAudience } from '../auth/audience.js';
import { type Claims, checkTimes, claimStrings } from '../auth/claims.js';
import type { Endpoints } from '../auth/endpoints.js';
import { Hs256 } from '../auth/hs256.js';
import { type AccessKeys, Keys } from '../auth/keys.js';
import { unverifiedClaims } from '../auth/unverified.js';
import { nearestWord } from '../config/did-you-mean.js';
import { Permissions } from '../hub/permissions.js';
import { missingPermission, roleProblem } from '../hub/roles.js';
import { advice } from './advice.js';
import { error, type Finding, halves, ok, warning } from './finding.js';

export interface TokenQuestion {
  /** A client access token, or a URL that has one. */
  readonly text: string;
  /** The hub that the client connects to; undefined: any. */
  readonly hub: string | undefined;
  /** That it joins and sends to; undefined: any. */
  readonly group: string | undefined;
  readonly keys: AccessKeys | undefined;
  readonly endpoints: Endpoints;
  /** Of Entra ID tokens for the data plane. */
  readonly entraAudiences: readonly string[];
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** What the service would make of a client access token. Pure. No part of the token but its claims is shown. */
export function tokenFindings(question: TokenQuestion): readonly Finding[] {
  const token = tokenIn(question.text);
  const claims = unverifiedClaims(token);
  const { hub } = question;
  if (claims === undefined) {
    return [
      error('token', { hub }, 'it is not a JSON Web Token', ['give the token, or the client access URL with it']),
    ];
  }
  const audiences = claimStrings(claims.aud);
  if (audiences.some(audience => question.entraAudiences.includes(audience.replace(/\/$/, '')))) {
    return [error('entra-as-client', { hub }, `its aud is ${audiences[0]}`, advice.entraAsClient)];
  }
  const found = [
    ...signatureFindings(token, question),
    ...audienceFindings(audiences, question),
    ...timeFindings(claims, question.nowMs),
    ...roleFindings(claims, question),
  ];
  const user = typeof claims.sub === 'string' ? `user ${claims.sub}` : 'no user';
  return found.length > 0 ? found : [ok('token', { hub }, `valid for ${audiences[0]}, ${user}`)];
}

/** Also of `wss://…?access_token=…`. */
function tokenIn(text: string): string {
  const [, inUrl] = /[?&]access_token=([^&#]+)/.exec(text) ?? [];
  return inUrl ?? text.trim();
}

function signatureFindings(token: string, { keys, hub }: TokenQuestion): readonly Finding[] {
  if (keys === undefined) return [];
  try {
    new Hs256(new Keys(keys)).verify(token);
    return [];
  } catch (failure) {
    const decoded = [keys.primary, keys.secondary ?? ''].some(key => isSignedWith(Buffer.from(key, 'base64'), token));
    const seen = (failure as Error).message;
    if (!decoded) return [error('token-aud', { hub }, seen, ['make it with a key of this service', ...advice.keyLine])];
    return [error('key', { hub }, `${seen}, but with the bytes that the key decodes to`, advice.keyAsText)];
  }
}

function isSignedWith(key: Buffer, token: string): boolean {
  const at = token.lastIndexOf('.');
  if (key.length === 0) return false;
  return createHmac('sha256', key).update(token.slice(0, at)).digest('base64url') === token.slice(at + 1);
}

/** The host to which a client goes with a whole URL is one that the service takes, as long as a proxy passes it on. */
function hostIn(text: string): string | undefined {
  return /^(?:wss?|https?):/i.test(text) && URL.canParse(text) ? new URL(text).host : undefined;
}

function audienceFindings(audiences: readonly string[], { endpoints, hub, text }: TokenQuestion): readonly Finding[] {
  const named = hub ?? audiences.map(hubIn).find(each => each !== undefined) ?? '';
  const host = hostIn(text);
  const isOurs = new ClientAudiences(endpoints).of(named, true, host);
  if (audiences.some(isOurs)) return [];
  const wrong = new WrongAudience(audiences).answeredAt(`/client/hubs/${named}`, endpoints.bases(host, true));
  const said = halves(wrong.message);
  const steps = wrong.isOfOtherPath ? advice.otherHub(named) : advice.audience;
  return [error('token-aud', { hub: hub ?? (named || undefined) }, `${said.seen}; ${said.advice[0]}`, steps)];
}

function hubIn(audience: string): string | undefined {
  return /\/client\/(?:hubs\/|\?hub=)([^/?&#]+)/.exec(audience)?.[1];
}

function timeFindings(claims: Claims, nowMs: number): readonly Finding[] {
  try {
    checkTimes(claims, Math.floor(nowMs / 1000));
    return [];
  } catch (failure) {
    const { exp, nbf } = claims;
    const seconds = (at: unknown) => Math.round(Math.abs(nowMs / 1000 - Number(at)));
    const seen = (failure as Error).message;
    if (seen.includes('expired')) {
      return [error('token-time', {}, `${seen}, ${seconds(exp)} s ago by the clock of this machine`, advice.newToken)];
    }
    if (!seen.includes('not valid yet')) return [error('token-time', {}, seen, advice.newToken)];
    const ahead = `${seen}: it begins in ${seconds(nbf)} s by the clock of this machine`;
    return [error('token-time', {}, ahead, advice.clock('the app server that made it, which is ahead,'))];
  }
}

/** A client without any role may still send events, and be put into groups by the app. */
function roleFindings(claims: Claims, { hub, group }: TokenQuestion): readonly Finding[] {
  const roles = claimStrings(claims.role);
  const bad = roles.flatMap(role => {
    const problem = roleProblem(role);
    return problem === undefined ? [] : [{ role, problem }];
  });
  const invalid = bad.map(({ role, problem }) => {
    const said = halves(problem);
    return warning(
      'role',
      { hub },
      `role "${role}": ${said.seen}`,
      said.advice.length > 0 ? said.advice : ['remove it'],
    );
  });
  return [...invalid, ...(group === undefined ? anyRole(roles, hub) : groupRoles(roles, group, hub))];
}

function anyRole(roles: readonly string[], hub: string | undefined): readonly Finding[] {
  if (roles.some(role => /^webpubsub\.(?:joinLeave|sendTo)Groups?(?:\.|$)/.test(role))) return [];
  const seen = 'it has no role to join groups or to send to them';
  return [warning('role', { hub }, seen, advice.role('webpubsub.joinLeaveGroup" or "webpubsub.sendToGroup'))];
}

function groupRoles(roles: readonly string[], group: string, hub: string | undefined): readonly Finding[] {
  const permissions = new Permissions(roles);
  return (['joinLeaveGroup', 'sendToGroup'] as const)
    .filter(right => !permissions.allows(right, group))
    .map(right => {
      const near = roles.length === 0 ? undefined : nearestWord(`webpubsub.${right}.${group}`, roles);
      const seen = `${missingPermission(right, group)}${near === undefined ? '' : `; the nearest role is "${near}"`}`;
      return error('role', { hub }, seen, advice.role(`webpubsub.${right}.${group}`));
    });
}
