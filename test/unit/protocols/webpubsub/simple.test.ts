import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import type { Act } from '../../../../src/protocols/acts.js';
import type { Payload, ServerMessage } from '../../../../src/protocols/messages.js';
import { simpleEvents, simplePublisher } from '../../../../src/protocols/webpubsub/simple.js';

const text = { isBinary: false, bytes: Buffer.from('{"type":"ping"}') };
const binary = { isBinary: true, bytes: Buffer.from([0, 255]) };
const textPayload = { dataType: 'text', bytes: text.bytes, metadata: undefined };
const binaryPayload = { dataType: 'binary', bytes: binary.bytes, metadata: undefined };

test('[CP-026] each message is the event `message`, whatever it looks like', () => {
  const dialogue = simpleEvents.begin();
  expect(dialogue.receive(text)).toEqual({ kind: 'raise', event: 'message', payload: textPayload });
  expect(dialogue.receive(binary)).toMatchObject({ event: 'message', payload: binaryPayload });
});

test('[CP-032] in sendToGroup mode each message goes to the group', () => {
  const dialogue = simplePublisher('g', true).begin();
  const act = { kind: 'publish', group: 'g', noEcho: true, ttlSeconds: 0 };
  expect(dialogue.receive(text)).toEqual({ ...act, payload: textPayload });
  expect(dialogue.receive(binary)).toEqual({ ...act, payload: binaryPayload });
  expect(simplePublisher('g', false).begin().receive(text)).toMatchObject({ noEcho: false });
});

test('a failed request ends the connection, as there is no ack; a success has no words', () => {
  for (const protocol of [simpleEvents, simplePublisher('g', false)]) {
    const dialogue = protocol.begin();
    const act = dialogue.receive(text) as Act;
    const error = new PubSubError('forbidden', 'no');
    expect([dialogue.answer(act, error), dialogue.answer(act, undefined)]).toEqual([error, undefined]);
    expect([dialogue.repeated(act), dialogue.record()]).toEqual([undefined, undefined]);
  }
});

test('one dialogue serves all clients: it remembers nothing', () => {
  expect(simpleEvents.begin()).toBe(simpleEvents.begin());
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
  ])('[CP-025] $kind is not', message => {
    expect(simpleEvents.encoder.encode(message)).toBeUndefined();
  });

  test('[CP-025] nor is a group state or the progress of a stream', () => {
    expect(simpleEvents.encoder.encodeState).toBeUndefined();
    expect(simpleEvents.begin().notice({ kind: 'streamClosed', streamId: 's', error: undefined })).toBeUndefined();
  });

  test('both modes share one encoder, so that a message is encoded once for all simple clients', () => {
    expect(simplePublisher('g', false).encoder).toBe(simpleEvents.encoder);
  });
});
