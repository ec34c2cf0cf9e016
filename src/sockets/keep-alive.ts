import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../hub/ports.js';

/** How often sockets are looked at: the unit of the hubs' keep-alive setting. */
const sweepMs = 1_000;

/** Intervals of silence after which a peer counts as gone. [client-protocols 8.2] */
const silentIntervals = 3;

interface Watched {
  readonly ws: WebSocket;
  readonly socket: Socket;
  /** Read at each sweep: a reload applies to open sockets. */
  readonly intervalMs: () => number;
  readonly onSilent: () => void;
  seenBytes: number;
  seenAtMs: number;
  pingedAtMs: number;
}

/** Pings every socket at its hub's interval and gives up on silent ones: one timer for all. [client-protocols 8.2] */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param onSilent the peer said nothing for three intervals. @returns stops watching */
  watch(ws: WebSocket, socket: Socket, intervalMs: () => number, onSilent: () => void): () => void {
    const now = this.#clock.now();
    const entry = { ws, socket, intervalMs, onSilent, seenBytes: socket.bytesRead, seenAtMs: now, pingedAtMs: now };
    this.#watched.add(entry);
    this.#cancel ??= this.#clock.after(sweepMs, this.#sweep);
    return () => this.#watched.delete(entry);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#watched.clear();
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    for (const entry of this.#watched) this.#look(entry, now);
    this.#cancel = this.#watched.size === 0 ? undefined : this.#clock.after(sweepMs, this.#sweep);
  };

  /** Any byte is a sign of life, pongs too. A socket that we do not read from cannot show any. */
  #look(entry: Watched, now: number): void {
    if (entry.socket.bytesRead !== entry.seenBytes || entry.ws.isPaused) {
      entry.seenBytes = entry.socket.bytesRead;
      entry.seenAtMs = now;
    }
    const intervalMs = entry.intervalMs();
    if (now - entry.seenAtMs >= silentIntervals * intervalMs) {
      this.#watched.delete(entry);
      entry.onSilent();
    } else if (now - entry.pingedAtMs >= intervalMs && entry.ws.readyState === entry.ws.OPEN) {
      entry.pingedAtMs = now;
      entry.ws.ping();
    }
  }
}
