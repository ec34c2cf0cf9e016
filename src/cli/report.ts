import type { HandlerStatus } from '../upstream/event-handlers.js';

const marks = { active: '✔', pending: '…', failed: '✘' } as const;

/** One line per event handler: its state, where it is, what it takes; when it failed, what was answered and what to do. */
export function handlerLines(handlers: readonly HandlerStatus[]): readonly string[] {
  return handlers.map(({ hub, url, events, state, answered, advice }) => {
    const line = `${marks[state]} ${hub}  ${url}  ${state}  (${events})`;
    const notes = [state === 'failed' ? answered : undefined, advice].filter(text => text !== undefined);
    return notes.length > 0 ? `${line}\n      ${notes.join('; ')}` : line;
  });
}
