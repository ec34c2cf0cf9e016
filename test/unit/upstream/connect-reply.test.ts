import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Response } from '../../../src/egress/exchange.js';
import { ConnectRefused } from '../../../src/errors.js';
import { connectBodyLimit, readConnectReply, requireOffered } from '../../../src/upstream/connect-reply.js';
import { answerer, response } from './answers.js';

const unchanged = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };
const eventFailed = expect.objectContaining({ kind: 'eventFailed' });

/** Of the present test. */
let warnings: string[];

beforeEach(() => {
  warnings = [];
});

function read(answer: Response, subprotocols: readonly string[]) {
  const request = { userId: undefined, claims: {}, query: {}, headers: {}, subprotocols, clientCertificates: [] };
  const event = { kind: 'connect', name: 'connect' } as const;
  const reply = readConnectReply(answer, event, answerer, request, warning => warnings.push(warning));
  requireOffered(reply, request);
  return reply;
}

describe('connect', () => {
  test.each([
    ['[UE-030] 204', response(204)],
    ['[UE-031] 200 and no body', response(200)],
    ['[upstream-events D16] 202 and no body', response(202)],
    ['[UE-032] nulls', response(200, '{"userId":null,"groups":null,"roles":null,"subprotocol":null}')],
    ['[upstream-events 3.2] JSON null', response(200, 'null')],
    ['[upstream-events 3.2] unknown fields', response(200, '{"color":"red","__proto__":{"userId":"x"}}')],
  ])('%s keeps what the token said', (_, answer) => {
    expect(read(answer, [])).toEqual(unchanged);
  });

  test('[UE-033] [UE-036] fields are applied', () => {
    const body = '{"userId":"bob","groups":["a","b"],"roles":["r"],"subprotocol":"p2"}';
    expect(read(response(200, body), ['p1', 'p2'])).toEqual({
      userId: 'bob',
      groups: ['a', 'b'],
      roles: ['r'],
      subprotocol: 'p2',
    });
  });

  test.each([undefined, 'text/html', 'application/json; charset=utf-8'])(
    '[UE-040] Content-Type %j is ignored',
    type => {
      expect(read(response(200, '{"userId":"bob"}', { 'content-type': type }), []).userId).toBe('bob');
    },
  );

  test('a compressed body is refused with this reason', () => {
    const compressed = response(200, gzipSync('{"userId":"bob"}'), { 'content-encoding': 'gzip' });
    expect(() => read(compressed, [])).toThrow('the answer has the Content-Encoding "gzip"');
    expect(read(response(200, '', { 'content-encoding': 'gzip' }), [])).toEqual(unchanged);
  });

  test('[UE-034] [UE-035] empty lists are not absent ones: what they mean is for the hub to say', () => {
    expect(read(response(200, '{"groups":[],"roles":[]}'), [])).toMatchObject({ groups: [], roles: [] });
  });

  test('[client-protocols 1.2] a subprotocol in other case than offered is one that was offered', () => {
    expect(read(response(200, '{"subprotocol":"P1"}'), ['p1']).subprotocol).toBe('P1');
  });

  test('[upstream-events 3.2] an empty userId makes the user anonymous', () => {
    expect(read(response(200, '{"userId":""}'), []).userId).toBe('');
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
    expect(() => read(response(200, body), ['p1'])).toThrow(eventFailed);
  });

  test('a group of 1024 characters is fine', () => {
    const groups = ['g'.repeat(1024)];
    expect(read(response(200, JSON.stringify({ groups })), []).groups).toEqual(groups);
  });

  test('messages do not quote the body', () => {
    expect(() => read(response(200, 'hunter2'), [])).toThrow(/^(?!.*hunter2)/);
  });

  test.each([401, 403, 429, 500, 503])('[UE-038] %i refuses, with text and type', status => {
    const refused = refusal(response(status, 'no', { 'content-type': 'text/plain' }));
    expect(refused).toMatchObject({ status, contentType: 'text/plain' });
    expect(refused.body?.toString()).toBe('no');
  });

  test('[UE-116] a redirect is a failure, not a refusal', () => {
    const redirected = () => read(response(302, '', { location: 'http://elsewhere/?code=k' }), []);
    expect(redirected).toThrow(eventFailed);
    expect(redirected).not.toThrow(ConnectRefused);
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
  });

  test.each([
    ['[D12] a byte order mark', Buffer.from('\ufeff{"userId":"José"}'), undefined],
    [
      '[V05] UTF-16 with its mark',
      Buffer.from('\ufeff{"userId":"José"}', 'utf16le'),
      'application/json; charset=utf-16',
    ],
    ['[V05] Latin-1', Buffer.from('{"userId":"José"}', 'latin1'), 'application/json; charset=ISO-8859-1'],
    ['a charset that is not known', Buffer.from('\ufeff{"userId":"José"}'), 'text/html; charset=klingon'],
  ])('%s is read', (_, body, type) => {
    expect(read(response(200, body, { 'content-type': type }), []).userId).toBe('José');
  });

  test.each([
    'admin ',
    ' admin',
    '\tadmin',
    'admin\n',
    '  ',
    ' ',
    'a\r\nX: 1',
    'a\0',
    'a\x7f',
    '..',
    '.',
    '\ud800',
    'x'.repeat(1025),
  ])('[D01] [F6] [V06] userId %j is invalid', userId => {
    expect(() => read(response(200, JSON.stringify({ userId })), [])).toThrow(
      /userId is not a valid user id, which has/,
    );
  });

  test.each(['.', '..'])('[D07] group %j is invalid', group => {
    expect(() => read(response(200, JSON.stringify({ groups: [group] })), [])).toThrow(
      /not a valid group name, which has/,
    );
  });

  test('[V11] fields in another letter case are ignored with a warning that names the right one', () => {
    const body = '{"UserId":"bob","Roles":[],"GROUPS":["g"],"SubProtocol":"p","userId":"ann","Color":1}';
    expect(read(response(200, body), [])).toEqual({ ...unchanged, userId: 'ann' });
    expect(warnings).toEqual(
      [
        ['UserId', 'userId'],
        ['Roles', 'roles'],
        ['GROUPS', 'groups'],
        ['SubProtocol', 'subprotocol'],
      ].map(([given, name]) => `answer of http://app/{event} to connect: field "${given}" is ignored: write "${name}"`),
    );
  });

  test('[D20] 404 refuses, with a warning that asks about the hub', () => {
    expect(refusal(response(404, 'no such page')).status).toBe(404);
    expect(warnings).toEqual([
      'app at http://app/{event} answered 404 to connect of hub "chat"; does its middleware serve hub "chat"?',
    ]);
  });
});

function refusal(answer: Response): ConnectRefused {
  try {
    read(answer, []);
  } catch (error) {
    if (error instanceof ConnectRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

test.each(['groups', 'roles'] as const)('%s: at most 10,000, which are joined in one turn', field => {
  const body = (count: number) => JSON.stringify({ [field]: Array.from({ length: count }, (_, index) => `g${index}`) });
  expect(read(response(200, body(10_000)), [])[field]).toHaveLength(10_000);
  const message = `the answer to connect is invalid: ${field} has 10001 items; at most 10000 are allowed`;
  expect(() => read(response(200, body(10_001)), [])).toThrow(message);
});
