import type { PlainFact } from '../hub/facts.js';
import { HandledEvents } from './connection-events.js';

/**
 * A reader of facts that notifies app servers of them: `connected`, `disconnected`, `joined` and `left`. The events of a
 * connection are numbered in the order of its facts and of its own events. [upstream-events 2.3, 2.9]
 */
export function notify(fact: PlainFact): void {
  if (!('connection' in fact)) return;
  const events = fact.connection.upstream;
  if (!(events instanceof HandledEvents)) return;
  switch (fact.kind) {
    case 'identified':
      events.identify(fact.userId, fact.subprotocol);
      break;
    case 'opened':
      events.connected();
      break;
    case 'joined':
      events.joined(fact.group);
      break;
    case 'left':
      events.left(fact.group);
      break;
    case 'closed':
      events.disconnected(fact.ending.reason);
      break;
    case 'abandoned':
      events.identify(fact.userId, fact.subprotocol);
      events.disconnected(fact.ending.reason);
      break;
    default: // not for app servers
  }
}
