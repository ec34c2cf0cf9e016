import { type ErrorKind, outcomes } from '../../errors.js';
import type { Numbering, Reliability } from '../protocol.js';

/** What the protocols of the Web PubSub family have in common. */

/** The table's own column. [client-protocols 8.3] */
export const closeCodes = Object.fromEntries(
  Object.entries(outcomes).map(([kind, { close }]) => [kind, close]),
) as Readonly<Record<ErrorKind, number>>;

/** @param numbering of the wire form [client-protocols 5.1, D24] */
export function reliabilityOf(numbering: Numbering): Reliability {
  return {
    numbering,
    releases: 'upTo',
    window: { messages: 1_000, bytes: 16 * 1024 * 1024 },
    stateWindow: { messages: 1_000, bytes: 4 * 1024 * 1024 },
  };
}
