import { isIPv6 } from 'node:net';
import { isLoopback } from '../addresses.js';
import type { Clock } from '../clock.js';
import type { Answer, Failure, Response } from '../egress/exchange.js';
import { noBody } from '../egress/exchange.js';
import { tlsText } from '../egress/failure-text.js';
import type { Transport } from '../egress/transport.js';
import { type AbuseCheck, validationAnswers, verdictOf } from '../upstream/abuse-check.js';
import { isRedirect, linesOf } from '../upstream/reply.js';
import type { Verdict } from '../upstream/validation.js';
import { hostOf, portOf } from './hosts.js';
import { isListening, speaksTls } from './reach.js';
import type { Handler, Machine } from './subject.js';

/** What was seen of one event handler from outside, without an event. */
export interface HandlerObservation {
  readonly handler: Handler;
  readonly check: AbuseCheck;
  /** What decides. */
  readonly answer: Answer;
  readonly verdict: Verdict;
  /** Unix milliseconds at which the answer came. */
  readonly atMs: number;
  readonly machine: Machine;
  readonly more: MoreSeen;
}

/** What was looked at because of the answer. */
export interface MoreSeen {
  /** The URL template of a path at which the app answers as an event handler. */
  readonly otherTemplate?: string | undefined;
  /** What it answers to a CORS preflight. */
  readonly preflight?: Answer | undefined;
  /** Is it valid when it is sent one origin only? */
  readonly isValidAlone?: boolean | undefined;
  /** A URL of the same app with an address at which something listens. */
  readonly elsewhere?: { readonly url: string; readonly isOwnMachine: boolean } | undefined;
  /** The scheme that it does speak. */
  readonly otherScheme?: 'http' | 'https' | undefined;
}

export interface ProbeOptions {
  readonly transport: Pick<Transport, 'send'>;
  readonly clock: Clock;
  readonly machine: Machine;
}

const withinMs = 5_000;
const bounds = { headersWithinMs: withinMs, bodyWithinMs: withinMs, bodyLimit: () => noBody };

/** Sends OPTIONS and GET alone. */
export async function observeHandler(
  options: ProbeOptions,
  handler: Handler,
  check: AbuseCheck,
): Promise<HandlerObservation> {
  const answers = await validationAnswers(options.transport, check);
  const answer = answers.get ?? answers.options;
  const atMs = options.clock.now();
  const verdict = verdictOf(answer, check);
  const more = verdict.isValid ? {} : await lookCloser(options, handler.hub, check, answers.options);
  return { handler, check, answer, verdict, atMs, machine: options.machine, more };
}

function lookCloser(options: ProbeOptions, hub: string, check: AbuseCheck, answer: Answer): Promise<MoreSeen> {
  const probe = new Probe(options, check);
  if (answer.kind === 'failure') return probe.afterFailure(answer);
  return probe.afterResponse(answer, hub);
}

class Probe {
  readonly #options: ProbeOptions;
  readonly #check: AbuseCheck;

  constructor(options: ProbeOptions, check: AbuseCheck) {
    this.#options = options;
    this.#check = check;
  }

  async afterFailure({ code, failure, proxy }: Failure): Promise<MoreSeen> {
    if (proxy !== undefined) return {}; // what the proxy can reach is not what this machine can
    if (code === 'ECONNREFUSED') return { elsewhere: await this.#elsewhere() };
    const { protocol } = new URL(this.#check.origin);
    if (protocol === 'https:') return tlsText(code) === undefined ? {} : { otherScheme: await this.#plain() };
    const isCut = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || failure === 'head';
    return isCut ? { otherScheme: await this.#secure() } : {};
  }

  async afterResponse({ status, headers }: Response, hub: string): Promise<MoreSeen> {
    const lines = linesOf(headers, 'webhook-allowed-origin');
    if (status === 404) return { otherTemplate: await this.#otherTemplate(hub) };
    if (isRedirect(status) || status === 401 || status === 403) return { preflight: await this.#preflight() };
    const isMisread = status === 400 || lines.some(line => line.includes(','));
    if (isMisread && this.#check.requestOrigins.length > 1) return { isValidAlone: await this.#isValidAlone() };
    if (status === 400 && this.#check.origin.startsWith('http:')) return { otherScheme: await this.#secure() };
    return {};
  }

  #send(change: Partial<AbuseCheck>, more: readonly string[] = []): Promise<Answer> {
    const { origin, path, requestOrigins } = { ...this.#check, ...change };
    const headers = ['WebHook-Request-Origin', requestOrigins.join(','), 'ce-awpsversion', '1.0', ...more];
    return this.#options.transport.send({ method: 'OPTIONS', origin, path, headers, body: undefined }, bounds);
  }

  /** The paths that samples and SDKs use, and its own with and without the last slash. */
  async #otherTemplate(hub: string): Promise<string | undefined> {
    const { origin, path } = this.#check;
    const [own = '', query] = path.split('?');
    const paths = [
      own.endsWith('/') ? own.slice(0, -1) : `${own}/`,
      '/eventhandler/validate',
      '/eventhandler',
      `/api/webpubsub/hubs/${hub}/validate`,
      `/api/webpubsub/hubs/${hub}`,
      '/runtime/webhooks/webpubsub',
    ].filter(each => each !== '' && each !== own);
    const answers = await Promise.all(
      paths.map(each => this.#send({ path: query === undefined ? each : `${each}?${query}` })),
    );
    const found = paths.find((_, index) => isHandler(answers[index]));
    return found && origin + found.replace(/\/validate(?=\/?$)/, '/{event}');
  }

  #preflight(): Promise<Answer> {
    const { origin } = this.#check;
    return this.#send({}, ['Origin', origin, 'Access-Control-Request-Method', 'POST']);
  }

  async #isValidAlone(): Promise<boolean> {
    const check = { ...this.#check, requestOrigins: this.#check.requestOrigins.slice(0, 1) };
    return verdictOf(await this.#send(check), check).isValid;
  }

  /** Another address of this machine, or the machine around a container. */
  async #elsewhere(): Promise<MoreSeen['elsewhere']> {
    const { isContainer, containerHost } = this.#options.machine;
    const url = new URL(this.#check.origin);
    const host = hostOf(url);
    if (!isLoopback(host)) return undefined;
    const own = ['127.0.0.1', '::1'].filter(each => each !== host);
    for (const each of [...own, ...(isContainer ? [containerHost] : [])]) {
      if (!(await isListening(each, portOf(url)))) continue;
      url.hostname = isIPv6(each) ? `[${each}]` : each;
      return { url: url.origin, isOwnMachine: own.includes(each) };
    }
    return undefined;
  }

  async #plain(): Promise<'http' | undefined> {
    const url = new URL(this.#check.origin);
    const answer = await this.#send({ origin: `http://${url.hostname}:${portOf(url)}` });
    return answer.kind === 'response' ? 'http' : undefined;
  }

  async #secure(): Promise<'https' | undefined> {
    const url = new URL(this.#check.origin);
    return (await speaksTls(hostOf(url), portOf(url))) ? 'https' : undefined;
  }
}

function isHandler(answer: Answer | undefined): boolean {
  return answer?.kind === 'response' && answer.status < 300 && answer.headers['webhook-allowed-origin'] !== undefined;
}
