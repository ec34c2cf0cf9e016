import { describe, expect, test } from 'vitest';
import { ConnectRefused } from '../../../src/errors.js';
import type { Response, ResponseHeaders } from '../../../src/upstream/exchange.js';
import {
  connectBodyLimit,
  eventBodyLimit,
  readConnectReply,
  readEventReply,
  replyState,
} from '../../../src/upstream/reply.js';

function response(status: number, body: string | Buffer = '', headers: ResponseHeaders = {}): Response {
  return { kind: 'response', status, headers, body: Buffer.from(body) };
}

const unchanged = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };
const eventFailed = expect.objectContaining({ kind: 'eventFailed' });

describe('connect', () => {
  test.each([
    ['[UE-030] 204', response(204)],
    ['[UE-031] 200 and no body', response(200)],
    ['[upstream-events D16] 202 and no body', response(202)],
    ['[UE-032] nulls', response(200, '{"userId":null,"groups":null,"roles":null,"subprotocol":null}')],
    ['[upstream-events 3.2] JSON null', response(200, 'null')],
    ['[upstream-events 3.2] unknown fields', response(200, '{"color":"red","__proto__":{"userId":"x"}}')],
  ])('%s keeps what the token said', (_, answer) => {
    expect(readConnectReply(answer, [])).toEqual(unchanged);
  });

  test('[UE-033] [UE-036] fields are applied', () => {
    const body = '{"userId":"bob","groups":["a","b"],"roles":["r"],"subprotocol":"p2"}';
    expect(readConnectReply(response(200, body), ['p1', 'p2'])).toEqual({
      userId: 'bob',
      groups: ['a', 'b'],
      roles: ['r'],
      subprotocol: 'p2',
    });
  });

  test.each([undefined, 'text/html', 'application/json; charset=utf-8'])(
    '[UE-040] Content-Type %j is ignored',
    type => {
      expect(readConnectReply(response(200, '{"userId":"bob"}', { 'content-type': type }), []).userId).toBe('bob');
    },
  );

  test('[UE-034] [UE-035] empty lists are not absent ones: what they mean is for the hub to say', () => {
    expect(readConnectReply(response(200, '{"groups":[],"roles":[]}'), [])).toMatchObject({ groups: [], roles: [] });
  });

  test('[client-protocols 1.2] a subprotocol in other case than offered is one that was offered', () => {
    expect(readConnectReply(response(200, '{"subprotocol":"P1"}'), ['p1']).subprotocol).toBe('P1');
  });

  test('[upstream-events 3.2] an empty userId makes the user anonymous', () => {
    expect(readConnectReply(response(200, '{"userId":""}'), []).userId).toBe('');
  });

  test.each([
    ['[UE-037] a subprotocol that was not offered', '{"subprotocol":"x"}'],
    ['[upstream-events D23] a blank subprotocol', '{"subprotocol":""}'],
    ['[UE-039] malformed JSON', '{"userId":'],
    ['a body of spaces', '  '],
    ['an array', '[]'],
    ['a string', '"bob"'],
    ['a number as userId', '{"userId":7}'],
    ['groups as a string', '{"groups":"a"}'],
    ['a null group', '{"groups":[null]}'],
    ['a blank group', '{"groups":[" "]}'],
    ['a group of 1025 characters', JSON.stringify({ groups: ['g'.repeat(1025)] })],
    ['a null role', '{"roles":[null]}'],
    ['roles as an object', '{"roles":{}}'],
    ['an object as subprotocol', '{"subprotocol":{}}'],
  ])('%s fails', (_, body) => {
    expect(() => readConnectReply(response(200, body), ['p1'])).toThrow(eventFailed);
  });

  test('a group of 1024 characters is fine', () => {
    const groups = ['g'.repeat(1024)];
    expect(readConnectReply(response(200, JSON.stringify({ groups })), []).groups).toEqual(groups);
  });

  test('messages do not quote the body', () => {
    expect(() => readConnectReply(response(200, 'hunter2'), [])).toThrow(/^(?!.*hunter2)/);
  });

  test.each([401, 403, 429, 500, 503])('[UE-038] %i refuses, with text and type', status => {
    const refused = refusal(response(status, 'no', { 'content-type': 'text/plain' }));
    expect(refused).toMatchObject({ status, contentType: 'text/plain' });
    expect(refused.body?.toString()).toBe('no');
  });

  test('[UE-116] a redirect is a failure, not a refusal', () => {
    const read = () => readConnectReply(response(302, '', { location: 'http://elsewhere/?code=k' }), []);
    expect(read).toThrow(eventFailed);
    expect(read).not.toThrow(ConnectRefused);
  });

  test('[upstream-events D17] what is not text is not passed on, nor is a strange type', () => {
    expect(refusal(response(400, Buffer.from([0xff, 0xfe]), { 'content-type': 'image/png' }))).toMatchObject({
      body: undefined,
      contentType: undefined,
    });
    expect(refusal(response(400, 'no', { 'content-type': 'té' }))).toMatchObject({ contentType: undefined });
    expect(refusal(response(400))).toMatchObject({ body: undefined, contentType: undefined });
  });

  test('[upstream-events D17] a text cut at 4 KiB ends with a whole character', () => {
    const cut = Buffer.from(`a${'日'.repeat(2000)}`).subarray(0, 4096);
    const { body } = refusal(response(400, cut));
    expect(body?.toString()).toBe(`a${'日'.repeat(1365)}`);
  });

  test('[upstream-events 7.2] how much of a body is read', () => {
    expect(connectBodyLimit(200, 99)).toEqual({ bytes: 99, beyond: 'fail' });
    expect(connectBodyLimit(401, 99)).toEqual({ bytes: 4096, beyond: 'cut' });
    expect(connectBodyLimit(302, 99)).toEqual({ bytes: 0, beyond: 'cut' });
    expect(eventBodyLimit(201, 99)).toEqual({ bytes: 99, beyond: 'fail' });
    expect(eventBodyLimit(400, 99)).toEqual({ bytes: 0, beyond: 'cut' });
  });
});

function refusal(answer: Response): ConnectRefused {
  try {
    readConnectReply(answer, []);
  } catch (error) {
    if (error instanceof ConnectRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('user event', () => {
  test.each([
    ['text/plain', 'text'],
    ['TEXT/Plain ; charset=utf-8', 'text'],
    ['application/json; charset=utf-8', 'json'],
    ['application/octet-stream', 'binary'],
    ['application/x-protobuf', 'protobuf'],
    [undefined, 'binary'],
    ['', 'binary'],
  ] as const)('[UE-050…056] %j is %s', (type, dataType) => {
    const answer = readEventReply(response(200, '{"total":9}', { 'content-type': type }));
    expect(answer).toEqual({ dataType, bytes: Buffer.from('{"total":9}'), metadata: undefined });
  });

  test.each([
    [200, 'application/octet-stream'],
    [204, undefined],
    [200, 'image/png'],
  ])('[UE-055] %i with type %j and an empty body is no message', (status, type) => {
    expect(readEventReply(response(status, '', { 'content-type': type }))).toBeUndefined();
  });

  test('[UE-057] an unknown type with a body fails', () => {
    expect(() => readEventReply(response(200, 'x', { 'content-type': 'image/png' }))).toThrow(eventFailed);
  });

  test.each([
    ['text that is not UTF-8', 'text/plain', Buffer.from([0xff])],
    ['JSON that is not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['JSON that does not parse', 'application/json', Buffer.from('{')],
  ])('%s fails', (_, type, body) => {
    expect(() => readEventReply(response(200, body, { 'content-type': type }))).toThrow(eventFailed);
  });

  test.each([199, 301, 302, 400, 404, 429, 500])('[upstream-events 3.4] %i fails', status => {
    expect(() => readEventReply(response(status))).toThrow(eventFailed);
  });

  test('[UE-065] metadata: lower-cased key, last line, last item', () => {
    const headers = {
      'content-type': 'text/plain',
      'x-webpubsub-metadata-foo': ['x', 'a, b'],
      'x-webpubsub-metadata-': 'n',
    };
    expect(readEventReply(response(200, 'hi', headers))?.metadata).toEqual(new Map([['foo', 'b']]));
  });

  test('[upstream-events 3.3] metadata without a body is an empty text', () => {
    expect(readEventReply(response(204, '', { 'x-webpubsub-metadata-k': 'v' }))).toEqual({
      dataType: 'text',
      bytes: Buffer.alloc(0),
      metadata: new Map([['k', 'v']]),
    });
  });

  test.each([
    ['a value of 1025', { 'x-webpubsub-metadata-k': 'v'.repeat(1025) }],
    ['a key of 257', { [`x-webpubsub-metadata-${'k'.repeat(257)}`]: 'v' }],
    ['a value outside ASCII', { 'x-webpubsub-metadata-k': 'é' }],
    [
      'more than 8 KiB in all',
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`x-webpubsub-metadata-k${i}`, 'v'.repeat(1000)])),
    ],
  ])('[upstream-events 3.3] metadata beyond the limits fails: %s', (_, headers) => {
    expect(() => readEventReply(response(200, '', headers))).toThrow(eventFailed);
  });
});

test('[upstream-events 3.5] state: absent is unchanged, empty is kept, the last line counts', () => {
  expect(replyState({})).toBeUndefined();
  expect(replyState({ 'ce-connectionstate': '' })).toBe('');
  expect(replyState({ 'ce-connectionstate': ['s1', 's2'] })).toBe('s2');
  expect(replyState({ 'ce-connectionstate': 'a, b' })).toBe('a, b');
});
