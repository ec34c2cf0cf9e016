import { outcomes, PubSubError } from '../../errors.js';
import type { ClientRequest, Payload, ServerMessage } from '../../protocols/messages.js';

/** Invocations of one connection that its upstream works on, and bytes of their payloads; past either, its later requests wait. */
export const maxInvocations = 64;
const maxInvocationBytes = 2 * 1024 * 1024;

/** Clients may omit the payload; the upstream then gets an empty body. [client-protocols 4.2] */
const noPayload: Payload = { dataType: 'text', bytes: Buffer.alloc(0), metadata: undefined };

export type InvokeResponse = ServerMessage & { kind: 'invokeResponse' };

/** What an invocation needs of its connection. */
export interface Invoker {
  /** @throws PubSubError `eventUnhandled`, `eventFailed`, `overloaded`, or `cancelled` by the signal */
  ask(event: string, payload: Payload, signal: AbortSignal): Promise<Payload | undefined>;
  /** Lost when the connection has no socket: the response is neither numbered nor replayed. */
  respond(response: InvokeResponse): void;
  /** A fault of our own. */
  fault(error: PubSubError): void;
}

/** The invocations that one connection has under way. Each is answered when its upstream is done, in any order. [client-protocols 4.2, D19] */
export class Invocations {
  /** Invocations that will be answered. A cancelled one is removed, although its upstream is still working on it. */
  readonly #awaited = new Map<string, object>();
  /** The client may come back for the answer of none of them. */
  readonly #end = new AbortController();
  #underWay = 0;
  #bytes = 0;
  #hasRoom: (() => void) | undefined;

  /** Bytes of payloads that the upstream works on. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Starts one. A promise, when given, settles once there is room for another; it never rejects. */
  start(request: ClientRequest & { kind: 'invoke' }, invoker: Invoker): Promise<void> | undefined {
    const { invocationId } = request;
    if (this.#awaited.has(invocationId)) {
      const error = { name: outcomes.conflict.ack, message: `invocation ${invocationId} is under way already` };
      invoker.respond({ kind: 'invokeResponse', invocationId, payload: undefined, error });
      return undefined;
    }
    void this.#run(request, invoker);
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

  #isFull(): boolean {
    return this.#underWay >= maxInvocations || this.#bytes >= maxInvocationBytes;
  }

  async #run({ invocationId, event, payload = noPayload }: ClientRequest & { kind: 'invoke' }, invoker: Invoker) {
    const ticket = {}; // the id may be in use again when an answer comes for one that was cancelled
    this.#awaited.set(invocationId, ticket);
    this.#underWay += 1;
    this.#bytes += payload.bytes.length;
    const result = await ask(invoker, event, payload, this.#end.signal);
    this.#underWay -= 1;
    this.#bytes -= payload.bytes.length;
    if (this.#awaited.get(invocationId) === ticket) {
      this.#awaited.delete(invocationId);
      invoker.respond({ kind: 'invokeResponse', invocationId, ...result });
    }
    if (this.#isFull()) return;
    this.#hasRoom?.();
    this.#hasRoom = undefined;
  }
}

type Result = Pick<InvokeResponse, 'payload' | 'error'>;

async function ask(invoker: Invoker, event: string, payload: Payload, signal: AbortSignal): Promise<Result> {
  try {
    return { payload: await invoker.ask(event, payload, signal), error: undefined };
  } catch (cause) {
    const error = PubSubError.from(cause);
    if (error.kind === 'internal') invoker.fault(error);
    // Clients do not get details of upstream failures. [client-protocols 4.3, upstream-events D28]
    return { payload: undefined, error: { name: error.outcome.ack, message: error.publicText } };
  }
}
