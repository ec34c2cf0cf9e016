import type { OutgoingRequest } from '../egress/destination.js';
import type { Answer, Bounds, Failure, Response } from '../egress/exchange.js';
import { noBody } from '../egress/exchange.js';
import { headText, proxyText, tlsText } from '../egress/failure-text.js';
import type { Transport } from '../egress/transport.js';
import type { DeliveryOptions } from './options.js';
import { isRedirect, isSuccess, linesOf, redirectTarget, shown } from './reply.js';
import type { UrlTarget } from './url-template.js';
import type { Verdict } from './validation.js';

/** Origins that the upstream must allow, and how its response is read. `path` is that of `{event}` = `validate`. */
export interface AbuseCheck extends UrlTarget {
  /** Host names of the service; any one allowed is enough. [upstream-events 4.4] */
  readonly serviceOrigins: readonly string[];
  /** Values of WebHook-Request-Origin: the host names, or the hosts with their ports. */
  readonly requestOrigins: readonly string[];
  /** The service's own public ports: an answer may name the host with one of them. [upstream-events 4.2] */
  readonly servicePorts: readonly number[];
  /** Accept one line with a comma-separated list. [upstream-events D5] */
  readonly lenientOriginList: boolean;
}

const tryTimeoutMs = 10_000;

const bounds: Bounds = { headersWithinMs: tryTimeoutMs, bodyWithinMs: tryTimeoutMs, bodyLimit: () => noBody };

/** How the service is reached, as upstreams are told. */
export interface ServiceOrigins {
  /** Without ports. */
  readonly hostnames: readonly string[];
  /** With the ports that are not the scheme's own. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
}

/** @param target of `{event}` = `validate` */
export function abuseCheckOf(
  target: UrlTarget,
  service: ServiceOrigins,
  { originWithPort, lenientOriginList }: Pick<DeliveryOptions, 'originWithPort' | 'lenientOriginList'>,
): AbuseCheck {
  return {
    ...target,
    serviceOrigins: service.hostnames,
    requestOrigins: originWithPort ? service.hosts : service.hostnames,
    servicePorts: service.ports,
    lenientOriginList,
  };
}

/** Validates an upstream. [upstream-events 4] */
export async function checkUpstream(transport: Pick<Transport, 'send'>, check: AbuseCheck): Promise<Verdict> {
  const { options, get } = await validationAnswers(transport, check);
  return verdictOf(get ?? options, check);
}

/** What the upstream answers to OPTIONS, and after a 404 to GET, which then decides. */
export async function validationAnswers(
  transport: Pick<Transport, 'send'>,
  check: AbuseCheck,
): Promise<{ readonly options: Answer; readonly get: Answer | undefined }> {
  const options = await transport.send(requestOf(check, 'OPTIONS'), bounds);
  if (options.kind === 'failure' || options.status !== 404) return { options, get: undefined };
  return { options, get: await transport.send(requestOf(check, 'GET'), bounds) };
}

export function verdictOf(answer: Answer, check: AbuseCheck): Verdict {
  return answer.kind === 'failure' ? failureVerdict(answer, check) : responseVerdict(answer, check);
}

/** @param response to OPTIONS or GET [upstream-events 4.2] */
export function responseVerdict(response: Response, check: AbuseCheck): Verdict {
  if (!isSuccess(response.status)) return statusVerdict(response, check);
  const lines = linesOf(response.headers, 'webhook-allowed-origin');
  const answered = answerText(response.status, lines);
  if (lines.some(line => isAllowed(line, check))) return { isValid: true, answered };
  const cors = lines.length === 0 && corsHeaderOf(response);
  if (cors) return { isValid: false, answered: `${answered}, but with ${cors}`, advice: corsAdvice(check) };
  if (lines.some(line => line.includes(','))) {
    return {
      isValid: false,
      answered,
      advice: `send one WebHook-Allowed-Origin line for each origin; ${wanted(check)}`,
    };
  }
  return { isValid: false, answered, advice: wanted(check) };
}

/** @param failure of OPTIONS or GET */
export function failureVerdict(
  failure: Failure,
  check: Pick<AbuseCheck, 'origin'>,
): Extract<Verdict, { isValid: false }> {
  const [answered, advice] = failureText(failure, check.origin);
  return { isValid: false, answered, advice };
}

/** Only these headers: no signature, token, cookies or body. [upstream-events 4.1] */
function requestOf(check: AbuseCheck, method: 'OPTIONS' | 'GET'): OutgoingRequest {
  const headers = ['WebHook-Request-Origin', check.requestOrigins.join(','), 'ce-awpsversion', '1.0'];
  return { method, origin: check.origin, path: check.path, headers, body: undefined };
}

function isAllowed(line: string, check: AbuseCheck): boolean {
  const values = check.lenientOriginList ? line.split(',') : [line];
  return values.some(value => {
    const allowed = value.trim().toLowerCase();
    if (allowed === '*' || check.requestOrigins.some(origin => allowed === origin.toLowerCase())) return true;
    return check.serviceOrigins.some(origin => isSameOrigin(allowed, origin.toLowerCase(), check));
  });
}

function isSameOrigin(allowed: string, origin: string, check: AbuseCheck): boolean {
  return allowed === origin || check.servicePorts.some(port => allowed === `${origin}:${port}`);
}

function answerText(status: number, lines: readonly string[]): string {
  if (lines.length === 0) return `answered ${status} without WebHook-Allowed-Origin`;
  return `answered ${status} with WebHook-Allowed-Origin: ${shown(lines.join(' | '))}`;
}

/** A header of cross-origin resource sharing, whose preflight requests use OPTIONS too. */
export function corsHeaderOf({ headers }: Pick<Response, 'headers'>): string | undefined {
  return Object.keys(headers).find(name => name.startsWith('access-control-'));
}

function corsAdvice(check: AbuseCheck): string {
  return `CORS middleware answered in place of the event handler: mount the event handler before it, or exclude that path from it; then ${wanted(check)}`;
}

function wanted(check: AbuseCheck): string {
  return `answer OPTIONS with "WebHook-Allowed-Origin: ${check.requestOrigins[0] ?? '*'}" or "*"`;
}

function statusVerdict(response: Response, check: AbuseCheck): Verdict {
  const { status, headers } = response;
  const target = isRedirect(status) ? redirectTarget(headers) : undefined;
  const answered = target === undefined ? `answered ${status}` : `answered ${status} to ${target}`;
  return { isValid: false, answered, advice: statusAdvice(status, check) };
}

function statusAdvice(status: number, check: AbuseCheck): string {
  if (isRedirect(status)) return 'put the final URL into urlTemplate: redirects are not followed';
  if (status === 401 || status === 403) return `allow OPTIONS without credentials and ${wanted(check)}`;
  if (status === 404) return `check the path of urlTemplate, and ${wanted(check)}`;
  if (status === 405) return `allow the method OPTIONS on that path and ${wanted(check)}`;
  if (status >= 500) return `read the log of the app at ${check.origin}`;
  return wanted(check);
}

function failureText(failed: Failure, origin: string): [answered: string, advice: string] {
  const { failure, code, proxy } = failed;
  if (failure === 'timeout')
    return [`no answer within ${tryTimeoutMs / 1000} s`, `is the app at ${origin} busy or blocked?`];
  if (failure === 'head' || failure === 'proxy') {
    const { what, advice } = failure === 'head' ? headText(code) : proxyText(failed, origin);
    return [what, advice];
  }
  if (proxy !== undefined)
    return [
      `no connection through the proxy ${proxy} (${code ?? 'unknown'})`,
      `check that it is running and can reach ${origin}`,
    ];
  switch (code) {
    case 'ECONNREFUSED':
      return ['connection refused', `is the app running at ${origin}?`];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['host name not found', `check the host in ${origin}`];
    case 'UND_ERR_CONNECT_TIMEOUT':
      return ['no connection', `is ${origin} reachable from here, or behind a firewall?`];
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return ['connection closed without an answer', `does the app at ${origin} speak ${schemeOf(origin)}?`];
    default:
      return otherFailureText(code, origin);
  }
}

function otherFailureText(code: string | undefined, origin: string): [answered: string, advice: string] {
  const tls = tlsText(code);
  if (tls !== undefined) return [`no connection: ${tls.what} (${code})`, tls.advice];
  return [`connection failed (${code ?? 'unknown'})`, `check that the app at ${origin} answers ${schemeOf(origin)}`];
}

function schemeOf(origin: string): string {
  return origin.startsWith('https:') ? 'HTTPS with a certificate that this machine trusts' : 'plain HTTP';
}
