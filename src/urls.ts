import { PubSubError } from './errors.js';

/**
 * A URL as messages and logs show it: user name and password, and what follows the path, are `***`. It need not be a URL:
 * people write other things where one belongs, also such as have a secret.
 */
export function urlForPeople(text: string): string {
  if (isConnectionString(text)) return '***';
  return text.replace(/^([^/]*\/\/|).*@/s, '$1***@').replace(/([?#;]).*/s, '$1***');
}

/**
 * A longer text with URLs in it, such as a library's message: users and passwords are `***`, whatever characters they have but white
 * space and `"`. Stacks name files of packages such as `file:///…/@scope/…`, which stay.
 */
export function withoutPasswords(text: string): string {
  if (!text.includes('@')) return text;
  return text
    .split(/(\s+|")/)
    .map(withoutPassword)
    .join('');
}

/** @param word without white space */
function withoutPassword(word: string): string {
  const start = word.indexOf('://');
  const end = word.lastIndexOf('@');
  if (start < 0 || end < start || /file$/i.test(word.slice(0, start))) return word;
  return `${word.slice(0, start)}://***${word.slice(end)}`;
}

/** Is it what SDKs of app servers take, whole or in part? It has the access key. [rest-api 1.8] */
function isConnectionString(text: string): boolean {
  return /(?:^|;)[\s"']*(?:endpoint|accesskey)\s*=/i.test(text);
}

/**
 * What the URL of a service, which paths are added to, has besides scheme, host, port and path, as in `endpoint …`;
 * undefined: nothing.
 */
export function excessOf(text: string): string | undefined {
  if (isConnectionString(text)) {
    return 'is a connection string, not a URL; write only the URL that it contains, such as https://pubsub.example.com';
  }
  if (!URL.canParse(text)) return undefined;
  const { username, password } = new URL(text);
  const shown = `"${urlForPeople(text)}"`;
  if (username !== '' || password !== '') {
    return `${shown} contains a user name or password; remove the part before the @`;
  }
  if (/[?#]/.test(text)) return `${shown} contains a query or fragment; end it with the host, the port or a path`;
  if (text.includes(';')) return `${shown} contains a \`;\`; end it with the host, the port or a path`;
  return undefined;
}

/**
 * Reads a URL that requests are sent to: user and password have no place in it, and HTTP clients refuse it with an error that
 * quotes them.
 * @throws PubSubError `invalid`; the message does not quote the URL
 */
export function parseHttpUrl(text: string): URL {
  if (!/^https?:\/\/[^/]/i.test(text)) throw invalid('must be an http or https URL');
  const url = parsed(text);
  if (url.username !== '' || url.password !== '') {
    throw invalid('the URL contains a user name or password before the host; remove it');
  }
  return url;
}

const redisEscapes = 'in user and password `/` is written %2F, `@` %40, `:` %3A, `?` %3F, `#` %23 and `%` %25';

/** A redis server and how to log in there. */
export interface RedisUrl {
  readonly isTls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/**
 * Reads `redis://user:password@host:6379/0`, or `rediss://` for TLS, and refuses what the library would.
 * @throws PubSubError `invalid`; the message does not quote the URL
 */
export function parseRedisUrl(text: string): RedisUrl {
  if (!/^rediss?:\/\//i.test(text)) throw invalid('must be a URL that starts with redis:// or rediss://');
  const url = parsed(text, text.includes('@') ? `; ${redisEscapes}` : '');
  if (url.hostname === '') throw invalid('the URL has no host; write it as redis://host:6379/0');
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) {
    throw invalid(`the URL contains an \`@\` behind the host; ${redisEscapes}`);
  }
  if (!/^\/?\d*$/.test(url.pathname)) {
    throw invalid('the database at the end of the URL must be a number, as in redis://host:6379/0');
  }
  const { user, password } = loginOf(url);
  return { isTls: url.protocol === 'rediss:', user, password };
}

/** User and password of a URL, decoded. @throws PubSubError `invalid` for a stray `%`; the message quotes neither */
export function loginOf({ username, password }: URL): Pick<RedisUrl, 'user' | 'password'> {
  try {
    return { user: decodeURIComponent(username) || undefined, password: decodeURIComponent(password) || undefined };
  } catch {
    throw invalid('user or password of the URL contains a stray `%`; write a literal one as %25');
  }
}

/** The error of Node has the text as its `input`, so it is no cause here. */
function parsed(text: string, advice = ''): URL {
  if (URL.canParse(text)) return new URL(text);
  throw invalid(`the host or port of the URL is not valid; check the text behind \`//\`${advice}`);
}

function invalid(message: string): PubSubError {
  return new PubSubError('invalid', message);
}
