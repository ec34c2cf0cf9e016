import { PubSubError } from '../../errors.js';
import type { Frame, Frames } from '../../frames/frames.js';
import type { ActResult, InvokeResult, StreamNotice } from '../acts.js';
import type { MessageError } from '../messages.js';
import { type Dialogue, type DialogueRecord, decoded, type InboundFrame, type Step } from '../protocol.js';
import { AckMemory } from './ack-memory.js';
import type { Reply } from './replies.js';
import type { ClientAct, ClientRequest } from './requests.js';

/** One wire form of the dialogue. */
export interface WireForm {
  /** @throws PubSubError `malformed`, `wrongFrameType` */
  decode(frame: InboundFrame): ClientRequest;
  /** Every reply has a frame. */
  encodeReply(reply: Reply): Frame;
  readonly pong: Step;
}

/** Encodes the answer to `ping` once. */
export function pongOf(encodeReply: (reply: Reply) => Frame): Step {
  return { kind: 'say', frames: encodeReply({ kind: 'pong' }) };
}

/**
 * The dialogue of JSON and protobuf: each request with an ackId is acked, once it has succeeded or failed; a failure ends
 * no connection. An ackId that succeeded before is a duplicate, and its request is not carried out again. Pings, sequence
 * acks and cancellations are handled at once, since none of them may wait behind an event: clients drop a transport whose
 * pings are not answered. [client-protocols 4.2, 4.4, D18]
 */
export class WebPubSubDialogue implements Dialogue {
  readonly #form: WireForm;
  /** Made when there is something to remember: many clients request no acks. */
  #acks: AckMemory | undefined;

  constructor(form: WireForm, record?: DialogueRecord) {
    this.#form = form;
    this.#acks = record && AckMemory.from(record.acks);
  }

  receive(frame: InboundFrame): Step {
    const request = decoded(this.#form.decode, frame);
    return request.kind === 'ping' ? this.#form.pong : request;
  }

  /** Decided in the request's turn: one with the same ackId may be under way before it. */
  repeated({ ackId }: ClientAct): Frames | undefined {
    if (ackId === undefined || this.#acks === undefined || !this.#acks.has(ackId)) return undefined;
    return this.#ack(ackId, { name: 'Duplicate', message: `Message with ack-id: ${ackId} has been processed` });
  }

  answer(act: ClientAct, result: ActResult): Frames | undefined {
    if (act.kind === 'invoke') return this.#invokeResponse(act.invocationId, result as InvokeResult);
    const { ackId } = act;
    if (ackId === undefined) return undefined;
    if (result instanceof PubSubError) return this.#ack(ackId, errorOf(result));
    this.#acks ??= new AckMemory();
    this.#acks.remember(ackId);
    return this.#ack(ackId, undefined);
  }

  notice(notice: StreamNotice): Frames {
    return this.#form.encodeReply(notice);
  }

  record(): DialogueRecord | undefined {
    return this.#acks && { acks: this.#acks.record() };
  }

  #ack(ackId: bigint, error: MessageError | undefined): Frames {
    return this.#form.encodeReply({ kind: 'ack', ackId, error });
  }

  #invokeResponse(invocationId: string, result: InvokeResult): Frames {
    const [payload, error] =
      result instanceof PubSubError ? [undefined, errorOf(result)] : ([result, undefined] as const);
    return this.#form.encodeReply({ kind: 'invokeResponse', invocationId, payload, error });
  }
}

/** Clients do not get details of upstream failures. [client-protocols 4.3, upstream-events D28] */
function errorOf(error: PubSubError): MessageError {
  return { name: error.outcome.ack, message: error.publicText };
}
