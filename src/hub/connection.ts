import { PubSubError } from '../errors.js';
import type { Frames } from '../frames/frames.js';
import type { Act, MembershipTag } from '../protocols/acts.js';
import { type DataMessage, isDataMessage, type ServerMessage } from '../protocols/messages.js';
import type { Dialogue, InboundFrame, Numbering, Protocol, Step, Steps } from '../protocols/protocol.js';
import { ActQueue, type QueuedStep, type QueueOwner } from './act-queue.js';
import { type ConnectionParts, type Ended, type Link, release } from './connection-parts.js';
import { BodyBatch } from './delivery/batch.js';
import { ReplayBuffer } from './delivery/replay-buffer.js';
import { type Ending, slowClient } from './endings.js';
import type { Invocations } from './features/invocations.js';
import type { Streams } from './features/streams.js';
import type { Permissions } from './permissions.js';
import type { ConnectionEvents, Outlet } from './ports.js';
import type { RateWindow } from './rate-window.js';
import type { FrameWatch } from './watches.js';

/** What carries out a connection's requests. */
export interface ConnectionOwner {
  /** Carries out one act, and has it answered; a promise holds back the connection's later ones. Never throws or rejects. */
  execute(connection: Connection, act: Act): Promise<void> | undefined;
  received(connection: Connection, bytes: number): void;
  /** Flushes the messages that were sent to it before and are held for the end of the turn. */
  flush(connection: Connection): void;
}

/** What ends a connection that cannot go on. */
export interface ConnectionEnder {
  fail(connection: Connection, error: PubSubError): void;
}

const noGroups: ReadonlySet<string> = new Set();

/** One logical client. Other connections never wait for its acts. */
export class Connection implements QueueOwner {
  readonly id: string;
  /** Undefined: anonymous, until `Members.signIn` sets it, once. */
  userId: string | undefined;
  /** As spelled by the token or the upstream, for the `connected` message only: `""` is anonymous too. */
  readonly declaredUserId: string | undefined;
  readonly protocol: Protocol;
  readonly permissions: Permissions;
  readonly upstream: ConnectionEvents;
  /** Most connections have no invocations or streams. */
  invocations: Invocations | undefined;
  streams: Streams | undefined;
  /** Reliable protocols have one. */
  readonly replayBuffer: ReplayBuffer | undefined;
  /** Of messages of which a client may send only so many. */
  publishRate: RateWindow | undefined;
  /** While somebody watches its frames. */
  frameWatch: FrameWatch | undefined;
  /** These are made when they are needed: many clients are in no group, and only listen. */
  #groups: Set<string> | undefined;
  /** By group, of the memberships that have one. */
  #tags: Map<string, MembershipTag> | undefined;
  #dialogue: Dialogue | undefined;
  #queue: ActQueue | undefined;
  readonly #owner: ConnectionOwner;
  readonly #ender: ConnectionEnder;
  #link: Link;

  constructor(parts: ConnectionParts, owner: ConnectionOwner, ender: ConnectionEnder) {
    this.id = parts.id;
    this.userId = parts.userId || undefined;
    this.declaredUserId = parts.userId;
    this.protocol = parts.protocol;
    this.#dialogue = parts.dialogue;
    this.permissions = parts.permissions;
    this.upstream = parts.upstream;
    const { reliability } = parts.protocol;
    this.replayBuffer = parts.replay ?? (reliability && new ReplayBuffer(reliability));
    this.#owner = owner;
    this.#ender = ender;
    this.#link = parts.outlet
      ? { state: 'open', outlet: parts.outlet }
      : { state: 'suspended', cancelExpiry: () => {} };
  }

  get dialogue(): Dialogue {
    this.#dialogue ??= this.protocol.begin();
    return this.#dialogue;
  }

  get groups(): ReadonlySet<string> {
    return this.#groups ?? noGroups;
  }

  /** Undefined: it is not in the group, or a plain member of it. */
  tagOf(group: string): MembershipTag | undefined {
    return this.#tags?.get(group);
  }

  /** For `Members`, whose index of the group goes with it. A tag replaces the one that it had. False when it was in the group. */
  enter(group: string, tag?: MembershipTag): boolean {
    this.#groups ??= new Set();
    if (tag !== undefined) {
      this.#tags ??= new Map();
      this.#tags.set(group, tag);
    }
    if (this.#groups.has(group)) return false;
    this.#groups.add(group);
    return true;
  }

  /** As for `enter`. False when it was not in the group. */
  leave(group: string): boolean {
    this.#tags?.delete(group);
    return this.#groups?.delete(group) ?? false;
  }

  /** With a socket. */
  get isOpen(): boolean {
    return this.#link.state === 'open';
  }

  /** Bytes that wait in the queue of its socket. */
  get queuedBytes(): number {
    return this.#link.state === 'open' ? (this.#link.outlet.queuedBytes ?? 0) : 0;
  }

  /** With a socket, or waiting for its client to come back. */
  get isAlive(): boolean {
    return this.#link.state !== 'closed';
  }

  get isReliable(): boolean {
    return this.replayBuffer !== undefined;
  }

  /** The predefined subprotocol; undefined for simple clients. */
  get subprotocol(): string | undefined {
    return this.protocol.subprotocol;
  }

  /** Is this outlet the current one? A socket that a newer one has replaced is not. */
  isOn(outlet: Outlet): boolean {
    return this.#link.state === 'open' && this.#link.outlet === outlet;
  }

  /** Hands ready frames to the socket; without a socket they are lost. The caller has flushed what this connection was sent before. */
  send(frames: Frames): void {
    if (this.#link.state !== 'open') return;
    this.#link.outlet.send(frames);
    if (this.frameWatch !== undefined) this.frameWatch.sent(this, frames);
  }

  /** As `send`, for reliable connections: numbers the messages and keeps them until they are acknowledged. Returns the first id; undefined when not all can be kept, which ends the connection. */
  sendNumbered(batch: BodyBatch): number | undefined {
    if (!this.isAlive || this.replayBuffer === undefined) return undefined;
    const firstId = this.replayBuffer.nextId;
    const kept = this.replayBuffer.add(batch);
    if (this.isOpen && kept.length > 0) this.send(kept.framesFrom(firstId));
    if (kept === batch) return firstId;
    this.fail(slowClient.tooManyUnacknowledged());
    return undefined;
  }

  /** Sends frames of its dialogue to this client, after what it was sent before. */
  say(frames: Frames): void {
    this.#owner.flush(this);
    this.send(frames);
  }

  /** Sends a message to this client only; nothing is sent when its protocol cannot express it. Returns the bytes sent. */
  tell(message: ServerMessage): number | undefined {
    this.#owner.flush(this);
    const { encoder, reliability } = this.protocol;
    if (reliability !== undefined && isDataMessage(message)) return this.#tellNumbered(message, reliability.numbering);
    const frame = encoder.encode(message);
    if (frame !== undefined) this.send(frame);
    return frame?.bytes.length;
  }

  #tellNumbered(message: DataMessage, numbering: Numbering): number | undefined {
    const batch = BodyBatch.of([{ message, expiresAtMs: Number.POSITIVE_INFINITY }], numbering);
    const id = batch && this.sendNumbered(batch);
    batch?.forgetFrames();
    return id && batch?.sizesFrom(id)[0];
  }

  /** Ends it for an error of its own or of ours. */
  fail(error: PubSubError): void {
    this.#ender.fail(this, error);
  }

  /** One WebSocket message from the client, in order of arrival. */
  receive(frame: InboundFrame): void {
    if (this.#link.state !== 'open') return;
    const bytes = frame.bytes.length;
    this.#owner.received(this, bytes);
    if (this.frameWatch !== undefined) this.frameWatch.received(this, frame);
    const steps = this.dialogue.receive(frame);
    if (steps === undefined) return;
    if (isSeveral(steps)) this.#takeEach(steps, bytes);
    else this.#take(steps, bytes);
  }

  /** Starts no more requests; the one under way finishes, and pings are still answered. */
  quiesce(): void {
    this.#actQueue.quiesce();
  }

  /** Starts requests again, with those that wait. */
  unquiesce(): void {
    this.#queue?.finish();
  }

  /** For the queue. */
  begin(step: QueuedStep): Promise<void> | undefined {
    if (!(step instanceof PubSubError)) return this.#owner.execute(this, step);
    this.fail(step);
    return undefined;
  }

  /** For the queue. */
  pauseReading(): void {
    if (this.#link.state === 'open') this.#link.outlet.pause();
  }

  /** For the queue. */
  resumeReading(): void {
    if (this.#link.state === 'open') this.#link.outlet.resume();
  }

  get invocationBytes(): number {
    return this.invocations?.bytes ?? 0;
  }

  get #actQueue(): ActQueue {
    this.#queue ??= new ActQueue(this);
    return this.#queue;
  }

  /** False when the connection has ended, or a newer socket carries it on: the loss of this one does not matter then. */
  loses(outlet: Outlet): boolean {
    this.#owner.flush(this);
    return this.isOn(outlet);
  }

  /** The socket is closed, but the client may reconnect; `cancelExpiry` cancels the timer that would end the session. */
  suspend(cancelExpiry: () => void): void {
    this.#link = { state: 'suspended', cancelExpiry };
  }

  /** Attaches a new socket in place of the present one, if there is one. False when the connection has ended. */
  resume(outlet: Outlet): boolean {
    this.#owner.flush(this); // to the replay buffer, not to the new socket
    const link = this.#link;
    if (link.state === 'closed') return false;
    this.#link = { state: 'open', outlet };
    this.#queue?.onNewSocket();
    release(link);
    if (link.state === 'open') link.outlet.drop();
    return true;
  }

  /**
   * Begins to hand its session over: ends its socket, so that it gets no more input; what it got before is carried out, also
   * when it is quiet. It is frozen until it ends, or its client comes back here.
   * @param wake called when no act is under way any more, and when it is frozen no longer
   * @returns false when it has ended or is frozen already
   */
  freeze(wake: () => void): boolean {
    this.#owner.flush(this);
    const link = this.#link;
    if (link.state === 'closed' || link.state === 'frozen') return false;
    this.#link = { state: 'frozen', wake };
    release(link);
    if (link.state === 'open') link.outlet.drop();
    this.#queue?.finish();
    return true;
  }

  get isFrozen(): boolean {
    return this.#link.state === 'frozen';
  }

  /** An act is under way, which holds back later ones. */
  get isBusy(): boolean {
    return this.#queue?.isBusy ?? false;
  }

  onIdle(): void {
    if (this.#link.state === 'frozen') this.#link.wake();
  }

  /** Sends again what the client has not acknowledged. @param nowMs reads a monotonic clock */
  replay(nowMs: () => number): void {
    const frames = this.replayBuffer?.unacked(nowMs);
    if (frames !== undefined && frames.count > 0) this.send(frames);
  }

  /** Groups whose state changes the client missed and the replay does not contain. [client-protocols D24] */
  takeForgottenGroups(): readonly string[] {
    return this.replayBuffer?.takeForgottenGroups() ?? [];
  }

  /** Marks the connection as ended, the first time only. */
  end(ending: Ending): Ended | undefined {
    this.#owner.flush(this);
    const link = this.#link;
    if (link.state === 'closed') return undefined;
    release(link);
    this.#link = { state: 'closed', ending };
    this.#queue?.clear();
    this.invocations?.abandon();
    return { outlet: link.state === 'open' ? link.outlet : undefined };
  }

  /** @param bytes of their frame, which are counted once */
  #takeEach(steps: readonly Step[], bytes: number): void {
    for (let index = 0; index < steps.length && this.isAlive; index += 1) {
      this.#take(steps[index]!, index === 0 ? bytes : 0);
    }
  }

  #take(step: Step, bytes: number): void {
    switch (step.kind) {
      case 'say':
        this.say(step.frames);
        return;
      case 'acked':
        this.replayBuffer?.release(step.sequenceId); // no effect on a plain protocol [client-protocols D18]
        return;
      case 'cancelInvocation':
        this.invocations?.cancel(step.invocationId);
        this.#queue?.cancel(step.invocationId);
        return;
      default:
        this.#actQueue.add(step, bytes);
    }
  }
}

/** Array.isArray does not narrow read-only arrays. */
function isSeveral(steps: Exclude<Steps, undefined>): steps is readonly Step[] {
  return Array.isArray(steps);
}
