import type { ErrorKind } from '../../../../src/errors.js';
import type { Frame, Frames } from '../../../../src/frames/frames.js';
import type { ActOf, ActResult } from '../../../../src/protocols/acts.js';
import type { ServerMessage } from '../../../../src/protocols/messages.js';
import type {
  ActAnswer,
  Dialogue,
  Encoder,
  InboundFrame,
  Protocol,
  Steps,
} from '../../../../src/protocols/protocol.js';

/*
 * A sketch: the types of a Pusher dialogue, protocol 7. It is compiled, and nothing runs it.
 *
 * - Handshake: the app key is in the path, so the entrance upgrades, then admits or closes (4001 no such app, 4007 version).
 *   After admission the hub tells every client `connected`; Pusher's encoder makes `pusher:connection_established` of it,
 *   with the connection's id as its socket_id, which the entrance has given in that form.
 * - Subscribe: `receive` checks the signature with the app's secret, which the entrance gave to the dialogue. A valid one is
 *   a `join`; in a presence channel it carries the member as the tag of the membership. Its `answer` is
 *   `subscription_succeeded`, in a presence channel with the members: those are a result of the join. Refusals are a
 *   `subscription_error` and a `pusher:error`, two frames in one answer. A bad signature is that answer as `say`.
 * - Unsubscribe: a `leave`, whose answer is nothing.
 * - Client events: a `publish` with `noEcho` and the event's name, which group messages get, for other protocols to ignore.
 *   Nothing acknowledges it: its answer is undefined, or a `pusher:error` with code null.
 * - Pings: the client's `pusher:ping` is a `say` of one constant frame. The service's is sent by the sockets' keep-alive
 *   after a silence (`protocolPing`), since a dialogue has no clock; the limit of client events is the hub's likewise.
 * - Malformed frames end nothing: they are `pusher:error`, a `say`. So `receive` gives no error at all.
 * - Close codes are 4xxx: 4100 over capacity, 4200 reconnect at once, 4009 unauthorised; never 43xx.
 * - No numbering, so no reliability, and `repeated` is always undefined. State: the member of each presence channel, which
 *   the membership's tag has too; the signed-in user. Only the latter is in the record.
 */

/** `channel_data` of a presence channel, as it was signed. */
export interface PresenceMember {
  readonly userId: string;
  readonly userInfo: unknown;
}

/** The tag is for the hub's membership; that the channel is a presence channel shows in it. */
export type Subscribe = ActOf<'join'> & { readonly tag: PresenceMember | undefined };
export type Unsubscribe = ActOf<'leave'>;
export type ClientEvent = ActOf<'publish'> & { readonly noEcho: true; readonly event: string };
export type PusherAct = Subscribe | Unsubscribe | ClientEvent;

/** A join's result, once memberships have tags. */
export type PusherResult = ActResult | { readonly members: readonly PresenceMember[] };

/** What a subscription is checked with; the secret stays behind the function. */
export interface PusherApp {
  readonly key: string;
  readonly socketId: string;
  isSigned(text: string, signature: string): boolean;
  readonly takesClientEvents: boolean;
}

export interface PusherRecord {
  readonly [name: string]: unknown;
  readonly signedIn: { readonly id: string; readonly userData: string } | undefined;
}

export interface PusherDialogue extends Dialogue {
  receive(frame: InboundFrame): Exclude<Steps, Error>;
  repeated(act: PusherAct): undefined;
  answer(act: PusherAct, result: PusherResult): Frames | undefined;
  notice(): undefined;
  record(): PusherRecord | undefined;
}

export interface PusherEncoder extends Encoder {
  /** `connection_established` of `connected`, `pusher:error` of `disconnected`, an event with its channel of a group message. */
  encode(message: ServerMessage): Frame | undefined;
  readonly encodeState?: never;
}

export type PusherCode = 4001 | 4003 | 4004 | 4007 | 4009 | 4100 | 4200 | 4201;

export interface PusherProtocol extends Protocol {
  readonly name: 'pusher';
  readonly subprotocol: undefined;
  readonly encoder: PusherEncoder;
  readonly reliability: undefined;
  readonly closeCodes: Readonly<Record<ErrorKind, PusherCode>>;
  readonly silence: 'protocolPing';
  /** What keep-alive sends to a silent client. */
  readonly ping: Frames;
  begin(record?: PusherRecord): PusherDialogue;
  /** For the entrance, which knows the app and has drawn the socket id. */
  beginFor(app: PusherApp): PusherDialogue;
}

/** That they are: an assignment which does not compile shows what the interfaces cannot carry. */
export const carried: {
  readonly protocol: (sketch: PusherProtocol) => Protocol;
  readonly answer: (sketch: ReturnType<PusherDialogue['answer']>) => ActAnswer;
} = { protocol: sketch => sketch, answer: sketch => sketch };
