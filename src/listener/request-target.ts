import type { IncomingMessage } from 'node:http';
import { lineCountOf, setLines } from './header-lines.js';

const slash = '/'.charCodeAt(0);

/** Scheme, authority, then path and query. [RFC 9112 3.2.2] */
const absoluteForm = /^https?:\/\/([^/?#@]+)((?:[/?][^#]*)?)$/i;

/** What may follow a base path: a path of ours, or nothing. */
const ownPath = /^\/(?:api|clients?|apps?)(?:[/?]|$)|^\/?(?:\?|$)/i;

/** An operation's colon, at one of the places where a path can have one. Names before it may begin with one too. [rest-api 2] */
const encodedColon = /^(\/api\/hubs\/[^/?]+\/(?:(?:groups|users|connections)\/[^/?]+\/)?)%3a(?=\w+\/?(?:\?|$))/i;

/**
 * The request's path and query as routes expect them: without scheme and authority, without the base path of an endpoint,
 * and with the colon of an operation as a colon. The host of an absolute form takes the place of the Host header. [RFC 9112 3.2.2, RFC 3986 2.3]
 * @param basePaths of the endpoints, without a trailing slash, none of them empty
 */
export function requestTarget(request: IncomingMessage, basePaths: readonly string[]): string {
  let target = request.url ?? '/';
  if (target.charCodeAt(0) !== slash) target = fromAbsolute(request, target);
  if (basePaths.length > 0) target = withoutBase(target, basePaths);
  return target.includes('%3') ? target.replace(encodedColon, '$1:') : target;
}

function fromAbsolute(request: IncomingMessage, target: string): string {
  const [, host, rest] = absoluteForm.exec(target) ?? [];
  if (host === undefined || rest === undefined) return target;
  request.headers.host = host;
  setLines(request, 'host', host);
  return rest.charCodeAt(0) === slash ? rest : `/${rest}`;
}

/** The path is served without its base too: a proxy in front may have taken it away. */
function withoutBase(target: string, basePaths: readonly string[]): string {
  for (const base of basePaths) {
    const isBelow = target.slice(0, base.length).toLowerCase() === base.toLowerCase();
    const rest = target.slice(base.length);
    if (isBelow && ownPath.test(rest)) return rest.charCodeAt(0) === slash ? rest : `/${rest}`;
  }
  return target;
}

/** Maximum length of a path in a log; longer ones are truncated. */
const maxLoggedPath = 300;

/** The path of a request target as logs show it: without a query, which may contain tokens, and without scheme and authority. */
export function loggedPath(target: string): string {
  const query = target.search(/[?#]/);
  const path = (query < 0 ? target : target.slice(0, query)).replace(/^[^/]*:\/\/[^/]*/, '');
  return path.length > maxLoggedPath ? `${path.slice(0, maxLoggedPath)}…` : path;
}

/** Why the request's Host header is invalid; undefined when it is valid. [RFC 9112 3.2] */
export function invalidHost(request: IncomingMessage): string | undefined {
  const lines = lineCountOf(request, 'host');
  if (lines > 1) return `The Host header is given ${lines} times; give it once.`;
  if (lines === 0 && request.httpVersion === '1.1') return 'The Host header is missing.';
  return undefined;
}
