import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';

/** Who reads a WebSocket: an entrance until the client is admitted, then its connection's `ClientSocket`. */
export interface SocketReader {
  receive(bytes: Buffer, isBinary: boolean): void;
  /** ws has already sent the Close frame that the error calls for (1002, 1007 or 1009); `close` follows. */
  fail(error: Error): void;
  /** Called last. */
  close(code: number, reason: Buffer): void;
}

/** Largest message that is read after a Close frame is sent, in bytes: the peer's own is never larger. [RFC 6455 5.5] */
const maxControlBytes = 125;

/** Reads the frames of a WebSocket; ws's type declarations lack it. */
interface Receiver {
  _maxPayload: number;
}

/** ws's part of a client. Its listeners are the same functions for all sockets: closures would take memory in each. */
export class ClientWebSocket extends WebSocket {
  /** Undefined: what comes in is dropped. */
  reader: SocketReader | undefined = undefined;
  /** The TCP or TLS socket; set by `begin`, before anything is read. */
  socket!: Socket;
  #onClosed: (() => void) | undefined = undefined;
  /** Set by ws, with the socket. */
  declare private readonly _receiver: Receiver;

  /** @param onClosed called once, after the reader's `close` */
  begin(socket: Socket, onClosed: () => void): void {
    this.socket = socket;
    this.#onClosed = onClosed;
    this.on('message', onMessage);
    this.on('error', onError);
    this.on('close', onClose);
  }

  /** Of messages from here on: the first frame of a larger one closes the socket with 1009. */
  limitMessages(maxBytes: number): void {
    this._receiver._maxPayload = maxBytes;
  }

  /** Sends a Close frame. A large message that comes instead of the answer is not put together, and ends the socket. */
  override close(code?: number, reason?: string | Buffer): void {
    this.limitMessages(maxControlBytes);
    super.close(code, reason);
  }

  closed(code: number, reason: Buffer): void {
    this.reader?.close(code, reason);
    this.#onClosed?.();
  }
}

function onMessage(this: WebSocket, bytes: RawData, isBinary: boolean): void {
  (this as ClientWebSocket).reader?.receive(bytes as Buffer, isBinary);
}

function onError(this: WebSocket, error: Error): void {
  (this as ClientWebSocket).reader?.fail(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  (this as ClientWebSocket).closed(code, reason);
}
