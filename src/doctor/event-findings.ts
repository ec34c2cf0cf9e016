import { isSuccess, notFoundText } from '../upstream/reply.js';
import { advice } from './advice.js';
import { type EventSeen, type EventsSeen, isUnauthorized } from './event-probe.js';
import { error, type Finding, halves, ok, type Place, warning } from './finding.js';
import { placeOf } from './handler-findings.js';
import type { TimeLimits } from './subject.js';

/** What came of the events that were sent to a handler, judged. Pure. */
export function eventFindings(seen: EventsSeen, limits: TimeLimits): readonly Finding[] {
  const place = placeOf(seen);
  if (seen.events.length === 0) return [];
  const found = [
    ...hangs(seen, place, limits),
    ...refusals(seen, place),
    ...failures(seen, place),
    ...slowness(seen, place, limits),
    ...unhandled(seen, place),
  ];
  const text = seen.events.map(event => `${labelOf(event)} ${Math.round(event.durationMs)} ms`).join(', ');
  return found.length > 0 ? found : [ok('events', place, text)];
}

function labelOf({ kind, name, isJson }: EventSeen): string {
  return kind === 'user' ? `event "${name}" (${isJson ? 'JSON' : 'text'})` : name;
}

function isHung({ answer }: EventSeen): boolean {
  return answer.kind === 'failure' && answer.failure === 'timeout';
}

function statusOf({ answer }: EventSeen): number | undefined {
  return answer.kind === 'response' ? answer.status : undefined;
}

/** A body parser reads JSON alone, so text is answered, and JSON is waited for in vain. */
function hangs({ events }: EventsSeen, place: Place, { giveUpMs }: TimeLimits): readonly Finding[] {
  const hung = events.filter(isHung);
  if (hung.length === 0) return [];
  const seen = `no answer to ${hung.map(labelOf).join(' and ')} within ${giveUpMs / 1000} s`;
  const isTextAnswered = events.some(event => !event.isJson && !isHung(event));
  if (isTextAnswered && hung.every(({ isJson }) => isJson)) {
    return [error('body-parser', place, `${seen}, while text is answered`, advice.bodyParser)];
  }
  const isOnlyConnect = hung.every(({ kind }) => kind === 'connect');
  return [error('slow-connect', place, seen, [...advice.slowConnect, ...(isOnlyConnect ? advice.bodyParser : [])])];
}

function refusals({ events, isAcceptedWithOneKey, handler }: EventsSeen, place: Place): readonly Finding[] {
  const refused = events.filter(({ answer }) => isUnauthorized(answer));
  const [first] = refused;
  if (first === undefined) return [];
  const seen = `answered ${statusOf(first)} to ${refused.map(labelOf).join(', ')}`;
  if (isAcceptedWithOneKey === true) {
    return [error('second-key', place, `${seen}, which is signed with two keys, and not with one`, advice.secondKey)];
  }
  const isChoice = refused.every(({ kind }) => kind === 'connect');
  const steps = isChoice ? ['if the app refuses this user, all is well', ...advice.unauthorized] : advice.unauthorized;
  return [(isChoice ? warning : error)('unauthorized', place, `${seen} (hub ${handler.hub})`, steps)];
}

function failures(seen: EventsSeen, place: Place): readonly Finding[] {
  const { events, handler } = seen;
  const missing = events.filter(event => statusOf(event) === 404);
  const [first] = missing;
  if (first !== undefined && events.every(event => statusOf(event) === 404 || isHung(event))) {
    const said = halves(notFoundText(first, { hub: handler.hub, template: handler.parsed.template }));
    return [error('hub-mismatch', place, said.seen, [...advice.hubMismatch(handler.hub), ...said.advice])];
  }
  const broken = events.find(event => (statusOf(event) ?? 0) >= 500);
  const at = broken && advice.failedAt(new Date(broken.atMs).toISOString(), broken.requestId);
  return [
    ...missing.map(event => {
      const setting = settingOf(event);
      const seen404 = `answered 404 to ${labelOf(event)}`;
      return error('no-handler-for-event', place, seen404, advice.noHandlerForEvent(event.name, setting));
    }),
    ...(broken && at ? [error('upstream-5xx', place, `answered ${statusOf(broken)} to ${labelOf(broken)}`, at)] : []),
    ...unreadable(seen, place),
  ];
}

function settingOf({ kind }: EventSeen): string {
  if (kind === 'user') return 'userEventPattern';
  return kind === 'joined' || kind === 'left' ? 'groupPresenceEvents' : 'systemEvents';
}

/** Answers that came, and cannot be used. */
function unreadable({ events, reasons }: EventsSeen, place: Place): readonly Finding[] {
  return [...reasons].flatMap(([name, reason]) => {
    const own = events.filter(event => event.name === name);
    const isTold = !own.every(event => event.answer.kind === 'response' && isSuccess(event.answer.status));
    const isCut = own.some(({ answer }) => answer.kind === 'failure' && answer.failure !== 'timeout');
    if (isTold && !isCut) return [];
    const said = halves(reason);
    return [error('event-failed', place, `${name}: ${said.seen}`, said.advice)];
  });
}

function slowness({ events }: EventsSeen, place: Place, limits: TimeLimits): readonly Finding[] {
  const connect = events.find(event => event.kind === 'connect' && !isHung(event));
  if (connect === undefined || connect.durationMs <= limits.slowMs) return [];
  const make = connect.durationMs > limits.tooSlowMs ? error : warning;
  return [make('slow-connect', place, `connect took ${Math.round(connect.durationMs)} ms`, advice.slowConnect)];
}

/** The vendor's middleware answers so when it has no function for user events. */
function unhandled({ events }: EventsSeen, place: Place): readonly Finding[] {
  const silent = events.find(
    ({ kind, answer }) =>
      kind === 'user' &&
      answer.kind === 'response' &&
      answer.status === 200 &&
      answer.body.length === 0 &&
      answer.headers['content-type'] === undefined,
  );
  if (silent === undefined) return [];
  const seen = `answered 200 to ${labelOf(silent)} at once, with no type and no body`;
  return [warning('no-handler-for-event', place, seen, advice.noHandlerForUserEvent)];
}
