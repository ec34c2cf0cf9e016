import { type CloseCategory, PubSubError } from '../errors.js';
import type { Codec, Frame, InboundFrame } from '../protocols/codec.js';
import type { ClientRequest, ServerMessage } from '../protocols/messages.js';
import type { Permissions } from './permissions.js';
import type { Outlet, UpstreamSession } from './ports.js';
import { AckMemory } from './replay.js';

/** Requests held for one connection while an earlier one waits for its upstream; past either, its socket is not read. */
const maxWaiting = 128;
const maxWaitingBytes = 2 * 1024 * 1024;

/** How a connection ended. */
export interface Ending {
  readonly category: CloseCategory;
  /** For the `disconnected` event and logs. [upstream-events 1.4] */
  readonly reason: string;
}

/** What a connection is made of, once it is accepted. */
export interface ConnectionParts {
  readonly id: string;
  readonly hub: string;
  readonly userId: string | undefined;
  readonly codec: Codec;
  readonly permissions: Permissions;
  readonly upstream: UpstreamSession;
  readonly outlet: Outlet;
}

/** What a connection needs from its hub. */
export interface ConnectionOwner {
  /** Carries out one request; a promise holds back the connection's later ones. Never throws or rejects. */
  execute(connection: Connection, request: ClientRequest): Promise<void> | undefined;
  /** A frame that is not a request ends its connection. */
  fail(connection: Connection, error: PubSubError): void;
  received(connection: Connection, bytes: number): void;
}

type Waiting = { readonly request: ClientRequest | PubSubError; readonly bytes: number };

/** One logical client. Its requests run strictly one after another; other connections never wait for them. */
export class Connection {
  readonly id: string;
  readonly hub: string;
  readonly userId: string | undefined;
  readonly codec: Codec;
  /** The subprotocol's name, or `simple`, for metrics. */
  readonly protocol: string;
  readonly permissions: Permissions;
  readonly upstream: UpstreamSession;
  readonly groups = new Set<string>();
  readonly acks = new AckMemory();
  readonly #owner: ConnectionOwner;
  #link: { readonly state: 'open'; readonly outlet: Outlet } | { readonly state: 'closed'; readonly ending: Ending };
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  #isPaused = false;
  #isQuiet = false;

  constructor(parts: ConnectionParts, owner: ConnectionOwner) {
    this.id = parts.id;
    this.hub = parts.hub;
    this.userId = parts.userId;
    this.codec = parts.codec;
    this.protocol = parts.codec.subprotocol ?? 'simple';
    this.permissions = parts.permissions;
    this.upstream = parts.upstream;
    this.#owner = owner;
    this.#link = { state: 'open', outlet: parts.outlet };
  }

  get isOpen(): boolean {
    return this.#link.state === 'open';
  }

  /** Hands a ready frame to the socket. */
  deliver(frame: Frame): void {
    if (this.#link.state === 'open') this.#link.outlet.send(frame);
  }

  /** Tells this client alone; nothing is sent when its protocol has no words for it. Answers the bytes sent. */
  tell(message: ServerMessage): number | undefined {
    const frame = this.codec.encoder.encode(message);
    if (frame !== undefined) this.deliver(frame);
    return frame?.bytes.length;
  }

  /** One WebSocket message from the client, in order of arrival. */
  receive(frame: InboundFrame): void {
    if (this.#link.state !== 'open') return;
    const bytes = frame.bytes.length;
    this.#owner.received(this, bytes);
    const request = this.#decode(frame);
    if (this.#answerOutOfTurn(request)) return;
    if (this.#isBusy || this.#isQuiet) this.#hold({ request, bytes });
    else this.#start(request);
  }

  /** Starts no more requests; the one under way finishes, and pings are still answered. */
  quiesce(): void {
    this.#isQuiet = true;
  }

  /** Marks the connection as ended and answers its way out, the first time only. */
  end(ending: Ending): Outlet | undefined {
    if (this.#link.state === 'closed') return undefined;
    const { outlet } = this.#link;
    this.#link = { state: 'closed', ending };
    this.#waiting = [];
    return outlet;
  }

  #decode(frame: InboundFrame): ClientRequest | PubSubError {
    try {
      return this.codec.decode(frame);
    } catch (error) {
      return PubSubError.from(error);
    }
  }

  /**
   * Liveness must not wait for a slow upstream: clients drop a transport that does not answer. sequenceAck means
   * nothing on a plain protocol, and no invocation is ever under way to be cancelled. [client-protocols D18]
   */
  #answerOutOfTurn(request: ClientRequest | PubSubError): boolean {
    if (request instanceof PubSubError) return false;
    if (request.kind === 'ping') this.tell({ kind: 'pong' });
    return request.kind === 'ping' || request.kind === 'sequenceAck' || request.kind === 'cancelInvocation';
  }

  #start(request: ClientRequest | PubSubError): void {
    if (request instanceof PubSubError) {
      this.#owner.fail(this, request);
      return;
    }
    const pending = this.#owner.execute(this, request);
    if (pending === undefined) return;
    this.#isBusy = true;
    void pending.then(this.#next);
  }

  #hold(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
    if (this.#isPaused || !this.#isFull() || this.#link.state !== 'open') return;
    this.#isPaused = true;
    this.#link.outlet.pause();
  }

  readonly #next = (): void => {
    this.#isBusy = false;
    while (!this.#isBusy && !this.#isQuiet && this.#link.state === 'open') {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      this.#waitingBytes -= waiting.bytes;
      this.#start(waiting.request);
    }
    if (!this.#isPaused || this.#isFull() || this.#link.state !== 'open') return;
    this.#isPaused = false;
    this.#link.outlet.resume();
  };

  #isFull(): boolean {
    return this.#waiting.length >= maxWaiting || this.#waitingBytes >= maxWaitingBytes;
  }
}
