import { PubSubError } from '../errors.js';
import type { Insertion } from './options.js';

/** Where one request goes. */
export interface UrlTarget {
  /** `http://host:port`, without the port when it is the scheme's own. */
  readonly origin: string;
  /** Begins with `/`; contains the query. */
  readonly path: string;
}

/** An event handler's URL, with `{hub}` and `{event}` still open. [upstream-events 5.2] */
export interface UrlTemplate {
  /** The template with what looks like a secret, or came from a variable, shown as `***`, for logs and status. The host is always shown. */
  readonly display: string;
  /**
   * Fills in the parameters; no value changes the host or the number of path segments.
   * @throws PubSubError `invalid` for a value that cannot be one segment of a URL: empty, only dots, or not Unicode
   */
  expand(hub: string, event: string): UrlTarget;
  /** The URL for abuse protection: `{event}` is `validate`. [upstream-events 4.1] */
  validationUrl(hub: string): UrlTarget;
}

type Parameter = 'hub' | 'event';
/** Text that is always the same, or the name of what goes in its place. */
type Part = { readonly text: string } | { readonly parameter: Parameter };

/**
 * Reads a `urlTemplate`.
 *
 * `written` is the template before environment variables were filled in: messages quote nothing else, and no secret.
 * `insertions` is where they were filled in.
 * @throws PubSubError `invalid` when it is not an absolute http or https URL with parameters in path and query only
 * [upstream-events 5.2]
 */
export function parseUrlTemplate(text: string, written = text, insertions: readonly Insertion[] = []): UrlTemplate {
  refuseUnsupported(text);
  const { scheme, authority, rest } = split(text);
  const display = maskSecrets(maskInsertions(text, insertions));
  return new ParsedTemplate(parseOrigin(scheme, authority), parseParts(rest, maskSecrets(written)), display);
}

class ParsedTemplate implements UrlTemplate {
  /** A template serves one hub, so what is constant for that hub is joined once: the path is `pieces` joined by the event. */
  #hub: string | undefined;
  #pieces: readonly string[] = [];

  constructor(
    private readonly origin: string,
    private readonly parts: readonly Part[],
    readonly display: string,
  ) {}

  expand(hub: string, event: string): UrlTarget {
    if (hub !== this.#hub) this.#prepare(hub);
    return { origin: this.origin, path: this.#pieces.join(encodeValue(event)) };
  }

  validationUrl(hub: string): UrlTarget {
    return this.expand(hub, 'validate');
  }

  #prepare(hub: string): void {
    const encoded = encodeValue(hub);
    const pieces = [''];
    for (const part of this.parts) {
      if ('parameter' in part && part.parameter === 'event') pieces.push('');
      else pieces[pieces.length - 1] += 'parameter' in part ? encoded : part.text;
    }
    this.#pieces = pieces;
    this.#hub = hub;
  }
}

// -------------------------------------------------------------------------------------------------------- reading

function refuseUnsupported(text: string): void {
  if (/\{\s*@/.test(text)) {
    throw invalid(
      `Key Vault references are not supported; put the secret in an environment variable and write \${NAME}`,
    );
  }
  if (/^tunnel:/i.test(text)) throw invalid('`tunnel:` URLs are not supported; write an http or https URL');
  if (/[\s\u0000-\u001f\u007f]/.test(text)) {
    throw invalid('the URL contains a space, a line break or a control character; remove it, or percent-encode it');
  }
  if (text.includes('\\')) throw invalid('the URL contains a backslash; write `/`, or %5C for a literal one');
  if (text.includes('#')) throw invalid('the URL contains a `#`, which is never sent; remove it, or write %23');
}

function split(text: string): { scheme: string; authority: string; rest: string } {
  const match = /^(https?):\/\/([^/?]+)(.*)$/i.exec(text);
  if (!match) throw invalid('the URL is not absolute; write `http://host/path` or `https://host/path`');
  const [, scheme = '', authority = '', rest = ''] = match;
  return { scheme, authority, rest: rest.startsWith('/') ? rest : `/${rest}` };
}

function parseOrigin(scheme: string, authority: string): string {
  if (/[{}]/.test(authority)) {
    throw invalid('the host or port contains a parameter; {hub} and {event} are allowed in path and query only');
  }
  if (authority.includes('@')) {
    throw invalid('the URL contains a user name or password before the host; remove it, and use `?code=` or `auth`');
  }
  const url = `${scheme}://${authority}`;
  if (!URL.canParse(url)) {
    throw invalid('the host or port of the URL is not valid; check the text between `//` and the next `/`');
  }
  return new URL(url).origin;
}

/** `shown` is what messages may quote from. */
function parseParts(rest: string, shown: string): readonly Part[] {
  const queryAt = rest.indexOf('?');
  const path = queryAt < 0 ? rest : rest.slice(0, queryAt);
  if (path.split('/').some(segment => /^(?:\.|%2e){1,2}$/i.test(segment))) {
    throw invalid('the path contains a `.` or `..` segment; write the path without it');
  }
  const query = queryAt < 0 ? '' : rest.slice(queryAt);
  return [...partsOf(path, 'path', shown), ...partsOf(query, 'query', shown)];
}

function partsOf(text: string, where: 'path' | 'query', shown: string): Part[] {
  // Split by a pattern with one group: even items are text, odd ones the names between braces.
  return text.split(/\{([^{}]*)\}/).map((item, index) => {
    return index % 2 === 0 ? { text: constant(item, where) } : { parameter: parameterOf(item, where, shown) };
  });
}

function parameterOf(name: string, where: string, shown: string): Parameter {
  const known = name.toLowerCase();
  if (known === 'hub' || known === 'event') return known;
  const quoted = shown.includes(`{${name}}`) ? ` {${name}}` : '';
  throw invalid(
    `unknown parameter${quoted} in the ${where}; use {hub} or {event}, and write literal braces as %7B and %7D`,
  );
}

/** Characters that URLs cannot contain are percent-encoded here, once. */
function constant(text: string, where: string): string {
  if (/[{}]/.test(text)) throw invalid(`a single brace in the ${where}; write literal braces as %7B and %7D`);
  // Also keeps a `%2` in front of {event} from turning the event's first letter into an encoded slash.
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw invalid(`a stray \`%\` in the ${where}; write a literal one as %25`);
  return text.replace(/[^\x21-\x7e]+|["<>^`|]/g, encodeText);
}

// ------------------------------------------------------------------------------------------------------- encoding

/** As one path component: `encodeURIComponent` and also `!'()*`. [upstream-events 5.2] */
function encodeValue(value: string): string {
  if (/^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$/.test(value)) return value;
  // Dots alone could make a segment that means another one; nothing at all could make one that servers drop.
  if (/^\.*$/.test(value)) throw invalid('a hub or event name that is empty or only dots cannot be part of a URL');
  return encodeText(value).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function encodeText(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch (cause) {
    throw new PubSubError('invalid', 'the text contains half of a surrogate pair, which a URL cannot contain', {
      cause,
    });
  }
}

// -------------------------------------------------------------------------------------------------------- masking

const secretName = /code|key|sig|token|secret|pass|pwd|auth|cred|jwt|sas|session/i;
/** Longer values without a parameter are taken for secrets whatever their name. */
const longestPlainValue = 24;

/** Masks values of variables that are behind the host. */
export function maskInsertions(url: string, insertions: readonly Insertion[]): string {
  const [upToHost = ''] = /^[^:]*:\/\/[^/?]*/.exec(url) ?? [];
  return insertions.reduceRight((masked, { start, end }) => {
    const from = Math.max(start, upToHost.length);
    if (from >= end) return masked;
    const hidden = masked.startsWith('/', from) ? '/***' : '***';
    return masked.slice(0, from) + hidden + masked.slice(end);
  }, url);
}

/** The URL with user information and the query values that look like secrets shown as `***`. */
export function maskSecrets(url: string): string {
  const queryAt = url.indexOf('?');
  const base = (queryAt < 0 ? url : url.slice(0, queryAt)).replace(/\/\/.*@/, '//***@');
  return queryAt < 0 ? base : `${base}?${url.slice(queryAt + 1).replace(/[^&;]+/g, maskItem)}`;
}

function maskItem(item: string): string {
  const equalsAt = item.indexOf('=');
  const name = equalsAt < 0 ? '' : item.slice(0, equalsAt);
  const value = item.slice(equalsAt + 1);
  if (!looksSecret(name, value)) return item;
  return equalsAt < 0 ? '***' : `${name}=***`;
}

function looksSecret(name: string, value: string): boolean {
  // An escaped name may hide a telling one; it is rare enough to be masked unread.
  if (name.includes('%') || secretName.test(name)) return value !== '';
  const isOpen = /^\{[^{}]*\}$/.test(value);
  return !isOpen && (name === '' || value.length > longestPlainValue);
}

function invalid(reason: string): PubSubError {
  return new PubSubError('invalid', reason);
}
