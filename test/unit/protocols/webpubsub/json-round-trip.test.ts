import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataType, MessageError, Metadata, Payload } from '../../../../src/protocols/messages.js';
import { isGroupName } from '../../../../src/protocols/names.js';
import { decode as decodeFrame } from '../../../../src/protocols/webpubsub/json/decode.js';
import type { ClientMessage } from '../../../../src/protocols/webpubsub/replies.js';
import type { ClientRequest } from '../../../../src/protocols/webpubsub/requests.js';
import { jsonText } from '../../../support/json-text.js';
import { jsonFrame } from '../../../support/web-pubsub-forms.js';

function decode(bytes: Buffer): ClientRequest {
  return decodeFrame({ isBinary: false, bytes });
}

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
  return [
    ['dataType', quoted(dataType)],
    ['data', dataText(payload)],
    ['metadata', metadata && stringsText(metadata)],
  ];
}

function stringsText(strings: ReadonlyMap<string, string>): string {
  return objectText(Array.from(strings, ([key, value]) => [key, JSON.stringify(value)]));
}

function streamText({ streamId, idleTimeoutMs }: ClientRequest & { kind: 'streamStart' }): string {
  return objectText([
    ['streamId', quoted(streamId)],
    ['idleTimeoutMs', idleTimeoutMs?.toString()],
  ]);
}

/** What a kind of request is called on the wire, where that differs. */
const types: Partial<Record<ClientRequest['kind'], string>> = {
  join: 'joinGroup',
  leave: 'leaveGroup',
  publish: 'sendToGroup',
  raise: 'event',
  acked: 'sequenceAck',
  streamStart: 'sendToGroup',
};

/** A request as a client writes it. */
function encodeRequest(request: ClientRequest): string {
  const wanted = request as Partial<Record<'group' | 'event' | 'invocationId' | 'streamId', string>>;
  const streamStart = request.kind === 'streamStart';
  const fragment = request.kind === 'streamData' ? request.fragment : undefined;
  const payload = fragment?.payload ?? ('payload' in request ? request.payload : undefined);
  return objectText([
    ['type', JSON.stringify(types[request.kind] ?? request.kind)],
    ['group', quoted(wanted.group)],
    ['event', quoted(wanted.event)],
    ['invocationId', quoted(wanted.invocationId)],
    ['streamId', streamStart ? undefined : quoted(wanted.streamId)],
    ['stream', streamStart ? streamText(request) : undefined],
    ['streamSequenceId', digits(fragment?.sequenceId)],
    ...(payload === undefined ? [] : payloadMembers(payload)),
    ['state', request.kind === 'setGroupState' ? request.state && stringsText(request.state) : undefined],
    ['error', request.kind === 'streamEnd' ? request.error && JSON.stringify(request.error) : undefined],
    ['noEcho', 'noEcho' in request ? String(request.noEcho) : undefined],
    ['ttlSeconds', 'ttlSeconds' in request ? String(request.ttlSeconds) : undefined],
    ['ackId', 'ackId' in request ? digits(request.ackId) : undefined],
    ['sequenceId', request.kind === 'acked' ? digits(request.sequenceId) : undefined],
  ]);
}

interface WireStream {
  readonly streamId: string;
  readonly endOfStream?: boolean;
  readonly error?: object;
}

interface WireMessage {
  readonly type: string;
  readonly event: string;
  readonly from: string;
  readonly group: string;
  readonly fromUserId: string | null;
  readonly stream?: WireStream;
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
            stream: wire.stream && readStream(wire.stream, text),
          };
    case 'invokeResponse':
      return {
        kind: 'invokeResponse',
        invocationId: wire.invocationId,
        payload: wire.dataType && readPayload(wire),
        error: wire.error,
      };
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

function readStream({ streamId, endOfStream, error }: WireStream, text: string) {
  const sequenceId = BigInt(/,"streamSequenceId":(\d+)/.exec(text)?.[1] ?? -1);
  return { streamId, sequenceId, isEnd: endOfStream ?? false, error };
}

function readPayload({ dataType, data, metadata }: WireMessage) {
  const content = dataType === 'json' ? data : Buffer.from(data as string, dataType === 'text' ? 'utf8' : 'base64');
  return { dataType, content, metadata: metadata && new Map(Object.entries(metadata)) };
}

/** The same for what the server was given to say. */
function readable(message: ClientMessage): unknown {
  if (!('payload' in message) || message.payload === undefined) return message;
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
const group = name.filter(isGroupName);
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

const maybeText = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
const state = fc.option(
  fc.dictionary(name, fc.string({ unit: 'binary' })).map(entries => new Map(Object.entries(entries))),
  { nil: undefined },
);
const idleTimeoutMs = fc.option(fc.nat(), { nil: undefined });
const fragment = fc.option(fc.record({ sequenceId: uint64, payload }), { nil: undefined });
const userError = fc.record({ message: maybeText, userErrorCode: maybeText });

const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
const request: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({ kind: kind('join', 'leave'), group, ackId }),
  fc.record({ kind: kind('setGroupState'), group, state, ackId }),
  fc.record({ kind: kind('subscribeGroupState', 'unsubscribeGroupState'), group, ackId }),
  fc.record({ kind: kind('publish'), group, payload, noEcho: fc.boolean(), ttlSeconds: fc.nat(300), ackId }),
  fc.record({ kind: kind('raise'), event: eventName, payload, ackId }),
  fc.record({ kind: kind('ping') }),
  fc.record({ kind: kind('acked'), sequenceId: uint64 }),
  fc.record({
    kind: kind('invoke'),
    invocationId: name,
    event: eventName,
    payload: fc.option(payload, { nil: undefined }),
  }),
  fc.record({ kind: kind('cancelInvocation'), invocationId: name }),
  fc.record({ kind: kind('streamStart'), streamId: name, group, noEcho: fc.boolean(), idleTimeoutMs }),
  fc.record({ kind: kind('streamData'), streamId: name, fragment }),
  fc.record({ kind: kind('streamEnd'), streamId: name, error: fc.option(userError, { nil: undefined }) }),
);

const error = fc.record({ name: fc.string(), message: fc.string({ unit: 'binary' }) });
const stream = fc.option(
  fc.record({
    streamId: name,
    sequenceId: uint64,
    isEnd: fc.boolean(),
    error: fc.option(fc.record({ name: fc.string(), message: maybeText, userErrorCode: maybeText }), {
      nil: undefined,
    }),
  }),
  { nil: undefined },
);
const serverMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ kind: kind('connected'), connectionId: name, userId: maybeText, reconnectionToken: maybeText }),
  fc.record({ kind: kind('disconnected'), reason: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: kind('ack'), ackId: uint64, error: fc.option(error, { nil: undefined }) }),
  fc.record({ kind: kind('pong') }),
  fc.record({ kind: kind('groupMessage'), group, fromUserId: maybeText, payload, stream }),
  fc.record({ kind: kind('serverMessage'), payload }),
  fc.record({ kind: kind('invokeResponse'), invocationId: name, payload: fc.constant(undefined), error }),
  fc.record({
    kind: kind('invokeResponse'),
    invocationId: name,
    payload: fc.option(payload, { nil: undefined }),
    error: fc.constant(undefined),
  }),
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
        const frame = jsonFrame(meant);
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
          if (sent.kind !== 'publish') throw new Error('not a send');
          const frame = jsonFrame({ kind: 'serverMessage', payload: sent.payload });
          expect(frame?.bytes.toString('utf8')).toBe(
            `{"type":"message","from":"server","dataType":"json","data":${data}}`,
          );
        },
      ),
    );
  });
});
