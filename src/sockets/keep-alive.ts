import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.js';
import type { MessagePing } from '../protocols/protocol.js';
import { type EventLoopTurn, type Flushable, writeCostBytes } from './turn.js';

/** How often sockets are checked: the unit of the hubs' keep-alive setting. */
const sweepMs = 1_000;

/** How early a ping may be: sweeps come some milliseconds early or late, and at the next one it would be nearly a second late. */
const earlyMs = sweepMs / 2;

/** How many are looked at before sockets that have something to write get their turn. */
const lookedAtOnce = 64;

/** Intervals of silence after which a peer counts as gone. [client-protocols 8.2] */
const silentIntervals = 3;

/** The peer of a socket. */
export interface Peer {
  readonly ws: WebSocket;
  readonly socket: Socket;
  /** Between pings. Read at each sweep: a reload applies to open sockets. Not used where the protocol has pings of its own. */
  readonly intervalMs: number;
  /** The protocol's own, sent by `sendPing`; undefined: WebSocket pings. */
  readonly messagePing?: MessagePing | undefined;
  sendPing?(ping: MessagePing): void;
  /** Nothing was received for three intervals, or within the time for the answer to a message; it is not watched any more. */
  onSilent(): void;
}

/**
 * Between pings of a socket that is not read from: the end of its peer is seen only when something is written, mostly at the second
 * time, and what the peer has requested goes on until then.
 */
const pausedPingMs = 2_000;

/** What counts of the time between two readings: in a longer one the process was paused, and could neither ping nor read. */
const longestGapMs = 5 * sweepMs;

/**
 * What is known of a peer. It is emptied when it is not watched any more: V8 keeps the former tables of a Set that changes
 * often, and with them what was in it, until its next full collection.
 */
export interface Watched {
  peer: Peer | undefined;
  seenBytes: number;
  seenAtMs: number;
  pingedAtMs: number;
}

/**
 * Pings every socket at its hub's interval, or with a message of its protocol when it is silent, and reports the silent
 * ones: one timer for all. [client-protocols 8.2, PW §3.7]
 */
export class KeepAlive implements Flushable {
  readonly #clock: Clock;
  readonly #turn: EventLoopTurn;
  readonly #watched = new Set<Watched>();
  /** Monotonic milliseconds of the last reading, and how many until then do not count. */
  #readAtMs = 0;
  #pausedMs = 0;
  #cancel: (() => void) | undefined;
  /** Those whom the sweep that is under way has not looked at; undefined between sweeps. */
  #unswept: Iterator<Watched> | undefined;

  constructor(clock: Clock, turn: EventLoopTurn) {
    this.#clock = clock;
    this.#turn = turn;
  }

  /** Until `unwatch`, which gets the result. */
  watch(peer: Peer): Watched {
    const now = this.#awakeMs();
    const watched: Watched = { peer, seenBytes: peer.socket.bytesRead, seenAtMs: now, pingedAtMs: now };
    this.#watched.add(watched);
    this.#scheduleSweep();
    return watched;
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
    watched.peer = undefined;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#unswept = undefined;
    this.#watched.clear();
  }

  readonly #sweep = (): void => {
    this.#cancel = undefined;
    this.#unswept = this.#watched.values();
    this.flush();
  };

  /** A part of a sweep: among many sockets it takes turns with their writes. */
  flush(): number {
    const now = this.#awakeMs();
    let pings = 0;
    for (let count = 0; count < lookedAtOnce; count += 1) {
      const next = this.#unswept?.next();
      if (next === undefined || next.done === true) {
        this.#unswept = undefined;
        if (this.#watched.size > 0) this.#scheduleSweep();
        return pings * writeCostBytes;
      }
      if (this.#look(next.value, now)) pings += 1;
    }
    this.#turn.add(this);
    return pings * writeCostBytes;
  }

  /** Not while one is under way. */
  #scheduleSweep(): void {
    if (this.#unswept === undefined) this.#cancel ??= this.#clock.after(sweepMs, this.#sweep);
  }

  /** Monotonic milliseconds without the pauses of the process. Read at each sweep while anybody is watched. */
  #awakeMs(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#pausedMs += Math.max(0, nowMs - this.#readAtMs - longestGapMs);
    this.#readAtMs = nowMs;
    return nowMs - this.#pausedMs;
  }

  /** Any byte is a sign of life, pongs too. A socket that we do not read from cannot show any. Answers whether it was pinged. */
  #look(watched: Watched, now: number): boolean {
    const { peer } = watched;
    if (peer === undefined) return false;
    const { ws, socket, messagePing } = peer;
    if (socket.bytesRead !== watched.seenBytes || ws.isPaused) {
      watched.seenBytes = socket.bytesRead;
      watched.seenAtMs = now;
    }
    if (ws.isPaused) return this.#ping(watched, ws, now, Math.min(pausedPingMs, peer.intervalMs));
    const intervalMs = messagePing?.afterMs ?? peer.intervalMs;
    const limitMs = messagePing === undefined ? silentIntervals * intervalMs : intervalMs + messagePing.answerWithinMs;
    if (now - watched.seenAtMs >= limitMs) {
      this.unwatch(watched);
      peer.onSilent();
      return false;
    }
    if (messagePing === undefined) return this.#ping(watched, ws, now, intervalMs);
    const sinceMs = Math.max(watched.pingedAtMs, watched.seenAtMs);
    const isDue = now - sinceMs >= intervalMs && ws.readyState === ws.OPEN;
    if (isDue) {
      watched.pingedAtMs = now;
      peer.sendPing?.(messagePing);
    }
    return isDue;
  }

  #ping(watched: Watched, ws: WebSocket, now: number, intervalMs: number): boolean {
    const isDue = now - watched.pingedAtMs >= intervalMs - earlyMs && ws.readyState === ws.OPEN;
    if (isDue) {
      watched.pingedAtMs = now;
      ws.ping();
    }
    return isDue;
  }
}
