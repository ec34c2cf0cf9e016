import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock, Outlet } from '../hub/ports.js';
import type { Frame } from '../protocols/codec.js';
import { type Flushable, Joiner, type Turn } from './turn.js';
import { wireOf } from './wire.js';

/** What one socket may have waiting to be written. [client-protocols 8.1] */
export interface OutboundLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Within one turn a queue this long is written at once: only what the kernel does not take counts as waiting. */
const flushMessages = 256;
const flushBytes = 1024 * 1024;

/** How long a peer has to answer our Close frame, and to end its side after its own. [client-protocols D11] */
export const closeTimeoutMs = 5_000;

/**
 * The way out to one socket. Data frames go to the raw socket, past ws, as Buffers that all receivers share; ws writes
 * the control frames. Both write whole frames, so they never mix.
 */
export class SocketOutlet implements Outlet, Flushable {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #turn: Turn;
  readonly #clock: Clock;
  readonly #limits: OutboundLimits;
  readonly #onSlow: () => void;
  #queue: Frame[] = [];
  #queuedBytes = 0;
  /** Frames handed to the socket that the kernel has not taken; they count as waiting until `drain`. */
  #stuckMessages = 0;
  #isStuck = false;
  #isSlow = false;
  #isClosing = false;

  /** @param onSlow called once, when more waits than the limits allow */
  constructor(ws: WebSocket, socket: Duplex, turn: Turn, clock: Clock, limits: OutboundLimits, onSlow: () => void) {
    this.#ws = ws;
    this.#socket = socket;
    this.#turn = turn;
    this.#clock = clock;
    this.#limits = limits;
    this.#onSlow = onSlow;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    if (this.#queue.length === 0 && !this.#isStuck) this.#turn.add(this);
    this.#queue.push(frame);
    this.#queuedBytes += frame.bytes.length;
    if (this.#isStuck) this.#checkLimits();
    else if (this.#queue.length >= flushMessages || this.#queuedBytes >= flushBytes) this.flush(new Joiner());
  }

  flush(joiner: Joiner): void {
    if (this.#isStuck || this.#queue.length === 0) return;
    const run = this.#queue;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    const isRoomLeft = this.#write(run, joiner.join(run, bytes));
    // `write` says no at its high-water mark even when the kernel has already taken everything.
    if (isRoomLeft || this.#socket.writableLength === 0) return;
    this.#isStuck = true;
    this.#stuckMessages = run.length;
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
    this.#dropQueue();
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
    this.flush(new Joiner());
  };

  #write(run: readonly Frame[], joined: Buffer | undefined): boolean {
    if (joined !== undefined) return this.#socket.write(joined);
    this.#socket.cork();
    let isRoomLeft = true;
    for (const frame of run) isRoomLeft = this.#socket.write(wireOf(frame));
    this.#socket.uncork();
    return isRoomLeft;
  }

  /** What was sent before a close arrives before it, unless the peer is too slow to hear it. */
  #writeRest(): void {
    const run = this.#queue;
    this.#dropQueue();
    if (run.length > 0 && this.#socket.writable) this.#write(run, undefined);
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #checkLimits(): void {
    const messages = this.#queue.length + this.#stuckMessages;
    const bytes = this.#queuedBytes + this.#socket.writableLength;
    if (this.#isSlow || (messages <= this.#limits.maxMessages && bytes <= this.#limits.maxBytes)) return;
    this.#isSlow = true; // what is sent from here on is the goodbye
    this.#dropQueue();
    this.#onSlow();
  }
}
