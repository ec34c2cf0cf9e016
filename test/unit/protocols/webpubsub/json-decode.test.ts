import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../../src/errors.js';
import type { Payload } from '../../../../src/protocols/messages.js';
import { decode as decodeFrame } from '../../../../src/protocols/webpubsub/json/decode.js';
import type { ClientRequest } from '../../../../src/protocols/webpubsub/requests.js';

function decode(text: string): ClientRequest {
  return decodeFrame({ isBinary: false, bytes: Buffer.from(text, 'utf8') });
}

function kindOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof PubSubError) return error.kind;
    throw error;
  }
}

const malformed = (text: string) => expect(kindOf(() => decode(text))).toBe('malformed');

/** A `sendToGroup` with these fields added, as JSON text. */
const send = (fields: string) => `{"type":"sendToGroup","group":"g",${fields}}`;
const event = (fields: string) => `{"type":"event","event":"e",${fields}}`;

/** The payload of a request that has one, its bytes as text. */
function payloadOf(text: string) {
  const request = decode(text);
  if (request.kind !== 'publish' && request.kind !== 'raise') throw new Error(`${request.kind} has no payload`);
  const { dataType, bytes, metadata } = request.payload;
  return { dataType, text: bytes.toString('utf8'), metadata };
}

/** `google.protobuf.Any` with type URL `t/x` and value 01 02. */
const anyBase64 = Buffer.from([0x0a, 3, 0x74, 0x2f, 0x78, 0x12, 2, 1, 2]).toString('base64');

describe('[client-protocols 4.2] each request', () => {
  const plain: Payload = { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined };
  const price: Payload = { ...plain, bytes: Buffer.from('ACME') };
  const empty = { noEcho: false, ttlSeconds: 0, ackId: undefined };
  test.each<[string, ClientRequest]>([
    ['{"type":"joinGroup","group":"orbit.7","ackId":41}', { kind: 'join', group: 'orbit.7', ackId: 41n }],
    ['{"type":"joinGroup","group":"g"}', { kind: 'join', group: 'g', ackId: undefined }],
    ['{"type":"leaveGroup","group":"g","ackId":1}', { kind: 'leave', group: 'g', ackId: 1n }],
    [
      send('"dataType":"text","data":"x","noEcho":true,"ttlSeconds":300,"ackId":42'),
      { kind: 'publish', group: 'g', payload: plain, noEcho: true, ttlSeconds: 300, ackId: 42n },
    ],
    [send('"dataType":"text","data":"x"'), { kind: 'publish', group: 'g', payload: plain, ...empty }],
    [event('"dataType":"text","data":"x","ackId":43'), { kind: 'raise', event: 'e', payload: plain, ackId: 43n }],
    ['{"type":"ping"}', { kind: 'ping' }],
    ['{"type":"sequenceAck","sequenceId":17}', { kind: 'acked', sequenceId: 17n }],
    ['{"type":"sequenceAck","sequenceId":"17"}', { kind: 'acked', sequenceId: 17n }],
    [
      '{"type":"invoke","invocationId":"q-9","target":"event","event":"price.of","dataType":"text","data":"ACME"}',
      { kind: 'invoke', invocationId: 'q-9', event: 'price.of', payload: price },
    ],
    [
      '{"type":"invoke","invocationId":"1","event":"e"}',
      { kind: 'invoke', invocationId: '1', event: 'e', payload: undefined },
    ],
    ['{"type":"cancelInvocation","invocationId":"q-9"}', { kind: 'cancelInvocation', invocationId: 'q-9' }],
    [
      '{"type":"sendToGroup","group":"g","noEcho":true,"stream":{"streamId":"s"}}',
      { kind: 'streamStart', streamId: 's', group: 'g', noEcho: true, idleTimeoutMs: undefined },
    ],
    ['{"type":"streamData","streamId":"s"}', { kind: 'streamData', streamId: 's', fragment: undefined }],
    ['{"type":"streamEnd","streamId":"s"}', { kind: 'streamEnd', streamId: 's', error: undefined }],
    [
      '{"type":"setGroupState","group":"g","ackId":1}',
      { kind: 'setGroupState', group: 'g', state: undefined, ackId: 1n },
    ],
    ['{"type":"subscribeGroupState","group":"g"}', { kind: 'subscribeGroupState', group: 'g', ackId: undefined }],
    ['{"type":"unsubscribeGroupState","group":"g"}', { kind: 'unsubscribeGroupState', group: 'g', ackId: undefined }],
  ])('%s', (text, request) => {
    expect(decode(text)).toEqual(request);
  });
});

describe('frames that are no request', () => {
  test('[CP-055] a binary frame is the wrong type, whatever it holds', () => {
    expect(kindOf(() => decodeFrame({ isBinary: true, bytes: Buffer.from('{"type":"ping"}') }))).toBe('wrongFrameType');
  });

  test.each([
    '',
    ' ',
    'ping',
    '{',
    '{"type":"ping"} x',
    '[]',
    '[{"type":"ping"}]',
    'null',
    '1',
    '"ping"',
    '{}',
    '{"type":null}',
    '{"type":1}',
    '{"type":""}',
    '{"type":"pong"}',
    '{"type":"join group"}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"__proto__":{"type":"ping"}}',
    '{"Type":"ping"}',
    '\ufeff{"type":"ping"}',
  ])('[CP-054] %j is malformed', malformed);

  test('bytes that are no UTF-8 outside of strings are malformed', () => {
    const bytes = Buffer.concat([Buffer.from('{"type":"ping"'), Buffer.from([0xff]), Buffer.from('}')]);
    expect(kindOf(() => decodeFrame({ isBinary: false, bytes }))).toBe('malformed');
  });

  test('the message names a mistyped type, and repeats nothing else that the client sent', () => {
    expect(() => decode('{"type":"joinGrup","group":"g"}')).toThrow(/^unknown message type "joinGrup"$/);
    for (const type of ['x'.repeat(33), 'secret=1', 'a b', '']) {
      expect(() => decode(JSON.stringify({ type }))).toThrow(/^unknown message type$/);
    }
  });
});

describe('[client-protocols 4.1] general rules', () => {
  test('[CP-050] types and data types in any letter case', () => {
    expect(decode('{"type":"PING"}')).toEqual({ kind: 'ping' });
    expect(decode('{"type":"JoinGroup","group":"g"}').kind).toBe('join');
    expect(payloadOf(send('"dataType":"Text","data":"x"')).dataType).toBe('text');
    expect(payloadOf(send('"dataType":"BINARY","data":""')).dataType).toBe('binary');
  });

  test('unknown properties are ignored, and names are case-sensitive', () => {
    expect(decode('{"type":"ping","extra":[1,{"type":"x"}]}')).toEqual({ kind: 'ping' });
    malformed('{"type":"joinGroup","Group":"g"}');
    malformed(send('"Data":1'));
  });

  test('of a repeated property the last counts, in values and in raw data alike', () => {
    expect(decode('{"type":"ping","type":"joinGroup","group":"a","group":"b"}')).toMatchObject({ group: 'b' });
    expect(payloadOf(send('"data":{"n":1.0},"data":{"n":2.0}')).text).toBe('{"n":2.0}');
    expect(decode(send('"data":1,"ackId":1,"ackId":18446744073709551615'))).toMatchObject({ ackId: 2n ** 64n - 1n });
  });

  test('property names may be written with escapes', () => {
    expect(payloadOf('{"\\u0074ype":"event","event":"e","d\\u0061ta": 1.0 }').text).toBe('1.0');
  });

  test('[CP-058] the digits of ackId survive up to 2^64-1', () => {
    for (const id of [0n, 1n, 2n ** 53n + 1n, 10_000_000_000_000_000_001n, 2n ** 64n - 1n]) {
      expect(decode(`{"type":"joinGroup","group":"g","ackId": ${id} }`)).toMatchObject({ ackId: id });
    }
  });

  test('[CP-057] null is no ackId', () => {
    expect(decode('{"type":"joinGroup","group":"g","ackId":null}')).toMatchObject({ ackId: undefined });
  });

  test.each(['"1"', '-1', '1.5', '1.0', '1e3', '-0', '18446744073709551616', '1e400', 'true', '[]', '{}', '[1]'])(
    '[CP-057] ackId %s is malformed',
    ackId => {
      for (const type of ['joinGroup', 'leaveGroup', 'setGroupState', 'subscribeGroupState', 'unsubscribeGroupState']) {
        malformed(`{"type":"${type}","group":"g","ackId":${ackId}}`);
      }
      malformed(send(`"data":1,"ackId":${ackId}`));
      malformed(event(`"data":1,"ackId":${ackId}`));
    },
  );

  test.each(['null', '1', '"true"', '{}'])('noEcho %s is malformed', noEcho =>
    malformed(send(`"data":1,"noEcho":${noEcho}`)),
  );

  test('noEcho is false unless given', () => {
    expect(decode(send('"data":1,"noEcho":false'))).toMatchObject({ noEcho: false });
  });

  test.each(['', ' \t\n', '\u00a0', '.', '..', 'g'.repeat(1025)])('[D07] a group named %j is malformed', group => {
    for (const type of ['joinGroup', 'leaveGroup', 'sendToGroup', 'setGroupState', 'subscribeGroupState']) {
      malformed(JSON.stringify({ type, group, data: 1 }));
    }
  });

  test.each(['null', '1', '["g"]', '{}'])('a group that is %s is malformed', group => {
    malformed(`{"type":"joinGroup","group":${group}}`);
    malformed('{"type":"joinGroup"}');
  });

  test.each(['g'.repeat(1024), ' a ', '*', '日本/é', '\u0000', '__proto__'])('a group may be named %j', group => {
    expect(decode(JSON.stringify({ type: 'joinGroup', group }))).toMatchObject({ group });
  });

  test.each(['1x', '', '_a', 'a b', 'é', 'a/b', 'a\n', 'e'.repeat(129)])(
    '[CP-066] an event named %j is malformed',
    name => {
      malformed(JSON.stringify({ type: 'event', event: name, data: 1 }));
      malformed(JSON.stringify({ type: 'invoke', invocationId: '1', event: name }));
    },
  );

  test.each(['a', 'Z', 'e'.repeat(128), 'a_b.c-9'])('[CP-066] an event may be named %s', name => {
    expect(decode(JSON.stringify({ type: 'event', event: name, data: 1 }))).toMatchObject({ event: name });
  });

  test.each(['-1', '301', '1.5', '"1"', 'true'])('[CP-069] ttlSeconds %s is malformed', ttl => {
    const message = 'ttlSeconds must be an integer from 0 to 300';
    expect(() => decode(send(`"data":1,"ttlSeconds":${ttl}`))).toThrow(
      expect.objectContaining({ kind: 'malformed', message }),
    );
  });

  test('[CP-069] ttlSeconds from 0 to 300; null is absent', () => {
    for (const [text, ttlSeconds] of [
      ['0', 0],
      ['300', 300],
      ['null', 0],
    ] as const) {
      expect(decode(send(`"data":1,"ttlSeconds":${text}`))).toMatchObject({ ttlSeconds });
    }
  });
});

describe('data', () => {
  test('[CP-049] is JSON unless said otherwise', () => {
    expect(payloadOf(send('"data":{"a":1}'))).toEqual({ dataType: 'json', text: '{"a":1}', metadata: undefined });
  });

  test.each([
    '{"n":12345678901234567890,"f":1.0}',
    '{ "b" : 1 ,\n\t"a":[ 1.50 , -0 , 1E+2 ] }',
    '{"a":1,"a":2}',
    '"\\u0041\\/\\ud83d\\ude00 é 😀 \\ud800"',
    '"a\\"}],{[\\\\"',
    '[]',
    '{}',
    'true',
    'false',
    'null',
    '0',
    '-1.0e-7',
    '""',
    '{"__proto__":{"x":1},"":2}',
  ])('[CP-051] JSON %s keeps its bytes', data => {
    for (const spaced of [data, ` ${data} `, `\n${data}\r\n\t`]) {
      expect(payloadOf(send(`"data":${spaced}`)).text).toBe(data);
      expect(payloadOf(event(`"ackId":1,"data":${spaced},"dataType":"json"`)).text).toBe(data);
    }
  });

  test('[CP-053] text must be a string, and is unescaped', () => {
    expect(payloadOf(send('"dataType":"text","data":"a\\n\\u00e9\\ud83d\\ude00"')).text).toBe('a\né😀');
    expect(payloadOf(send('"dataType":"text","data":""')).text).toBe('');
    for (const data of ['1', 'null', '{}', '["a"]', 'true']) malformed(send(`"dataType":"text","data":${data}`));
  });

  test('[CP-053] data must be there', () => {
    malformed('{"type":"sendToGroup","group":"g"}');
    malformed('{"type":"event","event":"e"}');
    malformed(send('"dataType":"text"'));
  });

  test('[CP-053] null is the JSON value null, with dataType json alone', () => {
    const json = { dataType: 'json', text: 'null', metadata: undefined };
    expect(payloadOf(send('"data":null'))).toEqual(json);
    expect(payloadOf(event('"data": null ,"dataType":"json"'))).toEqual(json);
    expect(decode('{"type":"invoke","invocationId":"1","event":"e","data":null}')).toMatchObject({
      payload: { dataType: 'json', bytes: Buffer.from('null') },
    });
    for (const dataType of ['text', 'binary', 'protobuf']) malformed(send(`"dataType":"${dataType}","data":null`));
  });

  test.each(['"xml"', '""', 'null', '1', '["text"]'])('dataType %s is malformed', dataType => {
    malformed(send(`"data":"x","dataType":${dataType}`));
  });

  test.each([
    ['', ''],
    ['3q2+7w==', 'deadbeef'],
    ['AA==', '00'],
    ['////', 'ffffff'],
    ['AAAA\\/\\/8=', '000000ffff'],
  ])('binary %j is base64', (data, hex) => {
    const request = decode(send(`"dataType":"binary","data":"${data}"`));
    expect(request).toMatchObject({ payload: { dataType: 'binary', bytes: Buffer.from(hex, 'hex') } });
  });

  test.each(['A', 'AA', 'AAA', 'AA=A', '====', 'AA= =', 'AA\\n==', '-_-_', 'AAAA ', 'é===', 'AAAAA==='])(
    '[CP-052] binary %j is malformed',
    data => {
      malformed(send(`"dataType":"binary","data":"${data}"`));
      malformed(send(`"dataType":"protobuf","data":"${data}"`));
    },
  );

  test('binary that is no string is malformed', () => malformed(send('"dataType":"binary","data":[1]')));

  test('[client-protocols D13] protobuf is a serialised Any, kept as it came', () => {
    const request = decode(send(`"dataType":"Protobuf","data":"${anyBase64}"`));
    expect(request).toMatchObject({ payload: { dataType: 'protobuf', bytes: Buffer.from(anyBase64, 'base64') } });
    malformed(send('"dataType":"protobuf","data":"CgU="')); // says five bytes, has none
  });
});

describe('[client-protocols 4.6] metadata', () => {
  test('[CP-068] goes with the message, keys in their own case', () => {
    const text = send('"data":1,"metadata":{"Trace":"a, b","trace":""}');
    expect(payloadOf(text).metadata).toEqual(
      new Map([
        ['Trace', 'a, b'],
        ['trace', ''],
      ]),
    );
  });

  test.each(['null', '{}'])('%s is none', metadata => {
    expect(payloadOf(event(`"data":1,"metadata":${metadata}`)).metadata).toBeUndefined();
  });

  test.each([
    '1',
    '"a"',
    '[]',
    '[["a","b"]]',
    '{"a":1}',
    '{"a":null}',
    '{"a":{"b":"c"}}',
    '{"a":"1","a":"1"}',
    '{"a":"1","\\u0061":"2"}',
    '{"":"x"}',
    '{"a b":"x"}',
    '{"a":"é"}',
    '{"a":"\\n"}',
    `{"${'k'.repeat(257)}":""}`,
    `{"a":"${'v'.repeat(1025)}"}`,
  ])('[CP-068] %s is malformed', metadata => {
    malformed(send(`"data":1,"metadata":${metadata}`));
    malformed(event(`"metadata":${metadata},"data":1`));
  });

  test('the error names it where it is no object', () => {
    expect(() => decode(send('"data":1,"metadata":[]'))).toThrow('metadata must be a JSON object');
  });

  test('__proto__ is an ordinary key', () => {
    expect(payloadOf(send('"data":1,"metadata":{"__proto__":"x"}')).metadata).toEqual(new Map([['__proto__', 'x']]));
  });

  test('[client-protocols 4.1] without data it is an empty text', () => {
    const metadata = new Map([['a', 'b']]);
    expect(payloadOf(send('"metadata":{"a":"b"}'))).toEqual({ dataType: 'text', text: '', metadata });
    expect(payloadOf(event('"metadata":{}'))).toEqual({ dataType: 'text', text: '', metadata: undefined });
    malformed(send('"metadata":null'));
  });
});

describe('other malformed requests', () => {
  test.each([
    '{"type":"sequenceAck"}',
    '{"type":"sequenceAck","sequenceId":null}',
    '{"type":"sequenceAck","sequenceId":-1}',
    '{"type":"sequenceAck","sequenceId":1.5}',
    '{"type":"sequenceAck","sequenceId":""}',
    '{"type":"sequenceAck","sequenceId":"x"}',
    '{"type":"sequenceAck","sequenceId":"18446744073709551616"}',
    '{"type":"invoke","event":"e"}',
    '{"type":"invoke","invocationId":"","event":"e"}',
    '{"type":"invoke","invocationId":1,"event":"e"}',
    '{"type":"invoke","invocationId":"1"}',
    '{"type":"invoke","invocationId":"1","event":"e","target":"group"}',
    '{"type":"cancelInvocation"}',
    '{"type":"cancelInvocation","invocationId":""}',
    '{"type":"streamData"}',
    '{"type":"streamEnd","streamId":""}',
    '{"type":"sendToGroup","group":"g","stream":{}}',
    '{"type":"sendToGroup","group":"g","stream":"s"}',
    '{"type":"sendToGroup","group":"g","stream":["s"]}',
    '{"type":"sendToGroup","group":"g","stream":{"streamId":""}}',
  ])('%s', malformed);

  test.each(['{"type":"event","event":"e","data":1', '{"type":"invoke","event":"e","invocationId":"1"'])(
    '[client-protocols D23] %s … with a stream',
    start => malformed(`${start},"stream":{"streamId":"s"}}`),
  );
});
