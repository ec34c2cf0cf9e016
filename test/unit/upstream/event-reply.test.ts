import { describe, expect, test } from 'vitest';
import type { Response } from '../../../src/egress/exchange.js';
import { eventBodyLimit, readEventReply } from '../../../src/upstream/event-reply.js';
import { answerer, response } from './answers.js';

const eventFailed = expect.objectContaining({ kind: 'eventFailed' });

const read = (answer: Response) => readEventReply(answer, { kind: 'user', name: 'vote' }, answerer);

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
    const answer = read(response(200, '{"total":9}', { 'content-type': type }));
    expect(answer).toEqual({ dataType, bytes: Buffer.from('{"total":9}'), metadata: undefined });
  });

  test.each([
    [200, 'application/octet-stream'],
    [204, undefined],
    [200, 'image/png'],
  ])('[UE-055] %i with type %j and an empty body is no message', (status, type) => {
    expect(read(response(status, '', { 'content-type': type }))).toBeUndefined();
  });

  test('[UE-057] an unknown type with a body fails', () => {
    expect(() => read(response(200, 'x', { 'content-type': 'image/png' }))).toThrow(eventFailed);
  });

  test.each(['gzip', 'BR', 'identity, gzip', ['identity', 'deflate']])(
    'a body with the Content-Encoding %j fails, and the reason names it',
    coding => {
      const headers = { 'content-type': 'application/octet-stream', 'content-encoding': coding };
      const reason = /the answer has the Content-Encoding "(gzip|BR|deflate)", which is not supported/;
      expect(() => read(response(200, 'x', headers))).toThrow(reason);
      expect(read(response(200, '', headers))).toBeUndefined();
    },
  );

  test.each(['identity', 'Identity', '', ' , '])('a body with the Content-Encoding %j is as it is', coding => {
    const answer = read(response(200, 'x', { 'content-type': 'text/plain', 'content-encoding': coding }));
    expect(answer?.bytes.toString()).toBe('x');
  });

  test('[upstream-events 7.2] how much of a body is read', () => {
    expect(eventBodyLimit(201, 99)).toEqual({ bytes: 99, beyond: 'fail' });
    expect(eventBodyLimit(400, 99)).toEqual({ bytes: 0, beyond: 'cut' });
  });

  test.each([
    ['text/plain; charset=iso-8859-1', 'text', Buffer.from('"é"', 'latin1')],
    ['text/plain; charset="utf-16"', 'text', Buffer.from('\ufeff"é"', 'utf16le')],
    ['application/json;charset=UTF-16BE', 'json', Buffer.from('"é"', 'utf16le').swap16()],
    ['application/json', 'json', Buffer.from('\ufeff"é"')],
    ['text/plain', 'text', Buffer.from('\ufeff"é"')],
    ['Text/Plain; x=1; Charset=UTF-8', 'text', Buffer.from('"é"')],
  ] as const)('[V05] [D12] %s becomes UTF-8 without a byte order mark', (type, dataType, body) => {
    const answer = read(response(200, body, { 'content-type': type }));
    expect(answer).toEqual({ dataType, bytes: Buffer.from('"é"'), metadata: undefined });
  });

  test('[D12] a byte order mark alone is no message', () => {
    expect(read(response(200, '\ufeff', { 'content-type': 'text/plain' }))).toBeUndefined();
  });

  test('[V05] binary stays as it is, whatever charset it declares', () => {
    const body = Buffer.from('\ufeffé', 'utf16le');
    const answer = read(response(200, body, { 'content-type': 'application/octet-stream; charset=utf-16' }));
    expect(answer?.bytes).toEqual(body);
  });

  test.each([
    ['[V05] an unknown charset', 'text/plain; charset=klingon', 'x', 'charset "klingon" is not supported; use utf-8'],
    ['[V05] text of another charset', 'text/plain; charset=utf-16', 'x', 'is not valid in the charset utf-16le'],
    ['[V10] text/html', 'text/html; charset=utf-8', '<p>', 'Content-Type is "text/html; charset=utf-8", which'],
    ['[V10] what is not printable', 'text/hté', 'x', 'Content-Type is "text/ht?", which'],
    ['[V10] a very long one', `x/${'y'.repeat(5000)}`, 'x', `Content-Type is "x/${'y'.repeat(98)}…", which`],
  ])('%s fails with the reason', (_, type, body, reason) => {
    expect(() => read(response(200, body, { 'content-type': type }))).toThrow(reason);
  });

  test('[D20] 404 asks whether the hub is served', () => {
    expect(() => read(response(404))).toThrow(
      'app at http://app/{event} answered 404 to vote of hub "chat"; does its middleware serve hub "chat"?',
    );
  });

  test('[D21] a redirect names its target', () => {
    expect(() => read(response(307, '', { location: 'https://app/x?code=k' }))).toThrow(
      'answered 307 to https://app/x; redirects are not followed',
    );
  });

  test.each([
    ['text that is not UTF-8', 'text/plain', Buffer.from([0xff])],
    ['JSON that is not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['JSON that does not parse', 'application/json', Buffer.from('{')],
  ])('%s fails', (_, type, body) => {
    expect(() => read(response(200, body, { 'content-type': type }))).toThrow(eventFailed);
  });

  test.each([199, 301, 302, 400, 404, 429, 500])('[upstream-events 3.4] %i fails', status => {
    expect(() => read(response(status))).toThrow(eventFailed);
  });

  test('[UE-065] metadata: lower-cased key, last line, last item', () => {
    const headers = {
      'content-type': 'text/plain',
      'x-webpubsub-metadata-foo': ['x', 'a, b'],
      'x-webpubsub-metadata-': 'n',
    };
    expect(read(response(200, 'hi', headers))?.metadata).toEqual(new Map([['foo', 'b']]));
  });

  test('[upstream-events 3.3] metadata without a body is an empty text', () => {
    expect(read(response(204, '', { 'x-webpubsub-metadata-k': 'v' }))).toEqual({
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
    expect(() => read(response(200, '', headers))).toThrow(eventFailed);
  });
});
