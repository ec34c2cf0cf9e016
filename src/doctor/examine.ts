import { KeyTokens } from '../auth/key-tokens.js';
import type { AccessKeys } from '../auth/keys.js';
import { defaultHubConfig } from '../config/load.js';
import type { Response } from '../egress/exchange.js';
import { Transport } from '../egress/transport.js';
import { abuseCheckOf } from '../upstream/abuse-check.js';
import { clientFinding } from './client-findings.js';
import { observeClient } from './client-probe.js';
import { clockFindings } from './clock-findings.js';
import { entraFindings } from './entra-findings.js';
import { eventFindings } from './event-findings.js';
import { observeEvents } from './event-probe.js';
import type { Finding } from './finding.js';
import { handlerFindings, placeOf } from './handler-findings.js';
import { type HandlerObservation, observeHandler } from './handler-probe.js';
import { connectionStringFindings } from './key-findings.js';
import { routingFindings } from './routing-findings.js';
import { listenerFindings } from './service-findings.js';
import { observeAdmin, observePublic } from './service-probe.js';
import { type Handler, handlersOf, hubsOf, type Subject } from './subject.js';
import { tokenFindings } from './token-findings.js';
import { upgradeFindings } from './upgrade-findings.js';
import { openSocket } from './web-socket.js';

/**
 * Looks at a service and its app servers from outside: keys, listeners, tokens, each event handler and, when it may, events and
 * a client. Without `focus.connect` an app server is sent OPTIONS and GET alone. All addresses are tried at the same time.
 */
export async function examine(subject: Subject): Promise<readonly Finding[]> {
  const handlers = handlersOf(subject);
  const transport = new Transport({ clock: subject.clock, proxies: subject.proxies });
  try {
    const [service, observed, entra] = await Promise.all([
      serviceFindings(subject, transport),
      Promise.all(handlers.map(handler => observe(subject, transport, handler))),
      entraFindings(subject, handlers),
    ]);
    return [
      ...connectionStringFindings(subject.env, subject.keys),
      ...service.findings,
      ...givenToken(subject),
      ...routingFindings(handlers, subject.focus),
      ...observed.flatMap(seen => [...handlerFindings(seen, subject.endpoint), ...appClock(seen)]),
      ...entra,
      ...(subject.focus.connect && subject.keys
        ? await connectFindings(subject, subject.keys, observed, service.isReached)
        : []),
    ];
  } finally {
    await transport.close();
  }
}

interface ServiceFindings {
  readonly findings: readonly Finding[];
  /** Can a client connect? */
  readonly isReached: boolean;
}

async function serviceFindings(subject: Subject, transport: Transport): Promise<ServiceFindings> {
  const { clock, listener, endpoint, admin, focus, startLine } = subject;
  const options = { transport, clock };
  const hasOtherName = listener !== endpoint;
  const [own, front, operators] = await Promise.all([
    listener === undefined ? undefined : observePublic(options, listener),
    hasOtherName ? observePublic(options, endpoint) : undefined,
    admin === undefined ? undefined : observeAdmin(options, admin),
  ]);
  const isReached = (hasOtherName ? front : own)?.kind === 'hubwire';
  const question = { isOwn: true, hasOtherName, mustListen: true, startLine };
  const client = { isOwn: false, hasOtherName: false, mustListen: true, startLine };
  const ofAdmin = {
    ...question,
    hasOtherName: true,
    mustListen: focus.connect || !isReached,
    startLine: isReached ? undefined : startLine, // then it is elsewhere
  };
  return {
    isReached,
    findings: [
      ...(own && listener ? listenerFindings(own, { ...question, code: 'listener', url: listener }) : []),
      ...(front ? listenerFindings(front, { ...client, code: 'listener', url: endpoint }) : []),
      ...(isReached ? await upgrade(subject) : []),
      ...(operators && admin ? listenerFindings(operators, { ...ofAdmin, code: 'admin', url: admin }) : []),
    ],
  };
}

/** A token that no service takes: for another host. What it is answered tells what is between. */
async function upgrade({ keys, clock, endpoint, config, focus, limits }: Subject): Promise<readonly Finding[]> {
  if (keys === undefined) return [];
  const hub = focus.hub ?? hubsOf(config, focus)[0]?.name ?? 'chat';
  const token = new KeyTokens(keys, clock.now).sign({}, 'http://hubwire-doctor.invalid', 5);
  const url = `${endpoint.replace(/^http/, 'ws')}/client/hubs/${encodeURIComponent(hub)}?access_token=${token}`;
  const seen = await openSocket(url, 'json.webpubsub.azure.v1', limits.giveUpMs);
  if (seen.kind === 'open') seen.socket.terminate();
  return upgradeFindings(seen, endpoint);
}

function givenToken({ focus, keys, endpoints, config, clock }: Subject): readonly Finding[] {
  const { token, hub, group } = focus;
  if (token === undefined) return [];
  const entraAudiences = config?.callers.entra.audiences ?? ['https://webpubsub.azure.com'];
  return tokenFindings({ text: token, hub, group, keys, endpoints, entraAudiences, nowMs: clock.now() });
}

function observe(subject: Subject, transport: Transport, handler: Handler): Promise<HandlerObservation> {
  const { endpoints, clock, machine, config } = subject;
  const { hostnames, hosts, ports } = endpoints;
  const target = handler.parsed.template.validationUrl(handler.hub);
  const check = abuseCheckOf(target, { hostnames, hosts, ports }, config!.delivery);
  return observeHandler({ transport, clock, machine }, handler, check);
}

function appClock(seen: HandlerObservation): readonly Finding[] {
  if (seen.answer.kind === 'failure') return [];
  const { headers }: Response = seen.answer;
  return clockFindings(headers, seen.atMs, 'the app server', placeOf(seen));
}

/** Sends events, to handlers that would get them, and connects. */
async function connectFindings(
  subject: Subject,
  keys: AccessKeys,
  observed: readonly HandlerObservation[],
  isReached: boolean,
): Promise<readonly Finding[]> {
  const active = observed.filter(({ verdict }) => verdict.isValid).map(({ handler }) => handler);
  const events = await Promise.all(active.map(handler => observeEvents(subject, keys, handler)));
  const clients = isReached ? await clientsOf(subject, keys) : [];
  return [...events.flatMap(seen => eventFindings(seen, subject.limits)), ...clients];
}

/** One client for each hub; it stays silent for a while where something stands between it and the service. */
function clientsOf(subject: Subject, keys: AccessKeys): Promise<readonly Finding[]> {
  const { config, focus, endpoint, clock, listener, limits } = subject;
  const known = hubsOf(config, focus);
  const unknown = known.length === 0 && focus.hub !== undefined ? [{ ...defaultHubConfig, name: focus.hub }] : [];
  return Promise.all(
    [...known, ...unknown].map(async ({ name, keepAliveIntervalMs }) => {
      const event = eventOf(subject, name);
      const idleMs = listener === endpoint ? 0 : keepAliveIntervalMs + 1_000;
      const { giveUpMs } = limits;
      const seen = await observeClient({ hub: name, endpoint, keys, clock, event, idleMs, giveUpMs });
      return clientFinding(seen, endpoint, keepAliveIntervalMs);
    }),
  );
}

function eventOf(subject: Subject, hub: string): string | undefined {
  const handlers = handlersOf(subject).filter(handler => handler.hub === hub);
  return [
    subject.focus.event,
    'message',
    ...handlers.map(({ options }) => options.userEventPattern?.split(',')[0]?.trim()),
  ]
    .filter(name => name !== undefined && name !== '' && name !== '*')
    .find(name => name !== undefined && handlers.some(({ parsed }) => parsed.takes('user', name)));
}
