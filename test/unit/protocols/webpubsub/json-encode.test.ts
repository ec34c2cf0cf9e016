import { describe, expect, test } from 'vitest';
import type { DataType, Payload } from '../../../../src/protocols/messages.js';
import type { ClientMessage } from '../../../../src/protocols/webpubsub/replies.js';
import { jsonFrame } from '../../../support/web-pubsub-forms.js';

function encode(message: ClientMessage): string | undefined {
  const frame = jsonFrame(message);
  if (frame?.isBinary === true) throw new Error('a JSON client was given a binary frame');
  return frame?.bytes.toString('utf8');
}

function payload(dataType: DataType, bytes: string | Buffer, metadata?: Record<string, string>): Payload {
  return {
    dataType,
    bytes: Buffer.from(bytes as string),
    metadata: metadata && new Map(Object.entries(metadata)),
  };
}

/** Of a message from the app server. */
const encodePayload = (...parts: Parameters<typeof payload>) =>
  encode({ kind: 'serverMessage', payload: payload(...parts) });

describe('[rest-api 5] messages, key by key', () => {
  test('[RA-035] a text from the server is exactly what the vendor’s suite expects', () => {
    expect(encodePayload('text', 'Hi there!')).toBe(
      '{"type":"message","from":"server","dataType":"text","data":"Hi there!"}',
    );
  });

  test('[CP-067] a group’s message names it and the sender, null when there is none', () => {
    const common = { kind: 'groupMessage', group: 'orbit.7', stream: undefined } as const;
    const message = { ...common, payload: payload('json', '{"x":1}') };
    expect(encode({ ...message, fromUserId: 'mira' })).toBe(
      '{"type":"message","from":"group","group":"orbit.7","fromUserId":"mira","dataType":"json","data":{"x":1}}',
    );
    expect(encode({ ...message, fromUserId: undefined })).toBe(
      '{"type":"message","from":"group","group":"orbit.7","fromUserId":null,"dataType":"json","data":{"x":1}}',
    );
  });

  test('[CP-051] JSON data is put in byte for byte', () => {
    const data = ' {"n":12345678901234567890, "f":1.0,"a":1,"a":2, "s":"\\u00e9é"}\n';
    expect(encodePayload('json', data)).toBe(`{"type":"message","from":"server","dataType":"json","data":${data}}`);
  });

  test('[client-protocols D12] JSON null has no words, however it is spaced', () => {
    expect(encodePayload('json', 'null')).toBeUndefined();
    expect(encodePayload('json', ' \r\n\tnull ')).toBeUndefined();
    expect(encodePayload('json', '"null"')).toContain('"data":"null"}');
    expect(encodePayload('json', '[null]')).toContain('"data":[null]}');
    expect(encodePayload('text', 'null')).toContain('"data":"null"}');
  });

  test('text is escaped, and may be empty', () => {
    expect(encodePayload('text', 'a"\\\n\u0001é😀')).toBe(
      '{"type":"message","from":"server","dataType":"text","data":"a\\"\\\\\\n\\u0001é😀"}',
    );
    expect(encodePayload('text', '')).toBe('{"type":"message","from":"server","dataType":"text","data":""}');
  });

  test.each(['binary', 'protobuf'] as const)('%s is base64', dataType => {
    expect(encodePayload(dataType, Buffer.from('deadbeefff', 'hex'))).toBe(
      `{"type":"message","from":"server","dataType":"${dataType}","data":"3q2+7/8="}`,
    );
    expect(encodePayload(dataType, '')).toContain('"data":""}');
  });

  test('[CP-068] metadata comes last, and only when there is some', () => {
    const text = encode({
      kind: 'groupMessage',
      group: 'g',
      fromUserId: undefined,
      stream: undefined,
      payload: payload('json', '1', { Trace: 'a"b', z: '' }),
    });
    expect(text).toBe(
      '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"json","data":1,"metadata":{"Trace":"a\\"b","z":""}}',
    );
  });

  test('names of groups and users are escaped', () => {
    const group = '"},{"x":"\n';
    const content = { payload: payload('json', '1'), stream: undefined };
    const message = encode({ kind: 'groupMessage', group, fromUserId: group, ...content });
    expect(JSON.parse(message ?? '')).toEqual({
      type: 'message',
      from: 'group',
      group,
      fromUserId: group,
      dataType: 'json',
      data: 1,
    });
  });
});

describe('[client-protocols 4.3] everything else', () => {
  const error = { name: 'Forbidden', message: 'no "right"' };
  test.each<[string, ClientMessage, string]>([
    [
      '[CP-035] connected',
      { kind: 'connected', connectionId: 'k3Vd0x', userId: 'mira', reconnectionToken: undefined },
      '{"type":"system","event":"connected","userId":"mira","connectionId":"k3Vd0x"}',
    ],
    [
      '[CP-036] connected, anonymous',
      { kind: 'connected', connectionId: 'c', userId: undefined, reconnectionToken: undefined },
      '{"type":"system","event":"connected","userId":null,"connectionId":"c"}',
    ],
    [
      'connected, reliable',
      { kind: 'connected', connectionId: 'c', userId: 'u', reconnectionToken: 't' },
      '{"type":"system","event":"connected","userId":"u","connectionId":"c","reconnectionToken":"t"}',
    ],
    [
      'disconnected',
      { kind: 'disconnected', reason: 'a"b' },
      '{"type":"system","event":"disconnected","message":"a\\"b"}',
    ],
    ['ack', { kind: 'ack', ackId: 0n, error: undefined }, '{"type":"ack","ackId":0,"success":true}'],
    [
      '[CP-058] ack of the largest id',
      { kind: 'ack', ackId: 2n ** 64n - 1n, error: undefined },
      '{"type":"ack","ackId":18446744073709551615,"success":true}',
    ],
    [
      'failed ack',
      { kind: 'ack', ackId: 42n, error },
      '{"type":"ack","ackId":42,"success":false,"error":{"name":"Forbidden","message":"no \\"right\\""}}',
    ],
    ['pong', { kind: 'pong' }, '{"type":"pong"}'],
    [
      'invokeResponse',
      { kind: 'invokeResponse', invocationId: 'q-9', payload: undefined, error },
      '{"type":"invokeResponse","invocationId":"q-9","success":false,"error":{"name":"Forbidden","message":"no \\"right\\""}}',
    ],
    [
      'streamClosed',
      { kind: 'streamClosed', streamId: 's', error },
      '{"type":"streamClosed","streamId":"s","error":{"name":"Forbidden","message":"no \\"right\\""}}',
    ],
  ])('%s', (_title, message, text) => {
    expect(encode(message)).toBe(text);
  });
});
