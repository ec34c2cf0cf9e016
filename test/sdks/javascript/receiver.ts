import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A JSON frame of the service, as far as the checks look. */
export interface Frame {
  readonly type: string;
  readonly event?: string;
  readonly connectionId?: string;
  readonly userId?: string | null;
  readonly from?: string;
  readonly group?: string;
  readonly fromUserId?: string | null;
  readonly dataType?: string;
  readonly data?: unknown;
  readonly message?: string | null;
  readonly ackId?: number;
  readonly success?: boolean;
  readonly error?: { readonly name: string };
}

const patienceMs = 5_000;

/** A WebSocket client of `json.webpubsub.azure.v1` that keeps what it gets. */
export class Receiver {
  readonly closed: Promise<number>;
  connectionId = '';
  userId: string | null | undefined;
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;

  constructor(readonly socket: WebSocket) {
    this.closed = once(socket, 'close').then(([code]) => Number(code));
    socket.on('message', data => {
      this.#frames.push(JSON.parse(String(data)) as Frame);
      this.#wake();
    });
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame that no one has taken yet. @throws after 5 s */
  async next(): Promise<Frame> {
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (deadline.aborted) throw new Error('no message came within 5 s');
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** The answer to a request that carries an ackId; nothing else may come before it. */
  async ask(request: object, ackId = 1): Promise<Frame> {
    this.send({ ...request, ackId });
    return this.next();
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close(1000);
    await this.closed;
  }
}

/** Resolves once the service has said `connected`. */
export async function connect(url: string): Promise<Receiver> {
  const socket = new WebSocket(url, 'json.webpubsub.azure.v1');
  const receiver = new Receiver(socket);
  receiver.closed.catch(() => undefined); // a refused upgrade is told by `open`
  await once(socket, 'open');
  const { event, connectionId, userId } = await receiver.next();
  if (event !== 'connected' || connectionId === undefined) throw new Error('the first frame is not `connected`');
  receiver.connectionId = connectionId;
  receiver.userId = userId;
  return receiver;
}
