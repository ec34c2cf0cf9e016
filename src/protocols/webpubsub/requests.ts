import type { ActOf } from '../acts.js';
import type { Acked, Cancelled } from '../protocol.js';

/** An act that is answered by an ack, if it has an ackId. It is a uint64, hence bigint; undefined: no ack is requested. [client-protocols 4.2] */
export type AckedAct = ActOf<
  'join' | 'leave' | 'publish' | 'raise' | 'setGroupState' | 'subscribeGroupState' | 'unsubscribeGroupState'
> & { readonly ackId: bigint | undefined };

/** An act of a Web PubSub client. Invocations and streams have answers of their own. [client-protocols 4.2, 4.8] */
export type ClientAct =
  | AckedAct
  | (ActOf<'invoke' | 'streamStart' | 'streamData' | 'streamEnd'> & { readonly ackId?: undefined });

/** A request of a Web PubSub client. */
export type ClientRequest = ClientAct | Acked | Cancelled | { readonly kind: 'ping' };
