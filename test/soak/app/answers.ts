import type { Dice } from '../dice.js';
import type { HeardEvent } from './tally.js';

/** What an app server does with one request. */
export type Answer =
  | { readonly kind: 'status'; readonly status: number; readonly body: string; readonly afterMs: number }
  /** The connection is reset in place of an answer. */
  | { readonly kind: 'reset' }
  /** The answer breaks off in the middle of its body. */
  | { readonly kind: 'torn' }
  /** There is none; the service gives up. */
  | { readonly kind: 'silence' };

/** Names of user events; each says what becomes of it. Clients choose among them. */
export const userEvents = ['good', 'echo', 'slow', 'flaky', 'broken', 'refused', 'reset', 'torn', 'silence'] as const;
export type UserEvent = (typeof userEvents)[number];

const ok = status(204);

/** Far from the service's time limit, so that no answer comes when it has just given up. */
const slowestMs = 300;

const byName: Readonly<Record<string, (event: HeardEvent, dice: Dice) => Answer>> = {
  echo: event => status(200, `${event.name} of ${event.connectionId}`),
  slow: (_event, dice) => late(dice),
  flaky: (event, dice) => (event.tries > 1 ? ok : failure(dice)),
  broken: () => status(500),
  refused: () => status(400),
  reset: () => ({ kind: 'reset' }),
  torn: () => ({ kind: 'torn' }),
  silence: () => ({ kind: 'silence' }),
};

/** By name for what clients send, by chance for what the service tells on its own. */
export function answerTo(event: HeardEvent, dice: Dice): Answer {
  if (event.kind === 'user') return byName[event.name]?.(event, dice) ?? ok;
  if (event.kind === 'connect' && dice.chance(6)) return status(401, 'not you');
  if (dice.chance(8)) return failure(dice);
  return dice.chance(5) ? late(dice) : ok;
}

function status(code: number, body = '', afterMs = 0): Answer {
  return { kind: 'status', status: code, body, afterMs };
}

function late(dice: Dice): Answer {
  return status(204, '', dice.between(20, slowestMs));
}

function failure(dice: Dice): Answer {
  return dice.chance(40) ? { kind: 'reset' } : status(500);
}
