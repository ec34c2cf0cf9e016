import type { FactConnection, PlainFact } from '../hub/facts.js';
import { HandledEvents } from './connection-events.js';

/**
 * A reader of facts that notifies app servers of them: `connected`, `disconnected`, `joined` and `left`. The events of a
 * connection are numbered in the order of its facts and of its own events. [upstream-events 2.3, 2.9]
 */
export function notify(fact: PlainFact): void {
  switch (fact.kind) {
    case 'identified':
      eventsOf(fact)?.identify(fact.userId, fact.subprotocol);
      break;
    case 'opened':
      eventsOf(fact)?.connected();
      break;
    case 'joined':
      eventsOf(fact)?.joined(fact.group);
      break;
    case 'left':
      eventsOf(fact)?.left(fact.group);
      break;
    case 'ended':
      eventsOf(fact)?.ended();
      break;
    case 'closed':
      eventsOf(fact)?.disconnected(fact.ending.reason);
      break;
    case 'abandoned':
      eventsOf(fact)?.identify(fact.userId, fact.subprotocol);
      eventsOf(fact)?.disconnected(fact.ending.reason);
      break;
    default: // not for app servers
  }
}

/** Undefined for connections of another upstream. */
function eventsOf({ connection: { upstream } }: { readonly connection: FactConnection }): HandledEvents | undefined {
  return upstream instanceof HandledEvents ? upstream : undefined;
}
