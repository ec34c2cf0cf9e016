import { PubSubError } from '../../errors.js';
import type { ActOf, ActResult } from '../../protocols/acts.js';
import type { Payload } from '../../protocols/messages.js';

/** Invocations of one connection that its upstream works on, and bytes of their payloads; past either, its later requests wait. */
export const maxInvocations = 64;
const maxInvocationBytes = 2 * 1024 * 1024;

/** Clients may omit the payload; the upstream then gets an empty body. [client-protocols 4.2] */
const noPayload: Payload = { dataType: 'text', bytes: Buffer.alloc(0), metadata: undefined };

export type InvokeAct = ActOf<'invoke'>;

/** What the invocations of a connection need. */
export interface Invoker {
  /** @throws PubSubError `eventUnhandled`, `eventFailed`, `overloaded`, or `cancelled` by the signal */
  invoke(event: string, payload: Payload, signal: AbortSignal): Promise<Payload | undefined>;
  /** Lost when the connection has no socket: the response is neither numbered nor replayed. */
  respond(act: InvokeAct, result: ActResult): void;
  /** A fault of our own. */
  fault(error: PubSubError): void;
}

/** The invocations that one connection has under way. Each is answered when its upstream is done, in any order. [client-protocols 4.2, D19] */
export class Invocations {
  readonly #invoker: Invoker;
  /** Invocations that will be answered. A cancelled one is removed, although its upstream is still working on it. */
  readonly #awaited = new Map<string, InvokeAct>();
  /** The client may come back for the answer of none of them. */
  readonly #end = new AbortController();
  #underWay = 0;
  #bytes = 0;
  #hasRoom: (() => void) | undefined;
  #isIdle: (() => void) | undefined;

  constructor(invoker: Invoker) {
    this.#invoker = invoker;
  }

  /** Bytes of payloads that the upstream works on. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Starts one. A promise, when given, settles once there is room for another; it never rejects. */
  start(act: InvokeAct): Promise<void> | undefined {
    const { invocationId } = act;
    if (this.#awaited.has(invocationId)) {
      this.#invoker.respond(act, new PubSubError('conflict', `invocation ${invocationId} is under way already`));
      return undefined;
    }
    void this.#run(act);
    if (!this.#isFull()) return undefined;
    return new Promise(resolve => {
      this.#hasRoom = resolve;
    });
  }

  /**
   * The client cancels the response. The upstream is not notified: an event that was sent cannot be withdrawn, so only its
   * response is dropped. An id that is not under way is ignored. [client-protocols 4.2]
   */
  cancel(invocationId: string): void {
    this.#awaited.delete(invocationId);
  }

  /** The connection has ended: cancels the requests, since their responses are no longer needed. */
  abandon(): void {
    this.#awaited.clear();
    this.#end.abort();
  }

  /** Resolves when the upstream works on none; undefined when that is so. Called by one at a time. */
  whenIdle(): Promise<void> | undefined {
    if (this.#underWay === 0) return undefined;
    return new Promise(resolve => {
      this.#isIdle = resolve;
    });
  }

  #isFull(): boolean {
    return this.#underWay >= maxInvocations || this.#bytes >= maxInvocationBytes;
  }

  async #run(act: InvokeAct): Promise<void> {
    const { invocationId, payload = noPayload } = act;
    this.#awaited.set(invocationId, act);
    this.#underWay += 1;
    this.#bytes += payload.bytes.length;
    const result = await this.#invoke(act.event, payload);
    this.#underWay -= 1;
    this.#bytes -= payload.bytes.length;
    // The id may be in use again when an answer comes for one that was cancelled.
    if (this.#awaited.get(invocationId) === act) {
      this.#awaited.delete(invocationId);
      this.#invoker.respond(act, result);
    }
    if (this.#underWay === 0) this.#isIdle?.();
    if (this.#isFull()) return;
    this.#hasRoom?.();
    this.#hasRoom = undefined;
  }

  async #invoke(event: string, payload: Payload): Promise<ActResult> {
    try {
      return await this.#invoker.invoke(event, payload, this.#end.signal);
    } catch (cause) {
      const error = PubSubError.from(cause);
      if (error.kind === 'internal') this.#invoker.fault(error);
      return error;
    }
  }
}
