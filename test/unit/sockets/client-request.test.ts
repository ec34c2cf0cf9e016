import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { simpleEvents } from '../../../src/protocols/webpubsub/simple.js';
import {
  checkHandshake,
  headersOf,
  queryOf,
  readTarget,
  simpleProtocolOf,
  subprotocolsOf,
  tokenOf,
} from '../../../src/sockets/client-request.js';

/** An upgrade request of this target and these header lines. */
function request(url: string, lines: readonly (readonly [string, string])[] = [], method = 'GET'): IncomingMessage {
  const headers = Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]));
  return { url, method, headers, rawHeaders: lines.flat() } as unknown as IncomingMessage;
}

const query = (text: string) => new URLSearchParams(text);
const withKind = (kind: string) => expect.objectContaining({ kind });

describe('[client-protocols 1.1] the target', () => {
  test.each([
    ['/client/hubs/chat', 'chat', false],
    ['/client/hubs/chat/', 'chat', false],
    ['/Client/HUBS/Chat', 'Chat', false],
    ['/CLIENT/?hub=chat', 'chat', true],
    ['/client/hubs/Chat?access_token=x', 'Chat', false],
    ['/client/hubs/a%60b?hub=other', 'a`b', false],
    ['/client/hubs/a%2Fb', 'a/b', false],
    ['/client/hubs/a%2525', 'a%25', false],
    ['/client/?hub=chat', 'chat', true],
    ['/client?x=1&hub=chat', 'chat', true],
    ['/client/?hub=', '', true],
  ])('[CP-002] [CP-011] %s', (url, hub, isLegacyPath) => {
    expect(readTarget(request(url))).toMatchObject({ hub, isLegacyPath });
  });

  test.each([
    '/',
    '',
    '/client/hubs',
    '/client/hubs/',
    '/client/hubs/a/b',
    '/clients/hubs/a',
    '/client/x?hub=a',
    '/api/hubs/a',
    '/x/client/hubs/a',
  ])('[CP-024] %j is no client path', url => expect(() => readTarget(request(url))).toThrow(withKind('notFound')));

  test.each(['/client/', '/client?Hub=a', '/client/hubs/%', '/client/hubs/%ff'])(
    '[client-protocols 1.4] %s names no hub',
    url => {
      expect(() => readTarget(request(url))).toThrow(withKind('invalid'));
    },
  );

  test('the query is what follows the first question mark', () => {
    expect([...readTarget(request('/client/hubs/a?b=c?d&e=%20+')).query]).toEqual([
      ['b', 'c?d'],
      ['e', '  '],
    ]);
  });
});

describe('the handshake', () => {
  const lines: [string, string][] = [
    ['Upgrade', 'WebSocket'],
    ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
    ['Sec-WebSocket-Version', '13'],
  ];
  const change = (name: string, value: string | undefined) =>
    lines.flatMap(([key, old]): [string, string][] =>
      key !== name ? [[key, old]] : value === undefined ? [] : [[key, value]],
    );

  test('[CP-002] of a WebSocket passes', () => {
    expect(() => checkHandshake(request('/', lines))).not.toThrow();
    expect(() => checkHandshake(request('/', change('Sec-WebSocket-Version', '8')))).not.toThrow();
  });

  test.each([
    ['Upgrade', undefined],
    ['Upgrade', 'h2c'],
    ['Sec-WebSocket-Key', undefined],
    ['Sec-WebSocket-Key', 'short=='],
    ['Sec-WebSocket-Key', `${'A'.repeat(22)}==\n`],
    ['Sec-WebSocket-Version', undefined],
    ['Sec-WebSocket-Version', '12'],
  ])('[CP-001] with %s: %j is refused', (name, value) => {
    expect(() => checkHandshake(request('/', change(name, value)))).toThrow(withKind('invalid'));
  });

  test('[L3] [D09] what ws would refuse is written as ws wants it', () => {
    const asked = request('/', [...change('Upgrade', 'h2c, WebSocket'), ['Sec-WebSocket-Protocol', ', a,,b ']]);
    checkHandshake(asked);
    expect(asked.headers).toMatchObject({ upgrade: 'websocket', 'sec-websocket-protocol': 'a,b' });
    const empty = request('/', [...lines, ['Sec-WebSocket-Protocol', ' ']]);
    checkHandshake(empty);
    expect(empty.headers).not.toHaveProperty('sec-websocket-protocol');
  });

  test('[CP-001] by another method is refused', () => {
    expect(() => checkHandshake(request('/', lines, 'POST'))).toThrow(withKind('invalid'));
  });
});

describe('[client-protocols 1.3] the token', () => {
  const bearer = (value: string) => request('/', [['Authorization', value]]);

  test('[CP-003] [CP-004] the query’s wins over the header’s', () => {
    expect(tokenOf(bearer('Bearer h'), query('access_token=q'))).toBe('q');
    expect(tokenOf(bearer('Bearer h'), query('a=b'))).toBe('h');
    expect(tokenOf(bearer('Bearer h'), query('access_token='))).toBe('h');
    expect(tokenOf(request('/'), query(''))).toBeUndefined();
  });

  test('the parameter’s and the scheme’s letter case do not count', () => {
    expect(tokenOf(request('/'), query('Access_TOKEN=q'))).toBe('q');
    expect(tokenOf(bearer('bEARER   h '), query(''))).toBe('h');
  });

  test.each(['', 'Bearer', 'Bearer ', 'Basic eA==', 'Bearer a b', 'xBearer a', 'a'])('%j holds none', value => {
    expect(tokenOf(bearer(value), query(''))).toBeUndefined();
  });
});

describe('what the `connect` event shows', () => {
  test('[CP-022] [CP-023] subprotocols in the client’s order and spelling', () => {
    const offered = (value: string) => subprotocolsOf(request('/', [['Sec-WebSocket-Protocol', value]]));
    expect(offered('foo, JSON.x ,a,')).toEqual(['foo', 'JSON.x', 'a']);
    expect(offered('')).toEqual([]);
    expect(subprotocolsOf(request('/'))).toEqual([]);
  });

  test('the query with repeats in order, without tokens', () => {
    expect(queryOf(query('a=1&B=2&a=3&access_token=x&ACCESS_TOKEN=y&c&__proto__=z'))).toEqual(
      Object.fromEntries([
        ['a', ['1', '3']],
        ['B', ['2']],
        ['c', ['']],
        ['__proto__', ['z']],
      ]),
    );
  });

  test('[D13] a value that is UTF-8 is that text, another is Latin-1; internal headers are left out', () => {
    const lines = [
      ['X-Utf8', Buffer.from('José 日本 😀').toString('latin1')],
      ['X-Latin1', 'Jos\u00e9'],
      ['X-Mixed', `${Buffer.from('é').toString('latin1')}\u00e9`],
      ['X-ASRS-Internal-UserId', 'root'],
      ['x-asrs-other', '1'],
    ] as const;
    expect(headersOf(request('/', lines))).toEqual({
      'X-Utf8': ['José 日本 😀'],
      'X-Latin1': ['José'],
      'X-Mixed': ['Ã©é'],
      'x-asrs-other': ['1'],
    });
  });

  test('[upstream-events D18] headers as the client spelled them, without its credentials', () => {
    const lines = [
      ['Host', 'h'],
      ['X-A', '1'],
      ['AUTHORIZATION', 'Bearer secret'],
      ['X-A', '2'],
      ['x-a', '3'],
      ['Cookie', 'c=d'],
    ] as const;
    expect(headersOf(request('/', lines))).toEqual({ Host: ['h'], 'X-A': ['1', '2'], 'x-a': ['3'], Cookie: ['c=d'] });
  });
});

describe('[client-protocols 1.1] what a simple client speaks', () => {
  const frame = { isBinary: false, bytes: Buffer.from('x') };

  test.each([
    '',
    'webpubsub_mode=SendEvent',
    'webpubsub_mode=bogus&webpubsub_mode=sendevent',
    'group=%20&noEcho=maybe',
  ])('%j: events', text => expect(simpleProtocolOf(query(text))).toBe(simpleEvents));

  test.each([
    ['webpubsub_mode=sendToGroup&group=g', 'g', false],
    ['webpubsub_mode=SENDTOGROUP&group=a&group=b', 'b', false],
    ['webpubsub_mode=sendEvent&webpubsub_mode=sendToGroup&group=a%20b', 'a b', false],
    ['webpubsub_mode=sendToGroup&group=g&noEcho=True', 'g', true],
    ['webpubsub_mode=sendToGroup&group=g&noEcho=true&noEcho=FALSE', 'g', false],
  ])('[CP-032] %s: messages to the group', (text, group, noEcho) => {
    expect(simpleProtocolOf(query(text)).begin().receive(frame)).toMatchObject({ kind: 'publish', group, noEcho });
  });

  test.each([
    'webpubsub_mode=',
    'webpubsub_mode=sendEvent&webpubsub_mode=',
    'webpubsub_mode=bogus',
    'webpubsub_mode=sendToGroup',
    'webpubsub_mode=sendToGroup&group=',
    'webpubsub_mode=sendToGroup&group=%20',
    'webpubsub_mode=sendToGroup&group=..',
    'webpubsub_mode=sendToGroup&group=%2e',
    `webpubsub_mode=sendToGroup&group=${'g'.repeat(1025)}`,
    'webpubsub_mode=sendToGroup&group=g&group=',
    'webpubsub_mode=sendToGroup&group=g&noEcho=yes',
    'webpubsub_mode=sendToGroup&group=g&noEcho=',
  ])('[CP-030] %s is refused', text => {
    expect(() => simpleProtocolOf(query(text))).toThrow(withKind('invalid'));
  });
});
