import type { Socket } from 'node:net';

/**
 * Detects that a client disconnects while its upgrade waits for the upstream. Node reads such a socket, into its buffer, so
 * that its end is noticed as long as nothing is in there; early bytes remain for the WebSocket parser.
 */
export class Departure {
  readonly #socket: Socket;
  readonly #onLeave: () => void;
  #isGone = false;

  /** @param onLeave called once, when the client leaves before `isOver` is called */
  constructor(socket: Socket, onLeave: () => void) {
    this.#socket = socket;
    this.#onLeave = onLeave;
    socket.on('end', this.#leave);
    socket.on('close', this.#leave);
  }

  /** Has the client left? Stops watching either way. */
  isOver(): boolean {
    this.#stop();
    if (this.#isGone) this.#socket.destroy();
    return this.#isGone || this.#socket.destroyed;
  }

  readonly #leave = (): void => {
    this.#isGone = true;
    this.#stop();
    this.#onLeave();
  };

  #stop(): void {
    this.#socket.off('end', this.#leave);
    this.#socket.off('close', this.#leave);
  }
}
