import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock.js';

/** Of each connection, what waits for its end: its own promise would keep every function that ever waited. */
const waiting = new WeakMap<NatsConnection, Set<() => void>>();

/**
 * Has the server taken all that was sent on the connection so far? False when the connection ends, or the time is over, before
 * it says so: the client's own promise never settles then. [cluster 1.2]
 */
export function flushed(connection: NatsConnection, limitMs: number, clock: Clock): Promise<boolean> {
  if (connection.isClosed()) return Promise.resolve(false);
  const ends = endsOf(connection);
  return new Promise(resolve => {
    const settle = (isFlushed: boolean) => {
      cancel();
      ends.delete(end);
      resolve(isFlushed);
    };
    const end = () => settle(false);
    const cancel = clock.after(limitMs, end);
    ends.add(end);
    connection.flush().then(() => settle(true), end);
  });
}

function endsOf(connection: NatsConnection): Set<() => void> {
  const known = waiting.get(connection);
  if (known !== undefined) return known;
  const ends = new Set<() => void>();
  waiting.set(connection, ends);
  void connection.closed().then(() => {
    for (const end of [...ends]) end();
  });
  return ends;
}
