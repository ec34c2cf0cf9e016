import protobuf from 'protobufjs';

/**
 * The messages of the protobuf subprotocols, from the field table of client-protocols 6, for a library other than the
 * one that the service uses: what both read alike is on the wire as the table says.
 */
const { root } = protobuf.parse(
  `syntax = "proto3"; package awps;
  message Any { string type_url = 1; bytes value = 2; }
  message Data { oneof data { string text_data = 1; bytes binary_data = 2; Any protobuf_data = 3; string json_data = 4; } }
  message Failure { string name = 1; string message = 2; }
  message StreamStart { string stream_id = 1; optional uint32 idle_timeout_ms = 2; }
  message Upstream {
    message Send {
      string group = 1; optional uint64 ack_id = 2; Data data = 3; optional bool no_echo = 4; optional uint32 ttl_seconds = 5;
      map<string, string> metadata = 6; StreamStart stream = 7;
    }
    message Event { string event = 1; Data data = 2; optional uint64 ack_id = 3; map<string, string> metadata = 4; }
    message Group { string group = 1; optional uint64 ack_id = 2; }
    message Sequence { uint64 sequence_id = 1; }
    message Ping {}
    message Invoke { string event = 1; string invocation_id = 2; Data data = 3; map<string, string> metadata = 4; }
    message StreamData { string stream_id = 1; optional uint64 stream_sequence_id = 2; optional Data data = 3; }
    message StreamEnd { string stream_id = 1; }
    oneof message {
      Send send = 1; Event event = 5; Group join = 6; Group leave = 7; Sequence sequence_ack = 8; Ping ping = 9; Invoke invoke = 10;
      StreamData stream_data = 13; StreamEnd stream_end = 14;
    }
  }
  message Downstream {
    message Ack { uint64 ack_id = 1; bool success = 2; optional Failure error = 3; }
    message Stream { string stream_id = 1; uint64 stream_sequence_id = 2; optional bool end_of_stream = 3; }
    message Message {
      string from = 1; optional string group = 2; Data data = 3; optional uint64 sequence_id = 4; map<string, string> metadata = 5;
      optional Stream stream = 6;
    }
    message Connected { string connection_id = 1; string user_id = 2; optional string reconnection_token = 3; }
    message Disconnected { string reason = 2; }
    message System { oneof message { Connected connected = 1; Disconnected disconnected = 2; } }
    message Pong {}
    message InvokeResponse { string invocation_id = 1; bool success = 2; optional Data data = 3; optional Failure error = 4; }
    message StreamAck { string stream_id = 1; uint64 expected_sequence_id = 2; }
    message StreamClosed { string stream_id = 1; optional Failure error = 2; }
    oneof message {
      Ack ack = 1; Message data = 2; System system = 3; Pong pong = 4; InvokeResponse invoke_response = 5; StreamAck stream_ack = 6;
      StreamClosed stream_closed = 8;
    }
  }`,
  { keepCase: true },
);

const upstream = root.lookupType('awps.Upstream');
const downstream = root.lookupType('awps.Downstream');

/** @param message as in the schema above; 64-bit integers as decimal text */
export function encodeRequest(message: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(upstream.encode(upstream.fromObject(message)).finish());
}

/** Only what is on the wire; 64-bit integers as decimal text, bytes as base64. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
export function decodeMessage(bytes: Uint8Array): any {
  return downstream.toObject(downstream.decode(bytes), { longs: String, bytes: String });
}
