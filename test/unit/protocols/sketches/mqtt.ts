import type { Frames } from '../../../../src/frames/frames.js';
import type { ActOf, ActResult } from '../../../../src/protocols/acts.js';
import type { Payload } from '../../../../src/protocols/messages.js';
import type { Acked, Dialogue, InboundFrame, Protocol, Reliability, Step } from '../../../../src/protocols/protocol.js';

/*
 * A sketch: the types of an MQTT dialogue, 3.1.1 and 5. It is compiled, and nothing runs it.
 *
 * - Packets are not frames: `receive` keeps the bytes of a packet that is not complete and gives no step; of several packets
 *   in one frame it gives as many steps, in order. The kept bytes are the dialogue's, and not in the record: a new
 *   socket begins with a new packet.
 * - Handshake: the entrance upgrades and feeds frames to a `MqttHandshake`, until CONNECT is complete. That names the
 *   version, which is the protocol; the client id, which is the connection's; the will, and the session to be taken over.
 *   Then the core admits, or refuses with a CONNACK and a close. A client need not wait for the CONNACK: bytes behind CONNECT
 *   go to `receive` as soon as the connection exists. `connected` is the CONNACK in the encoder.
 * - QoS 1 to the client: a packet id is the sequence id modulo 65,535, written into a shared `Body` like any other number.
 *   PUBACK is an `acked` step. `releases: 'each'`, which the core does not know yet: the replay buffer releases that one message, wherever it is in the
 *   window, which is the client's Receive Maximum and so below 65,535; that makes the way back from packet id to number
 *   unique. PUBREC and PUBREL of QoS 2 go between them as `say`.
 * - QoS 1 from the client: a `publish` with its packet id, whose answer is PUBACK, with a reason code when it failed. QoS 2
 *   is answered by PUBREC; a PUBLISH again before PUBREL is `repeated`, which answers PUBREC again.
 * - SUBSCRIBE has several filters and one SUBACK: a `join` each, which share one object for the codes. `answer` fills in the
 *   code of one, and gives the SUBACK with the last. The granted QoS is the membership's tag.
 * - Will: DISCONNECT with code 0 takes it back. Whoever reads that a connection has closed publishes `will`, at once or after
 *   its delay; it is in the record, so that another node can.
 * - A protocol error is a `PubSubError` step; `closeCodes` are WebSocket's, the reason code is in the encoder's `disconnected`.
 * - Liveness: the client pings (PINGREQ is a `say` of PINGRESP), at least every keep-alive of its CONNECT.
 */

export type PacketId = number;
export type Qos = 0 | 1 | 2;

export interface Will {
  readonly message: ActOf<'publish'> & { readonly qos: Qos; readonly isRetained: boolean };
  readonly delaySeconds: number;
}

/** CONNECT, for the entrance. */
export interface Connect {
  readonly protocol: MqttProtocol;
  /** Empty: the service draws one. */
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly password: Buffer | undefined;
  readonly keepAliveSeconds: number;
  readonly isCleanStart: boolean;
  readonly sessionExpirySeconds: number;
  readonly will: Will | undefined;
}

/** What comes before admission; it belongs to the entrance. Pure as well. */
export interface MqttHandshake {
  /** Undefined while CONNECT is incomplete. @throws PubSubError `malformed` for another first packet */
  receive(
    frame: InboundFrame,
  ): { readonly connect: Connect; readonly dialogue: MqttDialogue; readonly rest: Buffer } | undefined;
}

export type Publish = ActOf<'publish'> & { readonly qos: Qos; readonly packetId: PacketId | undefined };

/** One SUBSCRIBE or UNSUBSCRIBE packet, shared by its acts. */
export interface Subscriptions {
  readonly packetId: PacketId;
  readonly codes: (number | undefined)[];
}

export type Subscribe = ActOf<'join'> & { readonly tag: Qos; readonly of: Subscriptions; readonly index: number };
export type Unsubscribe = ActOf<'leave'> & { readonly of: Subscriptions; readonly index: number };
export type MqttAct = Publish | Subscribe | Unsubscribe;

/** PUBACK and PUBCOMP; the packet id as the number that is released. */
export type PacketAcked = Acked;

export interface MqttRecord {
  readonly [name: string]: unknown;
  readonly will: (Omit<Will, 'message'> & { readonly group: string; readonly data: string }) | undefined;
  /** Of QoS 2 publications whose PUBREL is awaited. */
  readonly received: readonly PacketId[];
}

export interface MqttDialogue extends Dialogue {
  receive(frame: InboundFrame): Step | readonly Step[] | undefined;
  repeated(act: MqttAct): Frames | undefined;
  answer(act: MqttAct, result: ActResult): Frames | undefined;
  notice(): undefined;
  record(): MqttRecord | undefined;
  /** Undefined once DISCONNECT has taken it back. */
  readonly will: Will | undefined;
}

export interface MqttReliability extends Reliability {
  readonly releases: 'each';
}

export interface MqttProtocol extends Protocol {
  readonly name: 'mqtt311' | 'mqtt5';
  readonly subprotocol: 'mqtt';
  readonly reliability: MqttReliability;
  readonly silence: 'protocolPing';
  begin(record?: MqttRecord): MqttDialogue;
}

/** That the interfaces carry it: several steps of one frame, a release, an answer that waits for its packet's last filter. */
export const carried: {
  readonly protocol: (sketch: MqttProtocol) => Protocol;
  readonly steps: (first: Publish, second: PacketAcked) => ReturnType<Dialogue['receive']>;
  readonly payload: (act: Publish) => Payload;
} = {
  protocol: sketch => sketch,
  steps: (first, second) => [first, second],
  payload: ({ payload }) => payload,
};
