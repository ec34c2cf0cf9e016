import type { Logger } from 'pino';
import { atMost, type Clock } from './clock.js';
import { Drain, turnOfEventLoop } from './drain.js';
import type { Hubs } from './hub/hubs.js';
import type { Backplane } from './hub/ports.js';
import type { GuardedListener } from './listener/guarded-listener.js';
import type { OutboxDelivery } from './outbox-delivery.js';
import type { Readiness } from './readiness.js';
import type { Gateway } from './sockets/gateway.js';
import type { EventHandlers } from './upstream/event-handlers.js';

/** How long clients are drained, unless it is set: with what follows, less than the 30 s after which Kubernetes kills. */
export const defaultDrainMs = 10_000;

/** By when what follows is over at the latest, from the time for the drain on; together with the listeners 10 s. [cluster 9] */
const overAfterMs = { events: 5_500, outbox: 7_500 };

/** How long peers of a listener that closes may go on with their requests, and how long its sockets and the backplane may take. */
const lastRequestsMs = 1_000;
const backplaneMs = 500;

export interface ShutdownParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly readiness: Readiness;
  readonly hubs: Hubs;
  readonly handlers: Pick<EventHandlers, 'whenIdle' | 'hurry' | 'close'>;
  readonly gateway: Pick<Gateway, 'evictNewcomers' | 'whenEmpty' | 'stop'>;
  readonly delivery: Pick<OutboxDelivery, 'close'>;
  readonly backplane: Backplane;
  readonly listeners: readonly GuardedListener[];
  readonly drainMs: number;
  /** Ends what follows files. */
  stopWatching(): Promise<void>;
}

/** Refuses new clients, drains those that are here, finishes events under way, then closes the listeners. [design 5] [cluster 9] */
export async function shutDown(parts: ShutdownParts): Promise<void> {
  const { clock, log, hubs, handlers, gateway, drainMs } = parts;
  const startedMs = clock.monotonicMs();
  const patience = new Patience(clock, startedMs + drainMs + overAfterMs.events);
  const outboxPatience = new Patience(clock, startedMs + drainMs + overAfterMs.outbox);
  const connectionsClosed = hubs.size;
  log.info({ connections: connectionsClosed }, 'stopping');
  parts.readiness.drain();
  await parts.stopWatching();
  await new Drain({ hubs, clock, drainMs, whenIdle: () => handlers.whenIdle(), random: Math.random }).run();
  gateway.evictNewcomers();
  handlers.hurry(); // a `disconnected` may wait for a `connected` that has no answer
  await patience.with(gateway.whenEmpty());
  await patience.with(handlers.whenIdle());
  await turnOfEventLoop(); // a client whose connect was answered only now is refused, and its `disconnected` is sent
  await patience.with(handlers.close());
  gateway.stop();
  await outboxPatience.with(parts.delivery.close(outboxPatience.restMs));
  await Promise.all(parts.listeners.map(listener => close(listener, clock)));
  await atMost(backplaneMs, parts.backplane.close(), clock);
  const durationMs = Math.round(clock.monotonicMs() - startedMs);
  log.info({ durationMs, connectionsClosed }, 'stopped');
}

/** Waits for each thing, until it is time to go on. */
class Patience {
  readonly #clock: Clock;
  readonly #untilMs: number;

  /** @param untilMs monotonic milliseconds */
  constructor(clock: Clock, untilMs: number) {
    this.#clock = clock;
    this.#untilMs = untilMs;
  }

  get restMs(): number {
    return Math.max(0, this.#untilMs - this.#clock.monotonicMs());
  }

  with(work: Promise<void>): Promise<boolean> {
    return atMost(this.restMs, work, this.#clock);
  }
}

/** Whatever its peers do: Node counts a connection that never sent anything as busy, for ever. */
async function close({ app, guard }: GuardedListener, clock: Clock): Promise<void> {
  const closing: Promise<void> = app.close();
  await atMost(lastRequestsMs, closing, clock);
  app.server.closeAllConnections();
  guard.dropStrangers(); // they may be in a TLS handshake, before the server has them
  await atMost(lastRequestsMs, closing, clock);
}
