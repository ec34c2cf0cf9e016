import type { StreamNotice } from '../acts.js';
import type { MessageError, Payload, ServerMessage, StateMessage } from '../messages.js';

/** What a Web PubSub dialogue says to its own client. [client-protocols 4.3] */
export type Reply =
  | { readonly kind: 'ack'; readonly ackId: bigint; readonly error: MessageError | undefined }
  | { readonly kind: 'pong' }
  | {
      readonly kind: 'invokeResponse';
      readonly invocationId: string;
      /** Of a success; undefined when the upstream's response is empty. */
      readonly payload: Payload | undefined;
      /** Undefined: success. */
      readonly error: MessageError | undefined;
    }
  | StreamNotice;

/** Every message to a client of JSON or protobuf. [client-protocols 4.3, 6.2] */
export type ClientMessage = ServerMessage | StateMessage | Reply;
