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

/** ws's part of a client. Its listeners are the same functions for all sockets: closures would take memory in each. */
export class ClientWebSocket extends WebSocket {
  /** Undefined: what comes in is dropped. */
  reader: SocketReader | undefined = undefined;
  /** The TCP or TLS socket; set by `begin`, before anything is read. */
  socket!: Socket;
  #onClosed: (() => void) | undefined = undefined;

  /** @param onClosed called once, after the reader's `close` */
  begin(socket: Socket, onClosed: () => void): void {
    this.socket = socket;
    this.#onClosed = onClosed;
    this.on('message', onMessage);
    this.on('error', onError);
    this.on('close', onClose);
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
