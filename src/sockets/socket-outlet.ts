import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.js';
import type { Outlet } from '../hub/ports.js';
import { FrameList, type Frames } from '../protocols/frames.js';
import { Run } from './run.js';
import type { EventLoopTurn, Flushable } from './turn.js';

/** What one socket may have waiting to be written. [client-protocols 8.1] */
export interface OutboundLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Within one turn a queue this long is written at once: only what the kernel does not take counts as waiting. */
const flushMessages = 256;
const flushBytes = 1024 * 1024;

/** Frames whose joined size is above this are not copied together; the copy would cost more than a second write. */
const maxJoinedBytes = 256 * 1024;

/** How long a peer has to answer our Close frame, and to end its side after its own. [client-protocols D11] */
export const closeTimeoutMs = 5_000;

/**
 * The way out to one socket. Data frames go to the raw socket, past ws, as Buffers that all receivers share; ws writes
 * the control frames. Both write whole frames, so they never mix.
 */
export class SocketOutlet implements Outlet, Flushable {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #turn: EventLoopTurn;
  readonly #clock: Clock;
  readonly #limits: OutboundLimits;
  readonly #onSlow: () => void;
  /** What is to be written, undefined when nothing is. */
  #due: Frames | undefined;
  /** Frames handed to the socket that the kernel has not taken; they count as waiting until `drain`. */
  #stuckMessages = 0;
  #isStuck = false;
  #isSlow = false;
  #isClosing = false;

  /** @param onSlow called once, when more waits than the limits allow */
  constructor(
    ws: WebSocket,
    socket: Duplex,
    turn: EventLoopTurn,
    clock: Clock,
    limits: OutboundLimits,
    onSlow: () => void,
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#turn = turn;
    this.#clock = clock;
    this.#limits = limits;
    this.#onSlow = onSlow;
  }

  send(frames: Frames): void {
    if (this.#isClosing) return;
    if (this.#due === undefined && !this.#isStuck) this.#turn.add(this);
    const due = this.#due === undefined ? frames : this.#runOf(this.#due).with(frames);
    this.#due = due;
    if (this.#isStuck) this.#checkLimits(due);
    else if (due.count >= flushMessages || due.payloadBytes >= flushBytes) this.flush();
  }

  flush(): void {
    const due = this.#due;
    if (this.#isStuck || due === undefined) return;
    this.#due = undefined;
    const isRoomLeft = this.#write(due);
    // `write` says no at its high-water mark even when the kernel has already taken everything.
    if (isRoomLeft || this.#socket.writableLength === 0) return;
    this.#isStuck = true;
    this.#stuckMessages = due.count;
    this.#socket.once('drain', this.#resume);
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#writeRest();
    this.#isClosing = true;
    this.#ws.resume(); // the peer's answer comes behind all that it has sent
    this.#ws.close(code, reason);
    const cancel = this.#clock.after(closeTimeoutMs, () => this.#ws.terminate());
    this.#ws.once('close', cancel);
  }

  /** The socket is gone or on its way out by ws's own doing: nothing more may be written. */
  abandon(): void {
    this.#isClosing = true;
    this.#due = undefined;
  }

  drop(): void {
    this.abandon();
    this.#ws.terminate();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  readonly #resume = (): void => {
    this.#isStuck = false;
    this.#stuckMessages = 0;
    this.#due = this.#due && fresh(this.#due, this.#clock.monotonicMs());
    this.flush();
  };

  /** The first that a socket is due needs no run; two make one, which begins where those of all sockets do. */
  #runOf(due: Frames): Run {
    return due instanceof Run ? due : this.#turn.start.with(due);
  }

  #write(due: Frames): boolean {
    if (due.count === 1 || due.payloadBytes <= maxJoinedBytes) return this.#socket.write(due.wire());
    this.#socket.cork();
    let isRoomLeft = true;
    for (const frame of due.each()) isRoomLeft = this.#socket.write(frame.wire());
    this.#socket.uncork();
    return isRoomLeft;
  }

  /** What was sent before a close arrives before it. */
  #writeRest(): void {
    const due = this.#due;
    this.#due = undefined;
    if (due !== undefined && this.#socket.writable) this.#write(due);
  }

  #checkLimits(due: Frames): void {
    const messages = due.count + this.#stuckMessages;
    const bytes = due.payloadBytes + this.#socket.writableLength;
    if (this.#isSlow || (messages <= this.#limits.maxMessages && bytes <= this.#limits.maxBytes)) return;
    this.#isSlow = true; // what is sent from here on is the goodbye
    this.#due = undefined;
    this.#onSlow();
  }
}

/** What of it is still of use; undefined when nothing is. [rest-api 5 › TTL] */
function fresh(frames: Frames, nowMs: number): Frames | undefined {
  if (frames.expiresAtMs > nowMs) return frames;
  const left = frames.each().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  return left.length === 0 ? undefined : new FrameList(left);
}
