import type { Response } from '../egress/exchange.js';
import { corsHeaderOf } from '../upstream/abuse-check.js';
import { nothingTaken } from '../upstream/event-handlers.js';
import { isRedirect, isSuccess, linesOf } from '../upstream/reply.js';
import { eventsText, nothingText } from '../upstream/routes.js';
import type { Verdict } from '../upstream/validation.js';
import { advice } from './advice.js';
import type { Code } from './codes.js';
import { failureFinding } from './failure-findings.js';
import { error, type Finding, ok, type Place, warning } from './finding.js';
import type { HandlerObservation } from './handler-probe.js';
import { isFunctions, isSignIn, isTunnel, isTunnelPage } from './hosts.js';

/** What was seen of a handler, judged. Pure. @param endpoint the service's, as apps would write it */
export function handlerFindings(seen: HandlerObservation, endpoint: string): readonly Finding[] {
  const place = placeOf(seen);
  const idle = isIdle(seen) ? [warning('no-events', place, 'it takes no events', [nothingTaken])] : [];
  return [mainFinding(seen, place, endpoint), ...idle];
}

export function placeOf({ handler }: Pick<HandlerObservation, 'handler'>): Place {
  return { hub: handler.hub, url: handler.parsed.template.display, line: handler.line };
}

function isIdle({ handler }: HandlerObservation): boolean {
  return eventsText(handler.options) === nothingText;
}

function mainFinding(seen: HandlerObservation, place: Place, endpoint: string): Finding {
  const { verdict, answer, handler } = seen;
  if (verdict.isValid) return ok('handler', place, `${verdict.answered}; takes ${eventsText(handler.options)}`);
  const finding =
    answer.kind === 'failure'
      ? failureFinding(seen, answer, verdict, place)
      : answerFinding(diagnosis(seen, answer, endpoint), verdict, place);
  return { ...finding, advice: [...finding.advice, curlOf(seen)] };
}

function answerFinding({ code, steps }: Diagnosis, verdict: Invalid, place: Place): Finding {
  return error(code, place, verdict.answered, [...steps, verdict.advice]);
}

/** To be typed, with the secrets of the URL filled in by whoever knows them. */
function curlOf({ handler, check }: HandlerObservation): string {
  const { display } = handler.parsed.template;
  const url = display.replace(/\{event\}/gi, 'validate').replace(/\{hub\}/gi, encodeURIComponent(handler.hub));
  return advice.curl(url, check.requestOrigins.join(','));
}

type Invalid = Extract<Verdict, { isValid: false }>;

interface Diagnosis {
  readonly code: Code;
  /** Before what the validation itself advises. */
  readonly steps: readonly string[];
}

function diagnosis(seen: HandlerObservation, answer: Response, endpoint: string): Diagnosis {
  const { check, more, handler } = seen;
  const { status, headers } = answer;
  if (isTunnelPage(check.origin, headers)) return { code: 'tunnel-page', steps: advice.tunnelPage };
  if (more.otherTemplate !== undefined) return { code: 'path', steps: advice.otherPath(more.otherTemplate) };
  if (more.otherScheme !== undefined) return { code: 'tls', steps: [`write ${more.otherScheme}:// in urlTemplate`] };
  if (status >= 500) return { code: 'upstream-5xx', steps: advice.failedAt(timeOf(answer, seen.atMs), undefined) };
  if (isSuccess(status)) return successDiagnosis(seen, answer, endpoint);
  if (isRedirect(status) || status === 401 || status === 403) return guardedDiagnosis(seen, answer);
  if (status === 404) return { code: 'path', steps: advice.wrongPath(handler.hub) };
  if (status === 405) return { code: 'method', steps: [] };
  if (more.isValidAlone === true) return { code: 'origin-list', steps: advice.originList };
  return { code: 'answer', steps: isTunnel(check.origin) ? advice.tunnelPage : [] };
}

/** By the clock of the app, in whose log it is looked for. */
function timeOf({ headers }: Response, ms: number): string {
  return linesOf(headers, 'date').at(-1) ?? new Date(ms).toUTCString();
}

/** 2xx, and not the header that allows us. */
function successDiagnosis({ check, more, handler }: HandlerObservation, answer: Response, endpoint: string): Diagnosis {
  const lines = linesOf(answer.headers, 'webhook-allowed-origin');
  if (lines.length === 0) {
    if (corsHeaderOf(answer) !== undefined) return { code: 'cors-first', steps: advice.corsFirst };
    return { code: 'no-middleware', steps: advice.noMiddleware(handler.hub) };
  }
  if (more.isValidAlone === true || lines.some(isList)) return { code: 'origin-list', steps: advice.originList };
  const isOurs = lines.some(line => check.serviceOrigins.includes(hostIn(line)));
  return isOurs
    ? { code: 'origin-port', steps: advice.originPort(endpoint) }
    : { code: 'allowed-endpoints', steps: advice.allowedEndpoints(endpoint) };
}

function isList(line: string): boolean {
  return line.includes(',');
}

/** The host name of what should be `host` or `host:port`. */
function hostIn(line: string): string {
  const text = line.trim().toLowerCase();
  const url = /^[a-z]+:\/\//.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? new URL(url).hostname : text;
}

/** Something in front of the handler wants a sign-in, a key, or another URL. */
function guardedDiagnosis({ check, more }: HandlerObservation, answer: Response): Diagnosis {
  const isPreflightFree = more.preflight?.kind === 'response' && isSuccess(more.preflight.status);
  if (isFunctions(check) && answer.status === 401) return { code: 'code-missing', steps: advice.codeMissing };
  if (isSignIn(answer.headers) || (isPreflightFree && !isRedirect(answer.status)))
    return { code: 'easyauth', steps: advice.easyAuth(isPreflightFree) };
  return isRedirect(answer.status) ? { code: 'redirect', steps: [] } : { code: 'unauthorized', steps: [] };
}
