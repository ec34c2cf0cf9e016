import { nearestWord } from '../config/did-you-mean.js';
import { advice } from './advice.js';
import { error, type Finding, type Place, warning } from './finding.js';
import type { Focus, Handler } from './subject.js';

/** Which handlers get which events. Pure. @param handlers of the hubs that are looked at, in the order of the file */
export function routingFindings(handlers: readonly Handler[], { hub, event }: Focus): readonly Finding[] {
  return [...(hub !== undefined && event !== undefined ? noHandler(handlers, hub, event) : []), ...covered(handlers)];
}

function noHandler(handlers: readonly Handler[], hub: string, event: string): readonly Finding[] {
  if (handlers.some(({ parsed }) => parsed.takes('user', event))) return [];
  const names = handlers.flatMap(({ options }) => namesIn(options.userEventPattern));
  const near = names.length === 0 ? undefined : nearestWord(event, names);
  const patterns = handlers.map(({ options }) => `"${options.userEventPattern ?? ''}"`).join(', ') || 'none';
  const seen = `no event handler of hub ${hub} matches user event ${event}; patterns: ${patterns}`;
  const place: Place = {
    hub,
    line: handlers.find(({ options }) => options.userEventPattern)?.line ?? handlers[0]?.line,
  };
  return [error('no-handler', place, seen, advice.noHandler(event, near))];
}

/** Of a pattern that is a list of names. */
function namesIn(pattern: string | undefined): readonly string[] {
  return (pattern ?? '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '' && name !== '*');
}

/** Handlers whose events earlier ones of the same hub take. */
function covered(handlers: readonly Handler[]): readonly Finding[] {
  return handlers.flatMap(later => {
    const earlier = handlers.filter(({ hub, index }) => hub === later.hub && index < later.index);
    const lost = lostOf(later, earlier);
    if (lost.length === 0) return [];
    const place = { hub: later.hub, url: later.parsed.template.display, line: later.line };
    const lines = earlier.map(({ line }) => line).join(', ');
    return [warning('order', place, `earlier handlers (line ${lines}) take its ${lost.join(', ')}`, advice.order)];
  });
}

function lostOf(later: Handler, earlier: readonly Handler[]): readonly string[] {
  const { systemEvents, userEventPattern } = later.options;
  const isTaken = (kind: 'user' | 'connect' | 'connected' | 'disconnected', name: string) =>
    earlier.some(({ parsed }) => parsed.takes(kind, name));
  const isAllTaken = earlier.some(({ options }) => options.userEventPattern?.trim() === '*');
  const names = namesIn(userEventPattern);
  const isLost = isAllTaken ? userEventPattern : names.length > 0 && names.every(name => isTaken('user', name));
  const system = systemEvents.filter(event => isTaken(event, event));
  return [...(isLost ? [`user events ${userEventPattern}`] : []), ...system];
}
