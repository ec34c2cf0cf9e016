import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.js';
import { type Frames, maxJoinedBytes } from '../frames/frames.js';
import { Run } from '../frames/run.js';
import type { Outlet } from '../hub/ports.js';
import { Backlog, fresh, type Piece } from './backlog.js';
import type { EventLoopTurn, Flushable } from './turn.js';

/** What one socket may have waiting to be written. [client-protocols 8.1] */
export interface OutboundLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** How long a peer has to answer our Close frame, and to end its side after its own. [client-protocols D11] */
export const closeTimeoutMs = 5_000;

const noBytes = Buffer.alloc(0);

export interface SocketOutletParts {
  readonly ws: WebSocket;
  /** That the WebSocket is on. */
  readonly socket: Duplex;
  readonly turn: EventLoopTurn;
  readonly clock: Clock;
  readonly limits: OutboundLimits;
  /**
   * Of the response to the upgrade, to be written with the first message; undefined when it is written already. Whoever gives
   * it flushes the outlet, within the same call: until then it waits for no turn's end.
   */
  readonly head?: string | undefined;
}

/** Who is told that more waits than the limits allow. */
export interface SlowWatcher {
  onSlow(): void;
}

/**
 * The way out to one socket. Data frames go to the raw socket, past ws, as Buffers that all receivers share; ws writes
 * the control frames. Both write whole messages, so they never mix.
 *
 * A socket that does not take what it was handed is handed nothing more until it has, its Close frame included: what
 * waits is not even put together. [design 8]
 */
export class SocketOutlet implements Outlet, Flushable {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #turn: EventLoopTurn;
  readonly #clock: Clock;
  readonly #limits: OutboundLimits;
  /** Of the response to the upgrade, until it is written: nothing is written before it. */
  #head: string | undefined;
  #watcher: SlowWatcher | undefined;
  /** What comes before all that is due; made when that is too much for one write. */
  #backlog: Backlog | undefined;
  /** What is to be written, undefined when nothing is. */
  #due: Frames | undefined;
  /** The Close frame, until it is sent; nothing is enqueued behind it. */
  #closeFrame: { readonly code: number; readonly reason: string } | undefined;
  /** Messages handed to the socket that the kernel has not taken; they count as waiting until `drain`. */
  #stuckMessages = 0;
  #isStuck = false;
  /** Of a slow socket only the close message is sent; of a closing one, what it was due and the Close frame. */
  #state: 'open' | 'slow' | 'closing' = 'open';

  constructor({ ws, socket, turn, clock, limits, head }: SocketOutletParts) {
    this.#ws = ws;
    this.#socket = socket;
    this.#turn = turn;
    this.#clock = clock;
    this.#limits = limits;
    this.#head = head;
  }

  /** Tells it, once, when more waits than the limits allow; at once when that was so before. */
  watch(watcher: SlowWatcher): void {
    this.#watcher = watcher;
    if (this.#state === 'slow') watcher.onSlow();
  }

  /** Of payloads, and what the socket was handed and the kernel has not taken. */
  get queuedBytes(): number {
    return (this.#due?.payloadBytes ?? 0) + (this.#backlog?.payloadBytes ?? 0) + this.#socket.writableLength;
  }

  send(frames: Frames): void {
    if (this.#state === 'closing') return;
    if (this.#isIdle()) this.#turn.add(this);
    const due = this.#due === undefined ? frames : this.#runOf(this.#due).with(frames);
    this.#due = due;
    if (this.#isStuck) this.#checkLimits();
    else if (due.count > this.#limits.maxMessages || due.payloadBytes > this.#limits.maxBytes) this.#catchUp();
  }

  flush(): number {
    if (this.#isStuck) return 0;
    const bytes = this.#writeNext();
    if (this.#isStuck) return bytes;
    if (this.#isAnythingLeft()) this.#turn.add(this);
    else if (this.#closeFrame !== undefined) this.#sendCloseFrame(this.#closeFrame);
    return bytes;
  }

  close(code: number, reason: string): void {
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    this.#closeFrame = { code, reason };
    if (!this.#socket.writable) this.#forget();
    this.#ws.resume(); // the peer's answer comes behind all that it has sent
    const cancel = this.#clock.after(closeTimeoutMs, () => this.#ws.terminate());
    this.#ws.once('close', cancel);
    this.flush();
  }

  /** The socket is gone or on its way out by ws's own doing: nothing more may be written. */
  abandon(): void {
    this.#state = 'closing';
    this.#closeFrame = undefined;
    this.#head = undefined;
    this.#forget();
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

  #onDrained(): void {
    this.#isStuck = false;
    this.#stuckMessages = 0;
    if (this.#isAnythingLeft() || this.#closeFrame !== undefined) this.#turn.add(this);
  }

  /** From the second item on, a socket holds a run. All runs start from the turn's empty one, so equal queues are one object. */
  #runOf(due: Frames): Run {
    return due instanceof Run ? due : this.#turn.start.with(due);
  }

  /** Writes all that the kernel takes: only what it does not take counts as waiting. */
  #catchUp(): void {
    while (!this.#isStuck && this.#isAnythingLeft()) this.#writeNext();
    if (this.#isStuck) this.#checkLimits();
  }

  /** @returns the bytes written */
  #writeNext(): number {
    if (this.#ws.readyState !== this.#ws.OPEN) this.abandon(); // no data follows a Close frame [RFC 6455 5.5.1]
    if (this.#backlog !== undefined) return this.#writePiece(this.#backlog);
    const due = this.#due && fresh(this.#due, this.#clock);
    this.#due = undefined;
    if (due !== undefined && due.payloadBytes <= maxJoinedBytes) {
      this.#handed(this.#socket.write(this.#behindHead(due.wire())), due.count);
      return due.payloadBytes;
    }
    if (this.#head !== undefined) this.#socket.write(this.#behindHead(noBytes));
    if (due === undefined) return 0;
    this.#backlog = new Backlog(due);
    return this.#writePiece(this.#backlog);
  }

  /** One Buffer: a socket takes one in less time than two. Hot path. */
  #behindHead(wire: Buffer): Buffer {
    const head = this.#head;
    if (head === undefined) return wire;
    this.#head = undefined;
    const joined = Buffer.allocUnsafe(head.length + wire.length);
    joined.write(head, 0, 'latin1');
    joined.set(wire, head.length);
    return joined;
  }

  #writePiece(backlog: Backlog): number {
    const piece = backlog.next(this.#clock);
    if (piece === undefined) {
      this.#backlog = undefined;
      return 0;
    }
    this.#handed(this.#writeTogether(piece), piece.count);
    return piece.bytes;
  }

  #writeTogether({ buffers }: Piece): boolean {
    let isRoomLeft = true;
    this.#socket.cork();
    for (const buffer of buffers) isRoomLeft = this.#socket.write(buffer);
    this.#socket.uncork();
    return isRoomLeft;
  }

  /** `write` returns false at its high-water mark even when the kernel has already taken everything. */
  #handed(isRoomLeft: boolean, messages: number): void {
    if (isRoomLeft || this.#socket.writableLength === 0) return;
    this.#isStuck = true;
    this.#stuckMessages = messages;
    this.#socket.once('drain', () => this.#onDrained());
  }

  /** Does nobody flush it? */
  #isIdle(): boolean {
    return !this.#isAnythingLeft() && !this.#isStuck && this.#head === undefined;
  }

  #isAnythingLeft(): boolean {
    return this.#due !== undefined || this.#backlog !== undefined;
  }

  #forget(): void {
    this.#due = undefined;
    this.#backlog = undefined;
  }

  #sendCloseFrame({ code, reason }: { readonly code: number; readonly reason: string }): void {
    this.#closeFrame = undefined;
    this.#ws.close(code, reason);
  }

  #checkLimits(): void {
    const messages = (this.#due?.count ?? 0) + (this.#backlog?.count ?? 0) + this.#stuckMessages;
    const bytes = this.queuedBytes;
    if (this.#state !== 'open' || (messages <= this.#limits.maxMessages && bytes <= this.#limits.maxBytes)) return;
    this.#state = 'slow';
    this.#forget();
    this.#watcher?.onSlow();
  }
}
