import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { domainError, startRest } from './rest-harness.js';

const text = { 'content-type': 'text/plain' };
const json = { 'content-type': 'application/json' };
/** Options of a send that asks for nothing special. */
const plain = { filter: undefined, ttlSeconds: 0 };
const sends = [
  '/api/hubs/chat/:send',
  '/api/hubs/chat/groups/g/:send',
  '/api/hubs/chat/users/u/:send',
  '/api/hubs/chat/connections/c/:send',
];

async function send(headers: Record<string, string>, payload: string | Buffer, url = sends[0]!) {
  const rest = startRest();
  const reply = await rest.ask('POST', url, { headers, payload });
  return { ...rest, reply };
}

/** `text` as UTF-16 with its most significant byte first. */
function utf16be(content: string): Buffer {
  return Buffer.from(content, 'utf16le').swap16();
}

describe('payloads', () => {
  test.each([
    '{"a":1.0,"b":12345678901234567890,\n "a":2}',
    '"hello"',
    'null',
    ' [1e400] ',
    '{"__proto__":{"x":1}}',
    '"\\ud800"',
  ])('[RA-030] JSON %s keeps its bytes', async body => {
    const { reply, sent } = await send(json, body);
    expect(reply.statusCode).toBe(202);
    expect(sent()).toEqual({ dataType: 'json', bytes: Buffer.from(body), metadata: undefined });
  });

  test.each(['', '{', '{a:1}', "'x'", '1 2', 'NaN', Buffer.from([0x22, 0xff, 0x22])])(
    '[RA-031] body %# is not JSON: 400, and nothing is sent',
    async body => {
      const { reply, hubs } = await send(json, body);
      expect(reply.statusCode).toBe(400);
      expect(reply.headers['x-ms-error-code']).toBe('Error.BadRequest');
      if (typeof body === 'string') {
        expect(reply.json()).toEqual(
          domainError('Error.BadRequest', 'Request', 'The request body is not a valid JSON.'),
        );
      }
      expect(hubs.calls).toEqual([]);
    },
  );

  test.each(['gzip', 'br, identity', 'Deflate'])(
    'a body with the Content-Encoding %j is 415, and nothing is sent',
    async coding => {
      for (const type of ['application/octet-stream', 'text/plain', undefined]) {
        const headers = { 'content-encoding': coding, ...(type && { 'content-type': type }) };
        const { reply, hubs } = await send(headers, gzipSync('hello'));
        expect(reply.statusCode).toBe(415);
        expect(reply.json()).toEqual(
          domainError('Error.UnsupportedMediaType', 'Request', expect.stringContaining('Content-Encoding')),
        );
        expect(hubs.calls).toEqual([]);
      }
    },
  );

  test.each(['', 'text/plain, text/plain', 'text', 'text/'])(
    'a malformed Content-Type (%j) is 415, and told',
    async type => {
      const { reply, hubs } = await send({ 'content-type': type }, 'x');
      expect([reply.statusCode, reply.json().message]).toEqual([415, 'The Content-Type header is malformed.']);
      expect(hubs.calls).toEqual([]);
    },
  );

  test('a body with the Content-Encoding identity is as it is', async () => {
    const { sent } = await send({ ...text, 'content-encoding': 'identity' }, 'hello');
    expect(sent().bytes.toString()).toBe('hello');
  });

  test.each([
    ['utf-8', Buffer.from('žluť €')],
    ['UTF-8', Buffer.from('\ufeffžluť €')],
    ['"utf-8"', Buffer.from('žluť €')],
    ['utf-16', Buffer.from('žluť €', 'utf16le')],
    ['utf-16', Buffer.from('\ufeffžluť €', 'utf16le')],
    ['UTF-16', utf16be('\ufeffžluť €')],
    ['utf-16be', utf16be('žluť €')],
    ['windows-1250', Buffer.from([0x9e, 0x6c, 0x75, 0x9d, 0x20, 0x80])],
  ])('[RA-032] text in %s (%#) becomes UTF-8 without a byte order mark', async (charset, body) => {
    const { reply, sent } = await send({ 'content-type': `text/plain; charset=${charset}` }, body);
    expect(reply.statusCode).toBe(202);
    expect([sent().dataType, sent().bytes.toString()]).toEqual(['text', 'žluť €']);
  });

  test('[RA-032] JSON in UTF-16 too', async () => {
    const { sent } = await send(
      { 'content-type': 'application/json;charset=utf-16' },
      Buffer.from('{"ž":1.0}', 'utf16le'),
    );
    expect([sent().dataType, sent().bytes.toString()]).toEqual(['json', '{"ž":1.0}']);
  });

  test.each(['text/plain; charset=klingon', 'application/json; charset=utf-7'])(
    '[RA-032] %s: an unknown charset is 415',
    async type => {
      const { reply, hubs } = await send({ 'content-type': type }, '1');
      expect([reply.statusCode, hubs.calls]).toEqual([415, []]);
    },
  );

  test('bytes that are no text in their charset are 400', async () => {
    const { reply, hubs } = await send(text, Buffer.from([0xc3, 0x28]));
    expect([reply.statusCode, hubs.calls]).toEqual([400, []]);
  });

  test.each([{ 'content-type': 'application/octet-stream' }, {}])(
    '[RA-033] %j: binary, whatever the bytes are',
    async headers => {
      const body = Buffer.from([0xef, 0xbb, 0xbf, 0, 0xff]);
      const { reply, sent } = await send(headers, body);
      expect(reply.statusCode).toBe(202);
      expect(sent()).toEqual({ dataType: 'binary', bytes: body, metadata: undefined });
    },
  );

  test.each([
    'application/xml',
    'application/x-protobuf',
    'text/html',
    'text',
    'text/',
    ';',
    'application/json2',
    '*/*',
  ])('[RA-034] Content-Type %s is 415', async type => {
    const { reply, hubs } = await send({ 'content-type': type }, '1');
    expect([reply.statusCode, reply.headers['x-ms-error-code'], hubs.calls]).toEqual([
      415,
      'Error.UnsupportedMediaType',
      [],
    ]);
  });

  test.each([
    ['text/plain', 'text'],
    ['application/octet-stream', 'binary'],
  ])('[RA-037] an empty %s body is a message', async (type, dataType) => {
    const { reply, sent } = await send({ 'content-type': type, 'content-length': '0' }, '');
    expect(reply.statusCode).toBe(202);
    expect(sent()).toEqual({ dataType, bytes: Buffer.alloc(0), metadata: undefined });
  });

  test.each(['application/octet-stream', 'text/plain', 'application/xml'])(
    '[RA-041] %s: 1 MiB passes, one byte more is 400',
    async type => {
      const whole = Buffer.alloc(1_048_576, 'x');
      const { reply } = await send({ 'content-type': type }, whole);
      expect(reply.statusCode).toBe(type === 'application/xml' ? 415 : 202);
      const { reply: refused, hubs } = await send({ 'content-type': type }, Buffer.concat([whole, Buffer.from('x')]));
      expect(refused.statusCode).toBe(400);
      expect(refused.json()).toEqual(domainError('Error.BadRequest', 'Request', 'Invalid Content-Length header.'));
      expect(hubs.calls).toEqual([]);
    },
  );
});

describe('parameters', () => {
  test.each(['-1', '301', 'x', '', '1.0', '1e1', ' 1', '9'.repeat(40)])(
    '[RA-038] messageTtlSeconds=%s is 400 on each send',
    async ttl => {
      for (const url of sends) {
        const { reply, hubs } = await send(text, 'x', `${url}?messageTtlSeconds=${encodeURIComponent(ttl)}`);
        expect([reply.statusCode, reply.headers['content-type']]).toEqual([
          400,
          'application/problem+json; charset=utf-8',
        ]);
        expect(reply.json()).toMatchObject({ code: 'Error.BadRequest', target: 'messageTtlSeconds', status: 400 });
        expect(hubs.calls).toEqual([]);
      }
    },
  );

  test.each(['0', '1', '300'])('[RA-038] messageTtlSeconds=%s is accepted', async ttl => {
    for (const url of sends) {
      const { reply } = await send(text, 'x', `${url}?messageTtlSeconds=${ttl}`);
      expect(reply.statusCode).toBe(202);
    }
  });

  test.each(sends.slice(0, 3))(
    '[RA-094] a bad filter on %s is refused in the validation shape before the body is read, and nobody gets the message',
    async url => {
      const { reply, hubs } = await send({ 'content-type': 'application/xml' }, 'x', `${url}?filter=invalid%20filter`);
      expect([reply.statusCode, reply.headers['content-type']]).toEqual([
        400,
        'application/problem+json; charset=utf-8',
      ]);
      expect(reply.headers['x-ms-error-code']).toBe('Error.BadRequest');
      const message =
        "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')";
      expect(reply.json()).toEqual({
        code: 'Error.BadRequest',
        message,
        target: 'filter',
        errors: { filter: [message] },
        type: null,
        title: 'One or more validation errors occurred.',
        status: 400,
        detail: null,
        instance: null,
        extensions: {},
      });
      expect(hubs.calls).toEqual([]);
    },
  );

  test('a filter and a time to live go to the hub', async () => {
    const query = `?filter=${encodeURIComponent("userId eq 'a'")}&messageTtlSeconds=7`;
    const options = { filter: "userId eq 'a'", ttlSeconds: 7 };
    const { hubs } = await send(text, 'x', sends[0] + query);
    expect(hubs.calls[0]?.at(-1)).toEqual({ excluded: [], ...options });
    const { hubs: ofGroup } = await send(text, 'x', sends[1] + query);
    expect(ofGroup.calls[0]?.at(-1)).toEqual({ excluded: [], ...options });
    const { hubs: ofUser } = await send(text, 'x', sends[2] + query);
    expect(ofUser.calls[0]?.at(-1)).toEqual(options);
    const { hubs: ofConnection } = await send(text, 'x', sends[3] + query);
    expect(ofConnection.calls[0]?.at(-1)).toEqual({ ttlSeconds: 7 });
  });

  test('a second filter does not slip past an empty first', async () => {
    const { reply, hubs } = await send(text, 'x', `${sends[0]}?filter=&filter=true`);
    expect([reply.statusCode, hubs.calls]).toEqual([400, []]);
  });

  test('[RA-085] an empty filter is none; a send to one connection ignores any', async () => {
    for (const url of [...sends.map(path => `${path}?filter=`), `${sends[3]}?filter=userId%20eq%20null`]) {
      const { reply } = await send(text, 'x', url);
      expect(reply.statusCode).toBe(202);
    }
  });

  test('letter case does not count in the names of parameters', async () => {
    const query = 'Excluded=a&EXCLUDED=b&excluded=c&Filter=userId%20eq%20null&MessageTTLSeconds=5';
    const { hubs } = await send(text, 'x', `${sends[0]}?${query}`);
    expect(hubs.calls[0]?.at(-1)).toEqual({ excluded: ['a', 'b', 'c'], filter: 'userId eq null', ttlSeconds: 5 });
  });

  test('[RA-026] excluded is repeated, not a comma list, and its values are not trimmed', async () => {
    const { hubs } = await send(text, 'x', `${sends[0]}?excluded=a,b&excluded=%20c&excluded=c`);
    expect(hubs.calls[0]).toEqual(['chat', 'sendToAll', expect.anything(), { ...plain, excluded: ['a,b', ' c', 'c'] }]);
    const { hubs: ofGroup } = await send(text, 'x', `${sends[1]}?excluded=a`);
    expect(ofGroup.calls[0]).toEqual(['chat', 'sendToGroup', 'g', expect.anything(), { ...plain, excluded: ['a'] }]);
  });

  test('a send to a user or a connection names its target and excludes nobody', async () => {
    const { hubs: ofUser } = await send(text, 'x', `${sends[2]}?excluded=a`);
    expect(ofUser.calls).toEqual([['chat', 'sendToUser', 'u', expect.anything(), plain]]);
    const { hubs: ofConnection } = await send(text, 'x', sends[3]);
    expect(ofConnection.calls).toEqual([['chat', 'sendToConnection', 'c', expect.anything(), { ttlSeconds: 0 }]]);
  });

  test('[RA-042] metadata headers travel with the message', async () => {
    const { reply, sent } = await send(
      { ...text, 'X-WebPubSub-Metadata-Trace': 'a, b', 'X-WebPubSub-Metadata-Empty': '' },
      'x',
    );
    expect(reply.statusCode).toBe(202);
    expect(sent().metadata).toEqual(
      new Map([
        ['trace', 'b'],
        ['empty', ''],
      ]),
    );
  });

  test('[RA-042] a key of 257 bytes is 400 and sends nothing', async () => {
    const { reply, hubs } = await send({ ...text, [`x-webpubsub-metadata-${'k'.repeat(257)}`]: 'v' }, 'x');
    expect([reply.statusCode, hubs.calls]).toEqual([400, []]);
  });
});
