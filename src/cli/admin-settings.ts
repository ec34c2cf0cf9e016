import { randomBytes } from 'node:crypto';
import { isLoopback } from '../addresses.js';
import { PubSubError } from '../errors.js';
import type { AdminAccess, ServiceOptions } from '../service-options.js';
import { urlForPeople } from '../urls.js';
import { readSecret } from './secrets.js';
import { type Environment, readTls } from './settings.js';
import { type Flags, type Given, lookUp } from './variables.js';

/** In place of a certificate: the admin listener speaks plain HTTP although the public one has TLS. */
const noTls = 'off';

/**
 * Who may call the admin listener. Where nobody could, and only this machine can connect, a token is made, to be printed. [MG-120]
 * @param host that the admin listener listens on; undefined: there is none, or nobody would see the token
 * @throws PubSubError `invalid`
 */
export function readAdminAccess(env: Environment, host: string | undefined): AdminAccess {
  const adminToken = readToken(env, 'HUBWIRE_ADMIN_TOKEN');
  const readingToken = readToken(env, 'HUBWIRE_ADMIN_READ_TOKEN');
  if (adminToken !== undefined && adminToken === readingToken) {
    throw new PubSubError(
      'invalid',
      'HUBWIRE_ADMIN_TOKEN and HUBWIRE_ADMIN_READ_TOKEN are the same token; give the read token a value of its own',
    );
  }
  const isGenerated = adminToken === undefined && readingToken === undefined && host !== undefined && isLoopback(host);
  return {
    adminToken: isGenerated ? randomBytes(24).toString('hex') : adminToken,
    isGenerated,
    readToken: readingToken,
    origins: readOrigins(env),
  };
}

function readToken(env: Environment, name: string): string | undefined {
  const token = readSecret(env, name);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.text)) {
    const message = `${token.name} must consist of visible ASCII characters without spaces, as headers need; make one with: openssl rand -hex 24`;
    throw new PubSubError('invalid', message);
  }
  return token?.text;
}

/** URLs under which the admin listener is reached: a comma list. */
function readOrigins(env: Environment): readonly string[] {
  const urls = (env.HUBWIRE_ADMIN_ORIGINS ?? '')
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');
  for (const url of urls) {
    if (/^https?:\/\/[^/?#@;]+\/?$/i.test(url) && URL.canParse(url)) continue;
    const message = `HUBWIRE_ADMIN_ORIGINS must be URLs without a path such as https://admin.example.com, separated by commas, not "${urlForPeople(url)}"`;
    throw new PubSubError('invalid', message);
  }
  return urls;
}

/** By default that of the public listener. @throws PubSubError `invalid` for a certificate without its key, or the reverse */
export function readAdminTls(flags: Flags, env: Environment, publicTls: ServiceOptions['tls']): ServiceOptions['tls'] {
  const certificate = lookUp('adminTlsCert', flags, env);
  const key = lookUp('adminTlsKey', flags, env);
  if (isOff(certificate)) {
    if (key === undefined || isOff(key)) return undefined;
    throw new PubSubError(
      'invalid',
      `${certificate?.name} is off, and ${key.name} names a key: leave one of the two out`,
    );
  }
  return readTls(certificate, key, { certificate: 'adminTlsCert', key: 'adminTlsKey' }) ?? publicTls;
}

function isOff(given: Given | undefined): boolean {
  return given?.text.toLowerCase() === noTls;
}

/** Shorter tokens can be guessed. */
const leastTokenCharacters = 16;

export function tokenWarnings({ adminToken, readToken: readingToken }: AdminAccess): readonly string[] {
  const tokens = { HUBWIRE_ADMIN_TOKEN: adminToken, HUBWIRE_ADMIN_READ_TOKEN: readingToken };
  return Object.entries(tokens)
    .filter(([, token]) => token !== undefined && token.length < leastTokenCharacters)
    .map(
      ([name]) =>
        `${name} is shorter than ${leastTokenCharacters} characters: it can be guessed; make one with: openssl rand -hex 24`,
    );
}

/** Can its routes for operators be used? */
export function isOpenToOperators({ adminToken, readToken: readingToken }: AdminAccess): boolean {
  return adminToken !== undefined || readingToken !== undefined;
}

/** What is to be said about an admin listener that admits nobody. */
export function accessNote(access: AdminAccess, host: string): string | undefined {
  if (isOpenToOperators(access)) return undefined;
  return `the admin listener on ${host} serves health and metrics only: set HUBWIRE_ADMIN_TOKEN (or HUBWIRE_ADMIN_TOKEN_FILE) to use its other routes`;
}
