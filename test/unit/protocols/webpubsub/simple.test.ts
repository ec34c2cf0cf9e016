import { describe, expect, test } from 'vitest';
import type { Payload, ServerMessage } from '../../../../src/protocols/messages.js';
import { simpleEvents, simplePublisher } from '../../../../src/protocols/webpubsub/simple.js';

const text = { isBinary: false, bytes: Buffer.from('{"type":"ping"}') };
const binary = { isBinary: true, bytes: Buffer.from([0, 255]) };
const textPayload = { dataType: 'text', bytes: text.bytes, metadata: undefined };
const binaryPayload = { dataType: 'binary', bytes: binary.bytes, metadata: undefined };

test('[CP-026] each message is the event `message`, whatever it looks like', () => {
  expect(simpleEvents.decode(text)).toEqual({
    kind: 'event',
    event: 'message',
    payload: textPayload,
    ackId: undefined,
  });
  expect(simpleEvents.decode(binary)).toMatchObject({ event: 'message', payload: binaryPayload });
});

test('[CP-032] in sendToGroup mode each message goes to the group', () => {
  const protocol = simplePublisher('g', true);
  const request = { kind: 'sendToGroup', group: 'g', noEcho: true, ttlSeconds: 0, ackId: undefined };
  expect(protocol.decode(text)).toEqual({ ...request, payload: textPayload });
  expect(protocol.decode(binary)).toEqual({ ...request, payload: binaryPayload });
  expect(simplePublisher('g', false).decode(text)).toMatchObject({ noEcho: false });
});

test('a failed request ends the connection, as there is no ack', () => {
  expect(simpleEvents.onFailure).toBe('close');
  expect(simplePublisher('g', false).onFailure).toBe('close');
});

describe('[client-protocols 3] only payloads are sent', () => {
  const payload = (dataType: Payload['dataType']): Payload => ({
    dataType,
    bytes: Buffer.from(' "x" '),
    metadata: new Map([['a', 'b']]),
  });

  test.each([
    ['text', false],
    ['json', false],
    ['binary', true],
    ['protobuf', true],
  ] as const)('[CP-027] [CP-034] %s keeps its bytes', (dataType, isBinary) => {
    const messages: ServerMessage[] = [
      { kind: 'serverMessage', payload: payload(dataType) },
      { kind: 'groupMessage', group: 'g', fromUserId: 'u', payload: payload(dataType), stream: undefined },
    ];
    for (const message of messages) {
      const frame = simpleEvents.encoder.encode(message);
      expect(frame).toMatchObject({ isBinary, bytes: Buffer.from(' "x" ') });
    }
  });

  test.each<ServerMessage>([
    { kind: 'connected', connectionId: 'c', userId: 'u', reconnectionToken: undefined },
    { kind: 'disconnected', reason: 'r' },
    { kind: 'ack', ackId: 1n, error: undefined },
    { kind: 'pong' },
    { kind: 'invokeResponse', invocationId: 'i', payload: undefined, error: { name: 'n', message: 'm' } },
    { kind: 'streamClosed', streamId: 's', error: { name: 'n', message: 'm' } },
  ])('[CP-025] $kind is not', message => {
    expect(simpleEvents.encoder.encode(message)).toBeUndefined();
  });

  test('both modes share one encoder, so that a message is encoded once for all simple clients', () => {
    expect(simplePublisher('g', false).encoder).toBe(simpleEvents.encoder);
  });
});
