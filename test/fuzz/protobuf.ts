import { PubSubError } from '../../src/errors.js';
import { decode } from '../../src/protocols/webpubsub/protobuf/decode.js';
import { anyOf, request } from '../support/protobuf-wire.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

/** Any binary frame is a request or PubSubError `malformed`; any text frame is `wrongFrameType`. */
export const target: FuzzTarget = {
  name: 'protobuf',
  corpus: [
    { join_group_message: { group: 'lobby', ack_id: 2n ** 64n - 1n } },
    { leave_group_message: { group: 'lobby', ack_id: 0n } },
    {
      send_to_group_message: {
        group: 'g',
        ack_id: 300n,
        data: { json_data: '{"a":[1.0,"\u00e9"]}' },
        no_echo: true,
        ttl_seconds: 300n,
        metadata: { k: 'v', other: '' },
      },
    },
    { send_to_group_message: { group: 'g', stream: { stream_id: 's', idle_timeout_ms: 1500n } } },
    { event_message: { event: 'seat.pick', data: { protobuf_data: anyOf('a.b/c.D', 'value') }, ack_id: 1n } },
    { event_message: { event: 'e', data: { text_data: 'gr\u00fc\u00dfe' }, metadata: { k: 'v' } } },
    { sequence_ack_message: { sequence_id: 42n } },
    { ping_message: {} },
    { invoke_event_message: { event: 'e', invocation_id: 'i', data: { binary_data: Buffer.from([0, 255]) } } },
    { cancel_invocation_message: { invocation_id: 'i' } },
    { stream_data_message: { stream_id: 's', stream_sequence_id: 7n, data: { text_data: '' } } },
    { stream_end_message: { stream_id: 's', error: { message: 'm', user_error_code: 'E1' } } },
    { set_group_state_message: { group: 'g', ack_id: 1n, state: { entries: { mood: 'good', at: '3' } } } },
    { subscribe_group_state_message: { group: 'g', ack_id: 1n } },
  ].map(message => request(message)),
  run(bytes) {
    const failure = failureOf(bytes, true);
    if (failure !== undefined && failure !== 'malformed') throw new RuleBroken(`a binary frame is ${failure}`);
    const kind = failureOf(bytes, false);
    if (kind !== 'wrongFrameType') throw new RuleBroken(`a text frame is ${kind ?? 'a request'}`);
  },
};

/** The kind of the error that decoding ends with, if it does. */
function failureOf(bytes: Buffer, isBinary: boolean): string | undefined {
  try {
    decode({ isBinary, bytes });
    return undefined;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}
