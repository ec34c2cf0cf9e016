import { type ErrorKind, outcomes } from '../../errors.js';
import type { Numbering, Protocol, Reliability } from '../protocol.js';

/** What the protocols of the Web PubSub family have in common. */

/** The table's own column, and 1000 for the app server's will. A peer that answers no pings is cut off without a code. [client-protocols 8.3] */
export const closeCodes: Protocol['closeCodes'] = {
  ...(Object.fromEntries(Object.entries(outcomes).map(([kind, { close }]) => [kind, close])) as Record<
    ErrorKind,
    number
  >),
  closedByAppServer: 1000,
  pingTimeout: 1008,
};

/** @param numbering of the wire form [client-protocols 5.1, D24] */
export function reliabilityOf(numbering: Numbering): Reliability {
  return {
    numbering,
    window: { messages: 1_000, bytes: 16 * 1024 * 1024 },
    stateWindow: { messages: 1_000, bytes: 4 * 1024 * 1024 },
  };
}
