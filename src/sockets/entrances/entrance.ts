import type { Connection } from '../../hub/connection.js';
import type { Upgrade } from '../upgrade.js';

/** What an upgrade led to: a connection, a session that could not be recovered, or a client that has left. */
export type Arrival = Connection | 'turnedAway' | 'left';

/**
 * Where one family of clients connects. It owns their paths, how they authenticate, and when the core decides whether they
 * are admitted: before the upgrade is answered, or after the first packets on the WebSocket.
 *
 * Before: `door.admit`, then `door.open`, which answers with 101. What is thrown until then becomes an HTTP error.
 * After: `upgrade.finish` answers with 101 and gives a WebSocket, whose `reader` the entrance sets; `door.admit` and
 * `door.open` follow. What rejects the promise of `take` in the meantime becomes a close code. The promise also settles
 * when the WebSocket closes, since the gateway waits for it.
 *
 * In both cases an admitted client is opened or abandoned. [client-protocols 1.4, 1.5]
 */
export interface Entrance {
  /** Where its clients connect, for the error on paths that no entrance serves. */
  readonly location: string;
  /** @param path without the base path of an endpoint */
  serves(path: string): boolean;
  /**
   * A client requests one of its paths. Synchronous where nothing has to be waited for.
   * @throws the refusal; also as a rejection
   */
  take(upgrade: Upgrade): Arrival | Promise<Arrival>;
}
