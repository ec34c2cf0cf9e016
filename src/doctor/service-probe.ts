import { isLoopback } from '../addresses.js';
import type { Clock } from '../clock.js';
import type { Failure, ResponseHeaders } from '../egress/exchange.js';
import { isCertificateFault, tlsText } from '../egress/failure-text.js';
import type { Transport } from '../egress/transport.js';
import { hostOf, portOf } from './hosts.js';
import { listenerOf, speaksTls } from './reach.js';

/** Who answers at an address that should be one of the service. */
export type ListenerSeen =
  | {
      readonly kind: 'hubwire';
      /** What it says about itself. */
      readonly text: string;
      readonly status: number;
      readonly headers: ResponseHeaders;
      /** Unix milliseconds. */
      readonly atMs: number;
    }
  /** `process` is its name and number, where the system tells. */
  | { readonly kind: 'other'; readonly status: number | undefined; readonly process: string | undefined }
  /** It speaks the other one of the two. */
  | { readonly kind: 'scheme'; readonly spoken: 'http' | 'https' }
  | { readonly kind: 'failure'; readonly failure: Failure };

interface Options {
  readonly transport: Pick<Transport, 'send'>;
  readonly clock: Clock;
}

const withinMs = 5_000;
const bounds = {
  headersWithinMs: withinMs,
  bodyWithinMs: withinMs,
  bodyLimit: () => ({ bytes: 64 * 1024, beyond: 'cut' }) as const,
};

/** The public listener. @param url without a trailing slash */
export function observePublic(options: Options, url: string): Promise<ListenerSeen> {
  return observe(options, url, '/', body => (body.name === 'hubwire' ? `hubwire ${body.version}` : undefined));
}

/** The admin listener. */
export function observeAdmin(options: Options, url: string): Promise<ListenerSeen> {
  return observe(options, url, '/readyz', ({ status, eventHandlers }) =>
    typeof status === 'string' && typeof eventHandlers === 'object' && eventHandlers !== null
      ? `${status}; ${handlersText(eventHandlers)}`
      : undefined,
  );
}

function handlersText(counts: object): string {
  return `event handlers: ${Object.entries(counts)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')}`;
}

async function observe(
  { transport, clock }: Options,
  base: string,
  path: string,
  textOf: (body: Record<string, unknown>) => string | undefined,
): Promise<ListenerSeen> {
  const url = new URL(base + path);
  const request = { origin: url.origin, path: url.pathname, headers: ['Accept', 'application/json'], body: undefined };
  const answer = await transport.send({ ...request, method: 'GET' }, bounds);
  if (answer.kind === 'failure') {
    const spoken = await otherScheme(url, answer);
    if (spoken !== undefined) return { kind: 'scheme', spoken };
    const isAnswering = answer.failure === 'head'; // it takes connections, and does not speak HTTP
    return isAnswering ? other(url, undefined) : { kind: 'failure', failure: answer };
  }
  const text = textOf(parse(answer.body));
  if (text === undefined) return other(url, answer.status);
  return { kind: 'hubwire', text, status: answer.status, headers: answer.headers, atMs: clock.now() };
}

/** What is spoken there in place of what the URL says. */
async function otherScheme(url: URL, { code, proxy }: Failure): Promise<'http' | 'https' | undefined> {
  if (proxy !== undefined) return undefined; // what the proxy can reach is not what this machine can
  if (url.protocol === 'http:') return (await speaksTls(hostOf(url), portOf(url))) ? 'https' : undefined;
  return tlsText(code) !== undefined && !isCertificateFault(code) ? 'http' : undefined;
}

async function other(url: URL, status: number | undefined): Promise<ListenerSeen> {
  const isHere = isLoopback(hostOf(url));
  return { kind: 'other', status, process: isHere ? await listenerOf(portOf(url)) : undefined };
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
