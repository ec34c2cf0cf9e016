import { createHash } from 'node:crypto';
import { isSameSignature } from '../auth/hmac.js';
import { type AppKey, signatureOf } from '../auth/pusher-signatures.js';
import { unauthorized } from './failures.js';
import { Parameters, type Plus, percentDecoded } from './parameters.js';

/** A request as it was sent, before any rewriting. */
export interface SentRequest {
  readonly method: string;
  /** Path and query; with scheme and authority in the absolute form. */
  readonly target: string;
}

/** What a signature is checked with. */
export interface SignatureChecks {
  /** Of the app that the path names. */
  readonly keys: readonly AppKey[];
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Of the public endpoints: a proxy may have taken one away from the path that was signed. */
  readonly basePaths: readonly string[];
}

/** How far a request's time may be from the server's. */
const toleranceSeconds = 600;

/**
 * Checks who sent the request, by everything but its body.
 *
 * Signed are the method, the path and the query without `auth_signature`, its keys in lower case and in order, its values
 * decoded. The path may be signed as it was sent or percent-decoded: some SDKs sign before they encode. [pusher-webhooks 4.1]
 * @returns the parameters that were signed, without those of the signature
 * @throws ApiFailure `unauthorized`
 */
export function checkSignature(request: SentRequest, checks: SignatureChecks): SignedParameters {
  const { path, query } = partsOf(request.target);
  const method = request.method.toUpperCase();
  const paths = signedPaths(path, checks.basePaths);
  const variants = decodings(query).map(plus => Parameters.parse(query, plus));
  const [first] = variants as [Parameters];
  const { secret } = checkClaims(first, checks);
  const given = first.get('auth_signature') ?? '';
  const isSigned = (text: string) => isSameSignature(given, signatureOf(secret, `${method}\n${text}`));
  for (const parameters of variants) {
    const texts = signedQueries(parameters).flatMap(query => paths.map(each => `${each}\n${query}`));
    if (texts.some(isSigned)) return new SignedParameters(parameters);
  }
  throw wrongSignature(`${method}\n${paths[0]}\n${signedQuery(first)}`);
}

/** The parameters of a request whose signature is valid. */
export class SignedParameters {
  readonly #parameters: Parameters;

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  /** Of a repeated parameter, the last one. */
  get(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  /** Of one that is repeated, as `name`, as `name[]`, or as PHP writes arrays: `name[0]`, `name[1]`. */
  values(name: string): readonly string[] {
    const isOfList = (each: string) => each === `${name}[]` || isElementOf(name, each);
    const ofList = this.#parameters.all.filter(([each]) => isOfList(each)).map(([, value]) => value);
    return [...this.#parameters.values(name), ...ofList];
  }

  /** Of a parameter that is a list with commas, however it is written. Undefined: there is none. */
  list(name: string): string | undefined {
    const values = this.values(name);
    return values.length === 0 ? undefined : values.join(',');
  }

  /**
   * Is this the body that was signed? Without a body the digest may be left out.
   * @throws ApiFailure `unauthorized`
   */
  checkBody(body: Buffer): void {
    const signed = this.get('body_md5');
    if (signed === undefined && body.length === 0) return;
    if (signed === undefined) throw unauthorized('The parameter body_md5 is missing: a body must be signed.');
    if (signed === createHash('md5').update(body).digest('hex')) return;
    throw unauthorized('The body is not the one that was signed: body_md5 is not its MD5 in lower-case hex.');
  }
}

const required = ['auth_key', 'auth_timestamp', 'auth_version', 'auth_signature'];
const once = [...required, 'body_md5'];

/** Everything that the signature's own parameters say. @returns the key that should have signed */
function checkClaims(parameters: Parameters, { keys, nowMs }: SignatureChecks): AppKey {
  const missing = required.filter(name => parameters.get(name) === undefined);
  if (missing.length > 0) throw unauthorized(`Parameters of the signature are missing: ${missing.join(', ')}.`);
  const repeated = once.filter(name => parameters.values(name).length > 1);
  if (repeated.length > 0) throw unauthorized(`Parameters are given more than once: ${repeated.join(', ')}.`);
  if (parameters.get('auth_version') !== '1.0') throw unauthorized('The parameter auth_version must be 1.0.');
  const key = keys.find(each => each.active && each.key === parameters.get('auth_key'));
  if (key === undefined) throw unauthorized('The parameter auth_key is not an active key of the app in the path.');
  checkTimestamp(parameters.get('auth_timestamp') ?? '', Math.floor(nowMs / 1_000));
  return key;
}

function checkTimestamp(text: string, nowSeconds: number): void {
  if (!/^\d{1,15}$/.test(text)) throw unauthorized('The parameter auth_timestamp must be a Unix time in seconds.');
  if (Math.abs(nowSeconds - Number(text)) <= toleranceSeconds) return;
  const times = `Given timestamp (${text}) not within ${toleranceSeconds}s of server time (${nowSeconds})`;
  throw unauthorized(`Timestamp expired: ${times}. Check the clocks of both machines.`);
}

/** Shown to callers who look for their mistake. */
const longestShown = 1_000;

function wrongSignature(signed: string): Error {
  const shown = signed.length > longestShown ? `${signed.slice(0, longestShown)}…` : signed;
  return unauthorized(
    `Invalid signature: auth_signature must be the HMAC-SHA256, in lower-case hex, of ${JSON.stringify(shown)} with the secret of auth_key.`,
    'Invalid signature: auth_signature is not that of the request with the secret of auth_key.',
  );
}

/** The one list among the parameters that libraries take an array for. */
const listName = 'info';

/** Every form of the query that an SDK may have signed. PHP's sends `info[0]=a&info[1]=b` for an array, and signs `info=a,b`. [pusher-webhooks 4.1] */
function signedQueries(parameters: Parameters): readonly string[] {
  const inArray = parameters.all.filter(([name]) => isElementOf(listName, name));
  if (inArray.length === 0) return [signedQuery(parameters)];
  const others = parameters.all.filter(each => !inArray.includes(each));
  const joined = new Parameters([...others, [listName, inArray.map(([, value]) => value).join(',')]]);
  return [signedQuery(parameters), signedQuery(joined)];
}

/** Such as `info[0]` of `info`. */
function isElementOf(name: string, parameter: string): boolean {
  return parameter.startsWith(`${name}[`) && /^\[\d{1,4}]$/.test(parameter.slice(name.length));
}

/** The query as it is signed. */
function signedQuery({ all }: Parameters): string {
  return all
    .filter(([name]) => name !== 'auth_signature')
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) // stable: repeated ones keep their order
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function decodings(query: string): readonly Plus[] {
  return query.includes('+') ? ['space', 'plus'] : ['space'];
}

/**
 * Every form of the path that an SDK may have signed; the one that was received comes first. A proxy may have taken the path
 * of an endpoint away, and PHP's library puts that of its `path` option in front after it has signed. [pusher-webhooks 7, row 41]
 */
function signedPaths(path: string, basePaths: readonly string[]): readonly string[] {
  const within = basePaths.filter(base => path.startsWith(`${base}/`)).map(base => path.slice(base.length));
  const sent = [path, ...basePaths.map(base => base + path), ...within];
  return [...new Set(sent.flatMap(each => [each, percentDecoded(each) ?? each]))];
}

const absoluteForm = /^https?:\/\/[^/?#]*/i;

function partsOf(target: string): { path: string; query: string } {
  const [local = ''] = target.replace(absoluteForm, '').split('#', 1);
  const mark = local.indexOf('?');
  return mark < 0 ? { path: local, query: '' } : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}
