import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import { type Clock, systemClock } from './clock.js';
import type { ClusterObserver } from './cluster/observer.js';
import type { Closed, Evented, Opened, PlainFact, Refused, RoleIgnored } from './hub/facts.js';
import type { Observer } from './hub/ports.js';
import { withSuggestion } from './hub/roles.js';
import { LineBudget } from './line-budget.js';
import type { LogLevel } from './log-levels.js';
import type { NatsEvent } from './nats/events.js';
import { withoutPasswords } from './urls.js';

/** Logs go to standard error, so that standard output holds only a command's result. Pretty on a terminal, JSON otherwise. */
export function makeLogger(level: LogLevel, stream: NodeJS.WriteStream = process.stderr): Logger {
  const destination: DestinationStream = stream.isTTY
    ? pretty({
        destination: stream,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss',
        singleLine: true,
        sync: true,
      })
    : stream;
  return pino({ level, ...lineFormat }, destination);
}

/** The start of every line: `{"level":"info","time":"2026-11-28T19:00:00.000Z"`. */
export const lineFormat: Pick<LoggerOptions, 'base' | 'timestamp' | 'formatters' | 'serializers'> = {
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: level => ({ level }) },
  serializers: { err: errorForLog },
};

/** An error as pino writes it, but never the text that Node could not read as a URL, nor a password in a URL. */
function errorForLog(error: unknown): unknown {
  return error instanceof Error ? withoutSecrets(stdSerializers.err(error)) : error;
}

function withoutSecrets(error: object): object {
  const isOfUrl = 'code' in error && error.code === 'ERR_INVALID_URL';
  const told = Object.entries(error).filter(([key]) => !isOfUrl || !['input', 'base'].includes(key));
  return Object.fromEntries(told.map(([key, value]) => [key, withoutSecret(value)]));
}

function withoutSecret(value: unknown): unknown {
  if (typeof value === 'string') return withoutPasswords(value);
  if (Array.isArray(value)) return value.map(withoutSecret); // `aggregateErrors`
  const isError = typeof value === 'object' && value !== null && 'stack' in value;
  return isError ? withoutSecrets(value) : value;
}

/** Maximum number of lines of each kind that clients and callers can cause in a window of time; the rest is counted. */
const callersLines = { lines: 20, windowMs: 10_000 };

const noStatus = 0;

/** Maximum number of hubs whose first message is logged; clients and callers choose the names. */
const maxHubsTold = 100;

/** Logs what happened. Never bodies, tokens, keys or codes: callers of the observer leave them out. */
export class LogObserver implements Partial<Observer> {
  readonly #log: Logger;
  readonly #roles = new Once();
  readonly #unhandled = new Once();
  /** By hub: those with event handlers, as the configuration spells them. */
  readonly #warnings = new Map<string, Once>();

  /** By hub: events that were not sent for the queue of their upstream since the last line about it, and when that was. */
  readonly #overloads = new Map<string, { unsaid: number; saidAtMs: number }>();
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #refusedConnections: LineBudget;
  readonly #refusedCalls: LineBudget;
  readonly #closedConnections: LineBudget;
  readonly #failedEvents: LineBudget;
  /** Hubs in which a message was sent: has one been received? */
  readonly #reached = new Map<string, boolean>();
  /** The level does not change while the service runs. Hot path: no object is made for a line that is not written. */
  readonly #tellsDetails: boolean;
  readonly #tracesSends: boolean;

  constructor(log: Logger, clock: Pick<Clock, 'monotonicMs' | 'after'> = systemClock) {
    this.#log = log;
    this.#clock = clock;
    this.#tracesSends = log.isLevelEnabled('trace');
    this.#tellsDetails = log.isLevelEnabled('debug');
    this.#refusedConnections = this.#budget(clock, 'connections refused');
    this.#refusedCalls = this.#budget(clock, 'REST calls refused');
    this.#closedConnections = this.#countedBudget(clock, 'connections closed', 'info');
    this.#failedEvents = this.#countedBudget(clock, 'events failed', 'warn');
  }

  #budget(clock: Pick<Clock, 'monotonicMs' | 'after'>, what: string): LineBudget {
    return new LineBudget(callersLines.lines, callersLines.windowMs, clock, ({ count, statuses }) =>
      this.#log.info({ statuses }, `${what}: ${count} more`),
    );
  }

  /** Of lines without a status. */
  #countedBudget(clock: Pick<Clock, 'monotonicMs' | 'after'>, what: string, level: 'info' | 'warn'): LineBudget {
    return new LineBudget(callersLines.lines, callersLines.windowMs, clock, ({ count }) =>
      this.#log[level]({ count }, `${what}: ${count} more`),
    );
  }

  tell(fact: PlainFact): void {
    switch (fact.kind) {
      case 'opened':
        if (this.#tellsDetails) this.#opened(fact);
        break;
      case 'closed':
        this.#closed(fact);
        break;
      case 'roleIgnored':
        this.#roleIgnored(fact);
        break;
      case 'refused':
        if (this.#tellsDetails) this.#requestRefused(fact);
        break;
      case 'evented':
        this.#evented(fact);
        break;
      default: // no line
    }
  }

  #opened({ hub, connection: { id: connectionId, protocol } }: Opened): void {
    this.#log.debug({ hub, connectionId, protocol: protocol.name }, 'connection opened');
  }

  #closed({ hub, connection: { id: connectionId, protocol }, ending }: Closed): void {
    const { category, reason, isClientText } = ending;
    const level = category === 'Normal' || category === 'ClosedByAppServer' ? 'debug' : 'info';
    if (level === 'debug' ? !this.#tellsDetails : !this.#closedConnections.take(noStatus)) return;
    const told = { hub, connectionId, protocol: protocol.name, category };
    this.#log[level](isClientText === true ? told : { ...told, reason }, 'connection closed');
  }

  /** Once for each text: a token's roles come with every connect. */
  #roleIgnored({ hub, connection: { id: connectionId }, role: text, reason: cause }: RoleIgnored): void {
    const role = shortened(text);
    const novelty = this.#roles.add(role);
    if (novelty === 'new') {
      const reason = role === text ? withSuggestion(role, cause) : cause;
      this.#log.warn({ hub, connectionId, role, reason }, 'role ignored');
    }
    if (novelty === 'oneTooMany') this.#log.warn(`role ignored: ${tooMany('hubwire_roles_ignored_total')}`);
  }

  #requestRefused({ hub, connection: { id: connectionId }, reason, neededRole }: Refused): void {
    this.#log.debug({ hub, connectionId, reason, neededRole }, 'request of a client refused');
  }

  connectionRefused(at: Parameters<Observer['connectionRefused']>[0]): void {
    if (!this.#refusedConnections.take(at.status)) return;
    this.#log.info(withRoundedDuration(at), 'connection refused');
  }

  upgraded(at: Parameters<Observer['upgraded']>[0]): void {
    const text = at.connectionId === undefined ? 'upgrade answered, session not recovered' : 'upgrade answered';
    this.#log.debug(withRoundedDuration(at), text);
  }

  restCallTold({ isAnswer, ...at }: Parameters<Observer['restCallTold']>[0]): void {
    const told = withRoundedDuration(at);
    if (at.status < 400 || isAnswer) this.#log.debug(told, 'REST call');
    else if (this.#refusedCalls.take(at.status)) this.#log.info(told, 'REST call refused');
  }

  delivered(hub: string, sends: number, receivers: number): void {
    if (this.#tracesSends) this.#log.trace({ hub, sends, receivers }, 'messages delivered');
    if (this.#reached.get(hub) !== true) this.#tellFirst(hub, receivers);
  }

  /** The first message of a hub and, if that had no receivers, the first that was received: it shows that messages arrive. */
  #tellFirst(hub: string, receivers: number): void {
    const isFirst = !this.#reached.has(hub);
    if (isFirst ? this.#reached.size >= maxHubsTold : receivers === 0) return;
    this.#reached.set(hub, receivers > 0);
    const which = isFirst ? 'first message' : 'first message that was received';
    this.#log.info(`${hub}: ${which}, ${receivers} ${receivers === 1 ? 'receiver' : 'receivers'}`);
  }

  #evented(fact: Evented): void {
    if (fact.outcome === 'failed') this.#tellFailed(fact);
    else if (fact.outcome === 'unhandled') this.#tellUnhandled(fact);
    else if (fact.outcome === 'overloaded') this.#tellOverloaded(fact);
    else if (this.#tellsDetails) this.#log.debug(eventLine(fact), 'event finished');
  }

  #tellFailed(fact: Evented): void {
    if (this.#failedEvents.take(noStatus)) this.#log.warn(eventLine(fact), 'event failed');
  }

  /** Once a minute for each hub, with their number, since there are many of them. */
  #tellOverloaded({ hub, reason }: Evented): void {
    const nowMs = this.#clock.monotonicMs();
    const overload = this.#overloads.get(hub) ?? { unsaid: 0, saidAtMs: Number.NEGATIVE_INFINITY };
    this.#overloads.set(hub, overload);
    overload.unsaid += 1;
    if (nowMs - overload.saidAtMs < overloadPeriodMs) return;
    this.#log.warn({ hub, events: overload.unsaid, reason }, 'events were not sent');
    overload.unsaid = 0;
    overload.saidAtMs = nowMs;
  }

  /** Once for each hub and event: clients choose names and number of their events. */
  #tellUnhandled({ hub, name: event, reason }: Evented): void {
    const novelty = this.#unhandled.add(`${hub}: ${event}`);
    if (novelty === 'new') this.#log.warn({ hub, event, reason }, 'event has no handler');
    else if (novelty === 'oneTooMany') this.#log.warn(`event has no handler: ${tooMany('hubwire_events_total')}`);
    else this.#log.debug({ hub, event, reason }, 'event has no handler');
  }

  handlerChanged(at: Parameters<Observer['handlerChanged']>[0]): void {
    if (at.state === 'failed') this.#log.warn(at, 'event handler is not active');
    else this.#log.info(at, `event handler is ${at.state}`);
  }

  warned({ hub, warning }: Parameters<Observer['warned']>[0]): void {
    const said = this.#warnings.get(hub) ?? new Once();
    this.#warnings.set(hub, said);
    const novelty = said.add(warning);
    if (novelty === 'new') this.#log.warn({ hub }, warning);
    if (novelty === 'oneTooMany') this.#log.warn({ hub }, `warnings: ${tooMany('hubwire_warnings_total')}`);
  }

  fault(where: string, error: unknown): void {
    this.#log.error({ err: error, where }, 'internal error');
  }
}

const overloadPeriodMs = 60_000;

function eventLine({ hub, connectionId, name, type, outcome, durationMs, attempts, reason }: Evented): object {
  return { hub, connectionId, event: name, kind: type, outcome, durationMs: rounded(durationMs), attempts, reason };
}

function withRoundedDuration<T extends { readonly durationMs: number }>(at: T): T {
  return { ...at, durationMs: rounded(at.durationMs) };
}

/** To a tenth of a millisecond. */
function rounded(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}

/** Texts that are written once each; what comes after is not written, so that neither the log nor memory grows with it. */
const maxTexts = 100;

/** Texts longer than this are cut before they are compared and written. */
const maxTextLength = 200;

function shortened(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
}

function tooMany(counter: string): string {
  return `${maxTexts} different texts were logged; further ones are only counted, in ${counter}`;
}

/** Tells new texts from those that came before, up to a number of them. */
class Once {
  readonly #texts = new Set<string>();
  #isFull = false;

  /** `oneTooMany` is answered once, for the first text beyond those that are kept. */
  add(text: string): 'new' | 'known' | 'oneTooMany' {
    if (this.#isFull || this.#texts.has(text)) return 'known';
    this.#isFull = this.#texts.size === maxTexts;
    if (this.#isFull) return 'oneTooMany';
    this.#texts.add(text);
    return 'new';
  }
}

const natsTexts = {
  connected: { level: 'info', text: 'NATS: connected' },
  lost: { level: 'warn', text: 'NATS: the connection is lost, connecting again' },
  unreachable: { level: 'warn', text: 'NATS: waiting for a server that can be connected to' },
  dropped: { level: 'warn', text: 'NATS: dropped a message that is not of this cluster' },
  leaving: { level: 'info', text: 'NATS: the server is about to stop, moving to another' },
  permitted: { level: 'info', text: 'NATS: this node may do what was refused, and takes part' },
  raised: { level: 'info', text: 'NATS: a stream is kept by more servers now' },
  unanswered: { level: 'warn', text: 'NATS: the store does not answer, trying again' },
} as const;

const excludedBecause = {
  subscribe: 'so that this node receives nothing from the others',
  publish: 'so that the others do not know of this node',
};
const partlyDeaf = 'and clients that need it are refused';

function logRefused(log: Logger, event: Extract<NatsEvent, { kind: 'refused' }>): void {
  const { operation, subjects, permit, isExcluded } = event;
  const excluded = `${excludedBecause[operation]}: it lets no client in until that is permitted`;
  const permission = `${operation} to ${permit}, as deploy/nats/permissions.conf does`;
  log.warn(
    { subjects, permit },
    `NATS: this user may not ${operation} to ${subjects}, ${isExcluded ? excluded : partlyDeaf}; let it ${permission}`,
  );
}

const phaseTexts = {
  starting: { level: 'info', text: 'cluster: this node starts' },
  live: { level: 'info', text: 'cluster: this node is live' },
  paused: { level: 'warn', text: 'cluster: this node is paused: requests and events wait, and no client is let in' },
  serving: { level: 'warn', text: 'cluster: this node is cut off, and continues to serve its own clients' },
  isolated: { level: 'warn', text: 'cluster: this node has been cut off for too long: it closes its clients' },
  fenced: {
    level: 'warn',
    text: 'cluster: other nodes have ended the connections of this node: it drops them, and starts again',
  },
  draining: { level: 'info', text: 'cluster: this node is draining' },
  gone: { level: 'info', text: 'cluster: this node has left' },
} as const;

const configsDiffer =
  'cluster: nodes run different configurations or primary keys: give all of them the same, or use --config nats';

/** What is counted of it. */
export interface ClusterMeter {
  takenOver(): void;
  appended(durationMs: number): void;
  configs(count: number): void;
}

/** One line for each state of this node, and for each node that it speaks for; with the tag, and the reason. [CL-123] */
export function clusterObserver(log: Logger, meter: ClusterMeter): ClusterObserver {
  return {
    entered: (tag, phase, why) => log[phaseTexts[phase].level]({ tag, reason: why }, phaseTexts[phase].text),
    claimed(tag, name) {
      meter.takenOver();
      log.warn({ tag, name }, 'cluster: another node is gone, and this one ends its connections');
    },
    takenOver(tag, name, outcome, connections) {
      const text = outcome === 'done' ? 'all of them are ended' : 'a third node ends the rest';
      log.info({ tag, name, connections }, `cluster: connections of a node that is gone: ${text}`);
    },
    appended: durationMs => meter.appended(durationMs),
    configs: count => meter.configs(count),
    configsDiffer: groups => log.warn({ nodes: groups.map(names => names.join(', ')) }, configsDiffer),
    storeFailed: (what, tag, reason) =>
      log.warn({ tag, reason }, `cluster: cannot ${what} in NATS, trying again until it can`),
    fault: (where, error) => log.error({ err: error, where }, 'internal error'),
  };
}

/** One line for each change between this node and NATS. [CL-123] */
export function logNats(log: Logger, event: NatsEvent): void {
  if (event.kind === 'warned') log.warn(event.text);
  else if (event.kind === 'refused') logRefused(log, event);
  else if (event.kind === 'fault') log.error({ err: event.error, where: event.where }, 'internal error');
  else {
    const { kind, ...at } = event;
    log[natsTexts[kind].level](at, natsTexts[kind].text);
  }
}
