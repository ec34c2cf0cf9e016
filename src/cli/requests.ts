import { PubSubError } from '../errors.js';

const answerWithinMs = 30_000;

/** One request of a verb. */
export interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What to do when nothing answers, e.g. which flag gives the URL. */
  readonly hint: string;
  /** Print the request, without its secrets, and the status of the answer. [MG-061] */
  readonly isShown?: boolean;
  readonly timeoutMs?: number;
}

/** @throws PubSubError `invalid` when the server is not reached, with the reason and what to do [MG-060] */
export async function request(call: Call): Promise<Response> {
  const { method, url, headers = {}, body, isShown = false, timeoutMs = answerWithinMs } = call;
  if (isShown) show([`> ${method} ${maskedUrl(url)}`, ...Object.entries(headers).map(headerLine)]);
  let response: Response;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    response = await fetch(url, { method, headers, signal, redirect: 'manual', ...(body !== undefined && { body }) });
  } catch (cause) {
    if (isShown) show([`< ${reasonOf(cause)}`]);
    throw new PubSubError('invalid', unreachableText(url, reasonOf(cause), call.hint), { cause });
  }
  if (isShown) show([`< ${response.status} ${response.statusText}`]);
  return response;
}

function show(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}

function headerLine([name, value]: readonly [string, string]): string {
  return `> ${name}: ${/authorization|cookie/i.test(name) ? value.replace(/^(\w+ )?.*$/s, '$1***') : value}`;
}

function maskedUrl(url: string): string {
  return url.replace(/([?&](?:access_token|code|awps_reconnection_token)=)[^&]*/g, '$1***');
}

/** The code of the operating system, of TLS or of the HTTP client, which is the shortest reason that can be looked up. */
export function reasonOf(error: unknown): string {
  const { name, message, code, cause } = error as Error & {
    code?: string;
    cause?: { code?: string; message?: string };
  };
  if (name === 'TimeoutError') return 'no answer in time';
  return cause?.code ?? code ?? cause?.message ?? message;
}

/** Why a server cannot be reached, in one line. @param reason as of `reasonOf` @param hint what to do */
export function unreachableText(url: string, reason: string, hint: string): string {
  const { origin } = new URL(url);
  if (/SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|UNTRUSTED|CERT_(?:SIGNATURE|REJECTED|UNTRUSTED)/.test(reason)) {
    return `the certificate of ${origin} is not trusted (${reason}); name the file of its certification authority in NODE_EXTRA_CA_CERTS`;
  }
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of ${origin} is for other host names (${reason}); use one of them in the URL`;
  }
  if (reason === 'CERT_HAS_EXPIRED') return `the certificate of ${origin} has expired (${reason}); renew it`;
  if (reason.startsWith('ERR_SSL_'))
    return `${origin} does not speak TLS (${reason}); does its URL start with http://?`;
  if (url.startsWith('http:') && /^(?:UND_ERR_SOCKET|ECONNRESET|HPE_)/.test(reason)) {
    return `${origin} does not answer in plain HTTP (${reason}); does its URL start with https://?`;
  }
  return `cannot reach ${origin}: ${reason}; ${hint}`;
}
