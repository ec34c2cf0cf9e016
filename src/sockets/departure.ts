import type { Socket } from 'node:net';

/**
 * Detects that a client disconnects while its upgrade waits for the upstream. Such a socket is not read, so its end would
 * not be noticed; early bytes remain in the socket for the WebSocket parser.
 */
export class Departure {
  readonly #socket: Socket;
  readonly #onLeave: () => void;
  #isGone = false;

  /** @param onLeave called once, when the client leaves before `isOver` is called */
  constructor(socket: Socket, onLeave: () => void) {
    this.#socket = socket;
    this.#onLeave = onLeave;
    socket.on('readable', this.#look);
    socket.once('end', this.#leave);
    socket.once('close', this.#leave);
  }

  /** Has the client left? Stops watching either way. */
  isOver(): boolean {
    this.#stop();
    if (this.#isGone) this.#socket.destroy();
    return this.#isGone || this.#socket.destroyed;
  }

  /** With nothing left to read, `read` is what makes the stream announce its end. */
  readonly #look = (): void => {
    if (this.#socket.readableLength === 0) this.#socket.read(0);
  };

  readonly #leave = (): void => {
    this.#isGone = true;
    this.#stop();
    this.#onLeave();
  };

  #stop(): void {
    this.#socket.off('readable', this.#look);
    this.#socket.off('end', this.#leave);
    this.#socket.off('close', this.#leave);
  }
}
