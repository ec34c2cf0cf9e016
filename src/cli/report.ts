import type { HandlerStatus } from '../upstream/event-handlers.js';

const marks = { active: '✔', pending: '…', failed: '✘' } as const;

/** What is left of a terminal's 80 columns once the lines are indented. */
const lineColumns = 76;

/** For each event handler: its state, where it is, what it takes; when it failed, what was answered and what to do. */
export function handlerLines(handlers: readonly HandlerStatus[]): readonly string[] {
  return handlers.flatMap(({ hub, url, events, state, answered, advice }) => {
    const start = `${marks[state]} ${hub}  ${url}  ${state}`;
    const whole = `${start}  (${events})`;
    const notes = [state === 'failed' ? answered : undefined, advice].filter(text => text !== undefined);
    const why = notes.length > 0 ? [`    ${notes.join('; ')}`] : [];
    return whole.length <= lineColumns ? [whole, ...why] : [start, ...why, `    (${events})`];
  });
}
