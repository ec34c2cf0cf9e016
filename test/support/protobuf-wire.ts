/**
 * The protobuf subprotocol's messages as a client sees them, read and written without the service's own code or
 * library. Messages are plain objects whose members are fields that are on the wire, explicit defaults included.
 */

type Scalar = 'string' | 'bytes' | 'uint64' | 'bool' | 'map';
/** Number, then a scalar or the name of a message, then whether it may come more than once. */
type FieldRow = readonly [number: number, kind: Scalar | `.${string}`, repeated?: 'repeated'];

/** [client-protocols 6.1, 6.2] */
const schema: Readonly<Record<string, Readonly<Record<string, FieldRow>>>> = {
  UpstreamMessage: {
    send_to_group_message: [1, '.SendToGroup'],
    event_message: [5, '.Event'],
    join_group_message: [6, '.GroupAndAck'],
    leave_group_message: [7, '.GroupAndAck'],
    sequence_ack_message: [8, '.SequenceAck'],
    ping_message: [9, '.Empty'],
    invoke_event_message: [10, '.InvokeEvent'],
    cancel_invocation_message: [11, '.CancelInvocation'],
    stream_data_message: [13, '.StreamData'],
    stream_end_message: [14, '.StreamEnd'],
    set_group_state_message: [15, '.SetGroupState'],
    subscribe_group_state_message: [16, '.GroupAndAck'],
    unsubscribe_group_state_message: [17, '.GroupAndAck'],
  },
  SendToGroup: {
    group: [1, 'string'],
    ack_id: [2, 'uint64'],
    data: [3, '.MessageData'],
    no_echo: [4, 'bool'],
    ttl_seconds: [5, 'uint64'],
    metadata: [6, 'map'],
    stream: [7, '.StreamStart'],
  },
  Event: {
    event: [1, 'string'],
    data: [2, '.MessageData'],
    ack_id: [3, 'uint64'],
    metadata: [4, 'map'],
    stream: [5, '.StreamStart'],
  },
  GroupAndAck: { group: [1, 'string'], ack_id: [2, 'uint64'] },
  SequenceAck: { sequence_id: [1, 'uint64'] },
  Empty: {},
  InvokeEvent: {
    event: [1, 'string'],
    invocation_id: [2, 'string'],
    data: [3, '.MessageData'],
    metadata: [4, 'map'],
    stream: [5, '.StreamStart'],
  },
  CancelInvocation: { invocation_id: [1, 'string'] },
  StreamData: { stream_id: [1, 'string'], stream_sequence_id: [2, 'uint64'], data: [3, '.MessageData'] },
  StreamEnd: { stream_id: [1, 'string'], error: [2, '.StreamEndError'] },
  StreamEndError: { message: [1, 'string'], user_error_code: [2, 'string'] },
  SetGroupState: { group: [1, 'string'], ack_id: [2, 'uint64'], state: [3, '.GroupState'] },
  StreamStart: { stream_id: [1, 'string'], idle_timeout_ms: [2, 'uint64'] },

  DownstreamMessage: {
    ack_message: [1, '.Ack'],
    data_message: [2, '.Data'],
    system_message: [3, '.System'],
    pong_message: [4, '.Empty'],
    invoke_response_message: [5, '.InvokeResponse'],
    stream_ack_message: [6, '.StreamAck'],
    stream_nack_message: [7, '.StreamNack'],
    stream_closed_message: [8, '.StreamClosed'],
    group_state_update_message: [9, '.GroupStates'],
    group_state_snapshot_message: [10, '.GroupStates'],
  },
  Ack: { ack_id: [1, 'uint64'], success: [2, 'bool'], error: [3, '.Error'] },
  Error: { name: [1, 'string'], message: [2, 'string'] },
  Data: {
    from: [1, 'string'],
    group: [2, 'string'],
    data: [3, '.MessageData'],
    sequence_id: [4, 'uint64'],
    metadata: [5, 'map'],
    stream: [6, '.StreamInfo'],
  },
  System: { connected_message: [1, '.Connected'], disconnected_message: [2, '.Disconnected'] },
  Connected: { connection_id: [1, 'string'], user_id: [2, 'string'], reconnection_token: [3, 'string'] },
  Disconnected: { reason: [2, 'string'] },
  InvokeResponse: {
    invocation_id: [1, 'string'],
    success: [2, 'bool'],
    data: [3, '.MessageData'],
    error: [4, '.Error'],
    metadata: [5, 'map'],
  },
  StreamAck: { stream_id: [1, 'string'], expected_sequence_id: [2, 'uint64'] },
  StreamNack: {
    stream_id: [1, 'string'],
    name: [2, 'string'],
    message: [3, 'string'],
    expected_sequence_id: [4, 'uint64'],
  },
  StreamClosed: { stream_id: [1, 'string'], error: [2, '.Error'] },
  GroupStates: { group: [1, 'string'], items: [2, '.GroupStateItem', 'repeated'], sequence_id: [3, 'uint64'] },

  /** `protobuf_data` is an Any, of which clients and tests pass on the bytes. */
  MessageData: {
    text_data: [1, 'string'],
    binary_data: [2, 'bytes'],
    protobuf_data: [3, 'bytes'],
    json_data: [4, 'string'],
  },
  StreamInfo: {
    stream_id: [1, 'string'],
    stream_sequence_id: [2, 'uint64'],
    end_of_stream: [3, 'bool'],
    error: [4, '.StreamError'],
  },
  StreamError: { name: [1, 'string'], message: [2, 'string'], user_error_code: [3, 'string'] },
  GroupStateItem: {
    connection_id: [1, 'string'],
    user_id: [2, 'string'],
    state: [3, '.GroupState'],
    updated_at: [4, 'uint64'],
  },
  GroupState: { entries: [1, 'map'] },
  MapEntry: { key: [1, 'string'], value: [2, 'string'] },
  Any: { type_url: [1, 'string'], value: [2, 'bytes'] },
};

export type WireValue =
  | string
  | bigint
  | boolean
  | Buffer
  | { readonly [field: string]: WireValue }
  | readonly WireValue[];
export type WireMessage = { readonly [field: string]: WireValue };

// ---------------------------------------------------------------------------------------------------------- writing

/** Base-128, least significant first. */
export function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A length-delimited field. */
export function delimited(number: number, bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes);
  return Buffer.concat([tag(number, 2), varint(content.length), content]);
}

/** A varint field. */
export function numeric(number: number, value: bigint | number): Buffer {
  return Buffer.concat([tag(number, 0), varint(value)]);
}

/** What stands before a field. */
export function tag(number: number, wireType: number): Buffer {
  return varint(number * 8 + wireType);
}

/** In the order of the object's members. */
export function write(type: string, message: WireMessage): Buffer {
  return Buffer.concat(Object.entries(message).map(([name, value]) => writeField(rowOf(type, name), value)));
}

function writeField([number, kind, repeated]: FieldRow, value: WireValue): Buffer {
  if (repeated) return Buffer.concat((value as WireValue[]).map(item => writeField([number, kind], item)));
  switch (kind) {
    case 'string':
    case 'bytes':
      return delimited(number, value as string | Buffer);
    case 'uint64':
      return numeric(number, value as bigint);
    case 'bool':
      return numeric(number, value === true ? 1 : 0);
    case 'map':
      return Buffer.concat(
        Object.entries(value).map(([key, text]) => delimited(number, write('MapEntry', { key, value: text }))),
      );
    default:
      return delimited(number, write(kind.slice(1), value as WireMessage));
  }
}

function rowOf(type: string, name: string): FieldRow {
  const row = schema[type]?.[name];
  if (row === undefined) throw new Error(`${type} has no field ${name}`);
  return row;
}

/** One request of a client. */
export function request(message: WireMessage): Buffer {
  return write('UpstreamMessage', message);
}

// ---------------------------------------------------------------------------------------------------------- reading

/** Strict: an unknown field, another wire type, a number that is too long or a field given twice throws. */
export function read(type: string, bytes: Buffer): WireMessage {
  const message: Record<string, WireValue> = {};
  let rest = bytes;
  const number = (): bigint => {
    let value = 0n;
    for (let at = 0; ; at += 1) {
      const byte = rest[at];
      if (byte === undefined || at > 9) throw new Error('a number is cut off or too long');
      value |= BigInt(byte & 0x7f) << BigInt(7 * at);
      if (byte < 0x80) {
        rest = rest.subarray(at + 1);
        return value;
      }
    }
  };
  const content = (): Buffer => {
    const length = Number(number());
    if (length > rest.length) throw new Error('a field is cut off');
    const bytes = rest.subarray(0, length);
    rest = rest.subarray(length);
    return bytes;
  };
  while (rest.length > 0) {
    const head = Number(number());
    const [name, [, kind, repeated]] = fieldOf(type, head >> 3);
    const isNumeric = kind === 'uint64' || kind === 'bool';
    if ((head & 7) !== (isNumeric ? 0 : 2)) throw new Error(`${type}.${name} has wire type ${head & 7}`);
    const value = isNumeric ? numberOf(kind, number()) : contentOf(kind, content());
    if (repeated) message[name] = [...((message[name] as WireValue[]) ?? []), value];
    else if (kind === 'map') message[name] = { ...(message[name] as WireMessage), ...(value as WireMessage) };
    else if (name in message) throw new Error(`${type}.${name} is given twice`);
    else message[name] = value;
  }
  return message;
}

function fieldOf(type: string, number: number): readonly [string, FieldRow] {
  const field = Object.entries(schema[type] ?? {}).find(([, row]) => row[0] === number);
  if (field === undefined) throw new Error(`${type} has no field ${number}`);
  return field;
}

function numberOf(kind: 'uint64' | 'bool', value: bigint): WireValue {
  return kind === 'bool' ? value !== 0n : value;
}

function contentOf(kind: Exclude<FieldRow[1], 'uint64' | 'bool'>, bytes: Buffer): WireValue {
  switch (kind) {
    case 'string':
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    case 'bytes':
      return Buffer.from(bytes);
    case 'map': {
      const { key = '', value = '' } = read('MapEntry', bytes);
      return { [key as string]: value };
    }
    default:
      return read(kind.slice(1), bytes);
  }
}

/** One message of the service. */
export function response(bytes: Buffer): WireMessage {
  return read('DownstreamMessage', bytes);
}

/** A serialised Any, and what is packed in it: any bytes. */
export function anyOf(typeUrl: string, value: Buffer | string): Buffer {
  return write('Any', { type_url: typeUrl, value: Buffer.from(value) });
}
