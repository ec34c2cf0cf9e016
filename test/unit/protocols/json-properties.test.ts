import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { json } from '../../../src/protocols/json.js';
import type {
  ClientRequest,
  DataType,
  MessageError,
  Metadata,
  Payload,
  ServerMessage,
} from '../../../src/protocols/messages.js';

function decode(bytes: Buffer, isBinary = false): ClientRequest {
  return json.decode({ isBinary, bytes });
}

/** What decoding ends with: a request's kind, or an error's. Anything else that is thrown fails the test. */
function outcomeOf(bytes: Buffer, isBinary: boolean): string {
  try {
    return decode(bytes, isBinary).kind;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

// ------------------------------------------------------------------------------------------------------ any input

/** Property names and values that requests look at, in any combination. */
const fieldNames = [
  ...['type', 'group', 'event', 'data', 'dataType', 'ackId', 'noEcho', 'ttlSeconds', 'metadata', 'stream', 'streamId'],
  ...['invocationId', 'target', 'sequenceId', '__proto__', 'constructor'],
];
const typeNames = [
  ...['joinGroup', 'leaveGroup', 'sendToGroup', 'event', 'ping', 'sequenceAck', 'invoke', 'cancelInvocation'],
  ...['streamData', 'streamEnd', 'setGroupState', 'subscribeGroupState', 'unsubscribeGroupState', 'toString'],
];
const fieldValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('text', 'json', 'binary', 'protobuf', 'AA==', 'g', '', 'event', 0, 1, -1, 2 ** 53, 1e300, true, null),
  fc.dictionary(fc.string(), fc.string()),
  fc.record({ streamId: fc.jsonValue() }),
);
const looksLikeRequest = fc
  .tuple(fc.constantFrom(...typeNames), fc.array(fc.tuple(fc.constantFrom(...fieldNames), fieldValue)))
  .map(([type, fields]) => {
    const members = [['type', type], ...fields].map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
    );
    return Buffer.from(`{${members.join(',')}}`);
  });

describe('decode answers any input with a request, malformed or wrongFrameType', () => {
  const kinds = new Set(['malformed', ...typeNames, 'streamStart']);

  test('arbitrary bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => kinds.has(outcomeOf(Buffer.from(bytes), false))));
  });

  test('arbitrary JSON', () => {
    fc.assert(fc.property(fc.json(), text => kinds.has(outcomeOf(Buffer.from(text), false))));
  });

  test('objects that look like requests', () => {
    fc.assert(
      fc.property(looksLikeRequest, bytes => kinds.has(outcomeOf(bytes, false))),
      { numRuns: 2_000 },
    );
  });

  test('requests with one byte changed', () => {
    const changed = fc.tuple(looksLikeRequest, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, byte]) => {
      const copy = Buffer.from(bytes);
      copy[at % copy.length] = byte;
      return copy;
    });
    fc.assert(
      fc.property(changed, bytes => kinds.has(outcomeOf(bytes, false))),
      { numRuns: 2_000 },
    );
  });

  test('[CP-055] binary frames of any content', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => outcomeOf(Buffer.from(bytes), true) === 'wrongFrameType'));
  });
});

const mebibyte = 1024 * 1024;

describe('a mebibyte of one thing is decoded without taking the stack or the day', () => {
  test.each([
    '[',
    ']',
    '{',
    '{"a":',
    '"',
    '\\',
    '\\"',
    '\\\\',
    ' ',
    '-',
    '0',
    ',',
    'a',
    '\u00e9',
    '[]',
    '"",',
    '\u0000',
  ])('%j alone and as data', unit => {
    const run = unit.repeat(mebibyte / unit.length);
    expect(outcomeOf(Buffer.from(run), false)).toBe('malformed');
    for (const data of [run, `"${run}"`, `[${run}`, `[${run}]`]) {
      const text = `{"type":"event","event":"e","ackId":1,"data":${data}}`;
      expect(outcomeOf(Buffer.from(text), false)).toMatch(/^(event|malformed)$/);
    }
  });

  test.each<[string, string]>([
    ['nested arrays', `${'['.repeat(mebibyte / 2)}${']'.repeat(mebibyte / 2)}`],
    ['nested objects', `${'{"a":'.repeat(mebibyte / 8)}1${'}'.repeat(mebibyte / 8)}`],
    ['escaped quotes', `"${'\\"'.repeat(mebibyte / 2)}"`],
    ['escaped backslashes', `"${'\\\\'.repeat(mebibyte / 2)}"`],
    ['backslashes before quotes', `"${`${'\\\\'.repeat(500)}\\"`.repeat(1_000)}"`],
    [
      'strings',
      `[${Array(mebibyte / 4)
        .fill('""')
        .join(',')}]`,
    ],
  ])('%s keep their bytes', (_title, data) => {
    const request = decode(Buffer.from(`{"type":"event","event":"e","data":${data},"ackId":1}`));
    expect(request.kind === 'event' && request.payload.bytes.equals(Buffer.from(data))).toBe(true);
  });

  test('a hundred thousand members, one of them repeated', () => {
    const members = Array.from({ length: 100_000 }, (_, index) => `"a":${index}`).join(',');
    expect(decode(Buffer.from(`{"type":"event","event":"e",${members},"data":1,"ackId":7}`))).toMatchObject({
      ackId: 7n,
    });
    expect(outcomeOf(Buffer.from(`{"type":"event","event":"e","data":1,"metadata":{${members}}}`), false)).toBe(
      'malformed',
    );
  });
});

// ------------------------------------------------------------------------------------------------- JSON as people write it

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A string literal, with a random choice of escapes. */
const stringLiteral = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        fc.constantFrom('"', '\\', '/', '}', ']', ','),
      ),
      fc.boolean(),
    ),
  )
  .map(chars => `"${chars.map(([char, isEscaped]) => literalChar(char, isEscaped)).join('')}"`);

function literalChar(char: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(char).slice(1, -1);
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

const numberLiteral = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '12345678901234567890', '1e400', '-1E-7', '0.10', '1e+05'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value)),
  fc.bigInt().map(String),
);

/** JSON text with odd spacing, escapes, and keys that may repeat. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; array: string; object: string }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    numberLiteral,
    stringLiteral,
    fc.constantFrom('true', 'false', 'null'),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
    .map(items => `[${items.map(parts => parts.join('')).join(',')}]`),
  object: fc
    .array(
      fc.tuple(space, fc.oneof(stringLiteral, fc.constant('"a"')), space, fc.constant(':'), space, tie('value'), space),
      { maxLength: 4 },
    )
    .map(members => `{${members.map(parts => parts.join('')).join(',')}}`),
})).value;

describe('[CP-051] JSON data keeps its bytes', () => {
  test('from the client’s frame, wherever it stands', () => {
    fc.assert(
      fc.property(
        jsonText.filter(text => text !== 'null'),
        space,
        space,
        fc.boolean(),
        (data, before, after, isFirst) => {
          const rest = `"type":"sendToGroup","group":"g","x":${data}`;
          const member = `"data"${after}:${before}${data}${after}`;
          const text = isFirst ? `{${before}${member},${rest}}` : `${after}{${rest},${before}${member}}${before}`;
          const request = decode(Buffer.from(text));
          expect(request.kind === 'sendToGroup' && request.payload.bytes.toString()).toBe(data);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('of repeated data the last is taken', () => {
    fc.assert(
      fc.property(
        jsonText,
        jsonText.filter(text => text !== 'null'),
        (first, last) => {
          const request = decode(Buffer.from(`{"type":"event","event":"e","data":${first},"d\\u0061ta":${last}}`));
          expect(request.kind === 'event' && request.payload.bytes.toString()).toBe(last);
        },
      ),
    );
  });
});

// --------------------------------------------------------------------------------------------- the client's side of it

/** Members without a value are left out. */
function objectText(members: readonly [name: string, json: string | undefined][]): string {
  const present = members.filter((member): member is [string, string] => member[1] !== undefined);
  return `{${present.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

const quoted = (value: string | undefined) => (value === undefined ? undefined : JSON.stringify(value));
const digits = (value: bigint | undefined) => value?.toString();

function dataText({ dataType, bytes }: Payload): string {
  if (dataType === 'json') return bytes.toString('utf8');
  return JSON.stringify(bytes.toString(dataType === 'text' ? 'utf8' : 'base64'));
}

function payloadMembers(payload: Payload): [string, string | undefined][] {
  const { dataType, metadata } = payload;
  const metadataText = metadata && objectText(Array.from(metadata, ([key, value]) => [key, JSON.stringify(value)]));
  return [
    ['dataType', quoted(dataType)],
    ['data', dataText(payload)],
    ['metadata', metadataText],
  ];
}

/** A request as a client writes it. */
function encodeRequest(request: ClientRequest): string {
  const wanted = request as Partial<Record<'group' | 'event' | 'invocationId' | 'streamId', string>>;
  const streamStart = request.kind === 'streamStart';
  return objectText([
    ['type', JSON.stringify(streamStart ? 'sendToGroup' : request.kind)],
    ['group', quoted(wanted.group)],
    ['event', quoted(wanted.event)],
    ['invocationId', quoted(wanted.invocationId)],
    ['streamId', streamStart ? undefined : quoted(wanted.streamId)],
    ['stream', streamStart ? objectText([['streamId', quoted(wanted.streamId)]]) : undefined],
    ...('payload' in request ? payloadMembers(request.payload) : []),
    ['noEcho', 'noEcho' in request ? String(request.noEcho) : undefined],
    ['ttlSeconds', 'ttlSeconds' in request ? String(request.ttlSeconds) : undefined],
    ['ackId', 'ackId' in request ? digits(request.ackId) : undefined],
    ['sequenceId', request.kind === 'sequenceAck' ? digits(request.sequenceId) : undefined],
  ]);
}

interface WireMessage {
  readonly type: string;
  readonly event: string;
  readonly from: string;
  readonly group: string;
  readonly fromUserId: string | null;
  readonly dataType: DataType;
  readonly data: unknown;
  readonly metadata?: Record<string, string>;
  readonly userId: string | null;
  readonly connectionId: string;
  readonly reconnectionToken?: string;
  readonly message: string;
  readonly success: boolean;
  readonly error: MessageError;
  readonly invocationId: string;
  readonly streamId: string;
}

/** A message as a client reads it. JSON data is read as its value. */
function decodeMessage(text: string): unknown {
  const wire = JSON.parse(text) as WireMessage;
  switch (wire.type) {
    case 'system':
      return wire.event === 'disconnected'
        ? { kind: 'disconnected', reason: wire.message }
        : {
            kind: 'connected',
            connectionId: wire.connectionId,
            userId: wire.userId ?? undefined,
            reconnectionToken: wire.reconnectionToken,
          };
    case 'ack':
      return { kind: 'ack', ackId: ackIdOf(text), error: wire.success ? undefined : wire.error };
    case 'message':
      return wire.from === 'server'
        ? { kind: 'serverMessage', payload: readPayload(wire) }
        : {
            kind: 'groupMessage',
            group: wire.group,
            fromUserId: wire.fromUserId ?? undefined,
            payload: readPayload(wire),
          };
    case 'invokeResponse':
      return { kind: 'invokeResponse', invocationId: wire.invocationId, error: wire.error };
    case 'streamClosed':
      return { kind: 'streamClosed', streamId: wire.streamId, error: wire.error };
    default:
      return { kind: wire.type };
  }
}

/** Its digits: as a number, those beyond 2^53 would be lost. */
function ackIdOf(text: string): bigint {
  return BigInt(/^\{"type":"ack","ackId":(\d+),/.exec(text)?.[1] ?? -1);
}

function readPayload({ dataType, data, metadata }: WireMessage) {
  const content = dataType === 'json' ? data : Buffer.from(data as string, dataType === 'text' ? 'utf8' : 'base64');
  return { dataType, content, metadata: metadata && new Map(Object.entries(metadata)) };
}

/** The same for what the server was given to say. */
function readable(message: ServerMessage): unknown {
  if (message.kind !== 'groupMessage' && message.kind !== 'serverMessage') return message;
  const { dataType, bytes, metadata } = message.payload;
  const content: unknown = dataType === 'json' ? JSON.parse(bytes.toString('utf8')) : bytes;
  return { ...message, payload: { dataType, content, metadata } };
}

// ---------------------------------------------------------------------------------------------------------- arbitraries

const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 64n - 1n),
);
const ackId = fc.option(uint64, { nil: undefined });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
const group = name.filter(text => text.trim() !== '');
const eventName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/);
const metadata: fc.Arbitrary<Metadata | undefined> = fc.option(
  fc
    .uniqueArray(
      fc.tuple(fc.stringMatching(/^[!#-'*+.^_`|~0-9A-Za-z-]{1,20}$/), fc.stringMatching(/^[\t -~]{0,20}$/)),
      {
        selector: ([key]) => key,
        minLength: 1,
        maxLength: 5,
      },
    )
    .map(entries => new Map(entries)),
  { nil: undefined },
);
const bytes = fc.uint8Array().map(array => Buffer.from(array));
const content: fc.Arbitrary<Pick<Payload, 'dataType' | 'bytes'>> = fc.oneof(
  fc.record({
    dataType: fc.constant('text' as const),
    bytes: fc.string({ unit: 'grapheme' }).map(text => Buffer.from(text)),
  }),
  fc.record({
    dataType: fc.constant('json' as const),
    bytes: jsonText.filter(text => text !== 'null').map(text => Buffer.from(text)),
  }),
  fc.record({ dataType: fc.constant('binary' as const), bytes }),
  fc.record({
    dataType: fc.constant('protobuf' as const),
    bytes: fc
      .tuple(fc.string(), bytes)
      .map(([typeUrl, value]) => Buffer.from(toBinary(AnySchema, create(AnySchema, { typeUrl, value })))),
  }),
);
const payload: fc.Arbitrary<Payload> = fc
  .tuple(content, metadata)
  .map(([parts, entries]) => ({ ...parts, metadata: entries }));

const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
const request: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({ kind: kind('joinGroup', 'leaveGroup'), group, ackId }),
  fc.record({ kind: kind('setGroupState', 'subscribeGroupState', 'unsubscribeGroupState'), group, ackId }),
  fc.record({ kind: kind('sendToGroup'), group, payload, noEcho: fc.boolean(), ttlSeconds: fc.nat(300), ackId }),
  fc.record({ kind: kind('event'), event: eventName, payload, ackId }),
  fc.record({ kind: kind('ping') }),
  fc.record({ kind: kind('sequenceAck'), sequenceId: uint64 }),
  fc.record({ kind: kind('invoke'), invocationId: name, event: eventName }),
  fc.record({ kind: kind('cancelInvocation'), invocationId: name }),
  fc.record({ kind: kind('streamStart'), streamId: name, group }),
  fc.record({ kind: kind('streamData', 'streamEnd'), streamId: name }),
);

const error = fc.record({ name: fc.string(), message: fc.string({ unit: 'binary' }) });
const maybeText = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({ kind: kind('connected'), connectionId: name, userId: maybeText, reconnectionToken: maybeText }),
  fc.record({ kind: kind('disconnected'), reason: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: kind('ack'), ackId: uint64, error: fc.option(error, { nil: undefined }) }),
  fc.record({ kind: kind('pong') }),
  fc.record({ kind: kind('groupMessage'), group, fromUserId: maybeText, payload }),
  fc.record({ kind: kind('serverMessage'), payload }),
  fc.record({ kind: kind('invokeResponse'), invocationId: name, error }),
  fc.record({ kind: kind('streamClosed'), streamId: name, error }),
);

describe('both sides understand each other', () => {
  test('[CP-058] [CP-068] the server reads every request as the client meant it', () => {
    fc.assert(
      fc.property(request, meant => {
        expect(decode(Buffer.from(encodeRequest(meant)))).toEqual(meant);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a client reads every message as the server meant it', () => {
    fc.assert(
      fc.property(serverMessage, meant => {
        const frame = json.encoder.encode(meant);
        expect(frame?.isBinary).toBe(false);
        expect(decodeMessage(frame?.bytes.toString('utf8') ?? '')).toEqual(readable(meant));
      }),
      { numRuns: 1_000 },
    );
  });

  test('[CP-051] JSON data passes through the server with its bytes', () => {
    fc.assert(
      fc.property(
        jsonText.filter(text => text !== 'null'),
        data => {
          const sent = decode(Buffer.from(`{"type":"sendToGroup","group":"g","data":${data}}`));
          if (sent.kind !== 'sendToGroup') throw new Error('not a send');
          const frame = json.encoder.encode({ kind: 'serverMessage', payload: sent.payload });
          expect(frame?.bytes.toString('utf8')).toBe(
            `{"type":"message","from":"server","dataType":"json","data":${data}}`,
          );
        },
      ),
    );
  });
});
