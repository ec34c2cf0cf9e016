import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { invalidHost, requestTarget } from '../../../src/listener/request-target.js';

/** A request with this target and these header lines. */
function request(url: string, lines: readonly (readonly [string, string])[] = [['Host', 'h']]): IncomingMessage {
  const headers = Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]));
  return { url, headers, rawHeaders: lines.flat(), httpVersion: '1.1' } as unknown as IncomingMessage;
}

describe('[D10] [L2] an absolute target', () => {
  test.each([
    ['http://other:8080/client/hubs/chat?a=b', '/client/hubs/chat?a=b', 'other:8080'],
    ['HTTPS://Other/api/health', '/api/health', 'Other'],
    ['http://other', '/', 'other'],
    ['http://other?a', '/?a', 'other'],
  ])('%s is its path, and its host is the request’s', (url, target, host) => {
    const absolute = request(url);
    expect(requestTarget(absolute, [])).toBe(target);
    expect(absolute.headers.host).toBe(host);
    expect(absolute.rawHeaders).toEqual(['Host', host]);
  });

  test.each(['*', 'ftp://h/api/health', 'http:///api/health', 'http://user@h/api/health', 'h:80', ''])(
    '%j is left as it is, and the Host header counts',
    url => {
      const odd = request(url);
      expect(requestTarget(odd, [])).toBe(url);
      expect(odd.headers.host).toBe('h');
    },
  );
});

describe('[D14] a base path', () => {
  const bases = ['/pubsub/inner', '/pubsub'];

  test.each([
    ['/pubsub/api/hubs/chat/:send?a=/pubsub/api', '/api/hubs/chat/:send?a=/pubsub/api'],
    ['/pubsub/inner/client/hubs/chat', '/client/hubs/chat'],
    ['/PubSub/client/?hub=chat', '/client/?hub=chat'],
    ['/pubsub/clients/mqtt/hubs/x', '/clients/mqtt/hubs/x'],
    ['/pubsub/apps/42/events?name=tick', '/apps/42/events?name=tick'],
    ['/pubsub', '/'],
    ['/pubsub/', '/'],
    ['/pubsub?x', '/?x'],
  ])('is taken from %s', (url, target) => expect(requestTarget(request(url), bases)).toBe(target));

  test.each(['/api/health', '/client/hubs/chat', '/pubsubx/api/health', '/pubsub/other', '/other/api/health', '/'])(
    'is not taken from %s',
    url => expect(requestTarget(request(url), bases)).toBe(url),
  );

  test('that looks like a path of ours hides none', () => {
    const of = (url: string) => requestTarget(request(url), ['/api']);
    expect(of('/api/api/hubs/chat/:send')).toBe('/api/hubs/chat/:send');
    expect(of('/api/hubs/chat/:send')).toBe('/api/hubs/chat/:send');
  });
});

describe('[D11] the colon of an operation may be %3A', () => {
  test.each([
    ['/api/hubs/chat/%3Asend', '/api/hubs/chat/:send'],
    ['/API/Hubs/chat/%3asend/?x=%3A', '/API/Hubs/chat/:send/?x=%3A'],
    ['/api/hubs/chat/groups/%3Asend/%3Asend', '/api/hubs/chat/groups/%3Asend/:send'],
    ['/api/hubs/chat/users/u/%3AcloseConnections?a', '/api/hubs/chat/users/u/:closeConnections?a'],
    ['/api/hubs/chat/connections/c/%3Asend', '/api/hubs/chat/connections/c/:send'],
  ])('%s', (url, target) => expect(requestTarget(request(url), [])).toBe(target));

  test.each([
    '/api/hubs/chat/groups/%3Asend',
    '/api/hubs/chat/groups/%3Asend/connections/c',
    '/api/hubs/chat/groups/g/connections/%3Asend',
    '/api/hubs/chat/users/u/groups/%3Asend',
    '/api/hubs/chat/:send?filter=userId%20eq%20%27a%3Ab%27',
    '/client/hubs/chat?x=%3A',
  ])('in a name or the query of %s it stays', url => expect(requestTarget(request(url), [])).toBe(url));
});

describe('[L1] [RFC 9112 3.2] Host lines', () => {
  test.each<[(readonly [string, string])[], RegExp | undefined]>([
    [[['Host', 'a']], undefined],
    [
      [
        ['X', 'host'],
        ['hOST', ''],
      ],
      undefined,
    ],
    [
      [
        ['Host', 'a'],
        ['host', 'a'],
      ],
      /2 times/,
    ],
    [[['X', 'a']], /missing/],
  ])('%j', (lines, fault) => {
    const found = invalidHost(request('/', lines));
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(fault);
  });

  test('HTTP/1.0 needs none', () => {
    expect(invalidHost({ rawHeaders: [], httpVersion: '1.0' } as unknown as IncomingMessage)).toBeUndefined();
  });
});
