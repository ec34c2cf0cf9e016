import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { checkHandshake, headersOf, subprotocolsOf } from '../../../src/sockets/client-request.js';

/** An upgrade request of this target and these header lines. */
function request(url: string, lines: readonly (readonly [string, string])[] = [], method = 'GET'): IncomingMessage {
  return { url, method, rawHeaders: lines.flat() } as unknown as IncomingMessage;
}

const withKind = (kind: string) => expect.objectContaining({ kind });

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

  test('[L3] [D09] may offer other protocols too, and subprotocols in a list with empty items', () => {
    const asked = request('/', [...change('Upgrade', 'h2c, WebSocket'), ['Sec-WebSocket-Protocol', ', a,,b ']]);
    expect(() => checkHandshake(asked)).not.toThrow();
    expect(subprotocolsOf(asked)).toEqual(['a', 'b']);
    const empty = request('/', [...lines, ['Sec-WebSocket-Protocol', ' ']]);
    expect(() => checkHandshake(empty)).not.toThrow();
    expect(subprotocolsOf(empty)).toEqual([]);
  });

  test.each(['a, a', 'a b', 'a;b'])('[L3] with %j as subprotocols is refused', names => {
    const asked = request('/', [...lines, ['Sec-WebSocket-Protocol', names]]);
    expect(() => checkHandshake(asked)).toThrow(withKind('invalid'));
  });

  test('[CP-001] by another method is refused', () => {
    expect(() => checkHandshake(request('/', lines, 'POST'))).toThrow(withKind('invalid'));
  });
});

describe('what the `connect` event shows', () => {
  test('[CP-022] [CP-023] subprotocols in the client’s order and spelling', () => {
    const offered = (value: string) => subprotocolsOf(request('/', [['Sec-WebSocket-Protocol', value]]));
    expect(offered('foo, JSON.x ,a,')).toEqual(['foo', 'JSON.x', 'a']);
    expect(offered('')).toEqual([]);
    expect(subprotocolsOf(request('/'))).toEqual([]);
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

  test('[upstream-events D19] what a proxy adds to a header of the client is under the same name, and after it', () => {
    const lines = [
      ['X-Forwarded-For', '1.1.1.1'],
      ['x-forwarded-for', '2.2.2.2'],
      ['__proto__', 'a'],
      ['__PROTO__', 'b'],
    ] as const;
    const headers = headersOf(request('/', lines));
    expect(Object.entries(headers)).toEqual([
      ['X-Forwarded-For', ['1.1.1.1', '2.2.2.2']],
      ['__proto__', ['a', 'b']],
    ]);
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
    expect(headersOf(request('/', lines))).toEqual({ Host: ['h'], 'X-A': ['1', '2', '3'], Cookie: ['c=d'] });
  });
});
