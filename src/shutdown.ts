import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { Hubs } from './hub/hubs.js';
import type { Backplane } from './hub/ports.js';
import type { GuardedListener } from './listener/guarded-listener.js';
import type { OutboxDelivery } from './outbox-delivery.js';
import type { Readiness } from './readiness.js';
import type { Gateway } from './sockets/gateway.js';
import type { EventHandlers } from './upstream/event-handlers.js';

/** How many connections are ended at a time, and how far apart: clients that come back must not come at once. [design 5] */
const waves = { most: 20, leastConnections: 100, gapMs: 50 };

/** How long the shutdown waits for each thing that takes its time: events that are under way, and sockets to close. */
const patienceMs = 10_000;

/** How long it takes at most: less than the 30 s after which Kubernetes and Docker's stop kill. */
const shutdownMs = 25_000;

/** How long peers of a listener that closes may go on with their requests. */
const lastRequestsMs = 1_000;

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
  /** Ends what follows files. */
  stopWatching(): Promise<void>;
}

/** Finishes events under way, closes the clients in waves, then closes the listeners. [design 5] */
export async function shutDown(parts: ShutdownParts): Promise<void> {
  const { clock, log, hubs, handlers, gateway } = parts;
  const startedMs = clock.monotonicMs();
  const patience = new Patience(clock, startedMs + shutdownMs);
  log.info({ connections: hubs.size }, 'stopping');
  parts.readiness.drain();
  await parts.stopWatching();
  for (const hub of hubs.all()) hub.lifecycle.quiesce(); // otherwise clients that keep sending would delay the stop
  await patience.with(handlers.whenIdle());
  await turnOfEventLoop(); // the last responses are passed on first: acks are sent before the close message
  const connectionsClosed = hubs.size;
  await evictAll(hubs, clock);
  gateway.evictNewcomers();
  handlers.hurry(); // a `disconnected` may wait for a `connected` that has no answer
  await patience.with(gateway.whenEmpty());
  await patience.with(handlers.whenIdle());
  await turnOfEventLoop(); // a client whose connect was answered only now is refused, and its `disconnected` is sent
  await patience.with(handlers.close());
  gateway.stop();
  await patience.with(parts.delivery.close());
  await Promise.all(parts.listeners.map(listener => close(listener, clock)));
  await parts.backplane.close();
  const durationMs = Math.round(clock.monotonicMs() - startedMs);
  log.info({ durationMs, connectionsClosed }, 'stopped');
}

/** Waits for each thing for a while, and for all of them together until the shutdown has to end. */
class Patience {
  readonly #clock: Clock;
  readonly #untilMs: number;

  /** @param untilMs monotonic milliseconds */
  constructor(clock: Clock, untilMs: number) {
    this.#clock = clock;
    this.#untilMs = untilMs;
  }

  with(work: Promise<void>): Promise<void> {
    return atMost(Math.max(0, Math.min(patienceMs, this.#untilMs - this.#clock.monotonicMs())), work, this.#clock);
  }
}

async function atMost(limitMs: number, work: Promise<void>, clock: Clock): Promise<void> {
  let cancel = () => {};
  const limit = new Promise<void>(resolve => {
    cancel = clock.after(limitMs, resolve);
  });
  await Promise.race([work, limit]);
  cancel();
}

async function evictAll(hubs: Hubs, clock: Clock): Promise<void> {
  const wave = waveOf(hubs);
  for (const hub of [...hubs.all()]) {
    while ((await hub.lifecycle.evict(wave)) > 0) await pause(clock);
  }
}

/** Closes as many clients as there are now in waves, the oldest first. The service goes on, and they may come back. */
export async function closeInWaves(hubs: Hubs, clock: Clock): Promise<void> {
  const wave = waveOf(hubs);
  for (const hub of [...hubs.all()]) {
    for (let left = hub.size; left > 0; left -= wave) {
      await hub.lifecycle.evict(Math.min(wave, left));
      if (left > wave) await pause(clock);
    }
  }
}

function waveOf({ size }: Hubs): number {
  return Math.max(waves.leastConnections, Math.ceil(size / waves.most));
}

function pause(clock: Clock): Promise<void> {
  return new Promise(resolve => void clock.after(waves.gapMs, resolve));
}

/** Whatever its peers do: Node counts a connection that never sent anything as busy, for ever. */
async function close({ app, guard }: GuardedListener, clock: Clock): Promise<void> {
  const closing: Promise<void> = app.close();
  await atMost(lastRequestsMs, closing, clock);
  app.server.closeAllConnections();
  guard.dropStrangers(); // they may be in a TLS handshake, before the server has them
  await atMost(lastRequestsMs, closing, clock);
}

function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
