import type { InboundFrame } from '../../src/protocols/protocol.js';
import { request } from './protobuf-wire.js';

/** A request of a client, in no protocol's words yet. */
export type ClientCall =
  | {
      readonly call: 'joinGroup' | 'leaveGroup' | 'subscribeGroupState' | 'unsubscribeGroupState';
      readonly group: string;
      readonly ackId?: number | undefined;
    }
  | {
      readonly call: 'sendToGroup';
      readonly group: string;
      readonly text: string;
      readonly noEcho: boolean;
      readonly ttlSeconds: number;
      readonly ackId?: number | undefined;
    }
  | { readonly call: 'event'; readonly text: string; readonly ackId?: number | undefined }
  | { readonly call: 'sequenceAck'; readonly sequenceId: number }
  | { readonly call: 'ping' }
  | { readonly call: 'invoke' | 'cancelInvocation'; readonly invocationId: string }
  | {
      readonly call: 'streamStart';
      readonly streamId: string;
      readonly group: string;
      readonly noEcho: boolean;
      readonly idleTimeoutMs: number;
    }
  | { readonly call: 'streamData'; readonly streamId: string; readonly sequenceId?: number | undefined }
  | { readonly call: 'streamEnd'; readonly streamId: string }
  | {
      readonly call: 'setGroupState';
      readonly group: string;
      readonly value?: string | undefined;
      readonly ackId?: number | undefined;
    };

/** All events have this name. */
const event = 'e';

/** As the JSON subprotocols write it. */
export function jsonCall(call: ClientCall): InboundFrame {
  return { isBinary: false, bytes: Buffer.from(JSON.stringify(jsonOf(call))) };
}

function jsonOf(call: ClientCall): object {
  switch (call.call) {
    case 'sendToGroup': {
      const { group, text, noEcho, ttlSeconds, ackId } = call;
      return { type: 'sendToGroup', group, dataType: 'text', data: text, noEcho, ttlSeconds, ackId };
    }
    case 'event':
      return { type: 'event', event, dataType: 'text', data: call.text, ackId: call.ackId };
    case 'invoke':
      return { type: 'invoke', target: 'event', event, invocationId: call.invocationId, dataType: 'text', data: 'i' };
    case 'streamStart': {
      const { streamId, group, noEcho, idleTimeoutMs } = call;
      return { type: 'sendToGroup', group, noEcho, stream: { streamId, idleTimeoutMs } };
    }
    case 'streamData': {
      const { streamId, sequenceId } = call;
      const content = sequenceId === undefined ? {} : { streamSequenceId: sequenceId, dataType: 'text', data: 's' };
      return { type: 'streamData', streamId, ...content };
    }
    case 'setGroupState': {
      const { group, value, ackId } = call;
      return { type: 'setGroupState', group, state: value === undefined ? null : { k: value }, ackId };
    }
    default: {
      const { call: type, ...fields } = call;
      return { type, ...fields };
    }
  }
}

/** As the protobuf subprotocols write it. */
export function protobufCall(call: ClientCall): InboundFrame {
  return { isBinary: true, bytes: request(protobufOf(call)) };
}

function protobufOf(call: ClientCall): Parameters<typeof request>[0] {
  switch (call.call) {
    case 'joinGroup':
    case 'leaveGroup':
    case 'subscribeGroupState':
    case 'unsubscribeGroupState': {
      const name = {
        joinGroup: 'join_group',
        leaveGroup: 'leave_group',
        subscribeGroupState: 'subscribe_group_state',
        unsubscribeGroupState: 'unsubscribe_group_state',
      }[call.call];
      return { [`${name}_message`]: { group: call.group, ...ack(call) } };
    }
    case 'sendToGroup': {
      const { group, text, noEcho, ttlSeconds } = call;
      const data = { text_data: text };
      return { send_to_group_message: { group, data, no_echo: noEcho, ttl_seconds: BigInt(ttlSeconds), ...ack(call) } };
    }
    case 'event':
      return { event_message: { event, data: { text_data: call.text }, ...ack(call) } };
    case 'sequenceAck':
      return { sequence_ack_message: { sequence_id: BigInt(call.sequenceId) } };
    case 'ping':
      return { ping_message: {} };
    case 'invoke':
      return { invoke_event_message: { event, invocation_id: call.invocationId, data: { text_data: 'i' } } };
    case 'cancelInvocation':
      return { cancel_invocation_message: { invocation_id: call.invocationId } };
    case 'streamStart': {
      const { streamId, group, noEcho, idleTimeoutMs } = call;
      const stream = { stream_id: streamId, idle_timeout_ms: BigInt(idleTimeoutMs) };
      return { send_to_group_message: { group, no_echo: noEcho, stream } };
    }
    case 'streamData': {
      const { streamId, sequenceId } = call;
      const content =
        sequenceId === undefined ? {} : { stream_sequence_id: BigInt(sequenceId), data: { text_data: 's' } };
      return { stream_data_message: { stream_id: streamId, ...content } };
    }
    case 'streamEnd':
      return { stream_end_message: { stream_id: call.streamId } };
    case 'setGroupState': {
      const { group, value } = call;
      const state = value === undefined ? {} : { state: { entries: { k: value } } };
      return { set_group_state_message: { group, ...state, ...ack(call) } };
    }
  }
}

function ack({ ackId }: { readonly ackId?: number | undefined }): { ack_id?: bigint } {
  return ackId === undefined ? {} : { ack_id: BigInt(ackId) };
}
