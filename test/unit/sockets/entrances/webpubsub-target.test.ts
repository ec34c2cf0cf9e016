import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { simpleEvents } from '../../../../src/protocols/webpubsub/simple.js';
import {
  queryOf,
  readTarget,
  recoveryOf,
  simpleProtocolOf,
  tokenOf,
} from '../../../../src/sockets/entrances/webpubsub-target.js';
import { Upgrade } from '../../../../src/sockets/upgrade.js';
import { FakeSocket } from '../../../support/fake-socket.js';
import { ManualClock } from '../../../support/manual-clock.js';

const parts = {
  endpoints: { basePaths: [] },
  clock: new ManualClock(),
  onSocketOpened: () => {},
  onSocketClosed: () => {},
};

function request(url: string, headers: IncomingMessage['headers'] = {}): IncomingMessage {
  return { url, method: 'GET', headers, rawHeaders: [] } as unknown as IncomingMessage;
}

function targetOf(url: string) {
  return readTarget(new Upgrade(request(url), new FakeSocket().asSocket, Buffer.alloc(0), parts));
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
    ['/client/?Hub=chat', 'chat', true],
  ])('[CP-002] [CP-011] %s', (url, hub, isLegacyPath) => {
    expect(targetOf(url)).toMatchObject({ hub, isLegacyPath });
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
  ])('[CP-024] %j is no client path', url => expect(() => targetOf(url)).toThrow(withKind('notFound')));

  test.each(['/client/', '/client?hubs=a', '/client/hubs/%', '/client/hubs/%ff'])(
    '[client-protocols 1.4] %s names no hub',
    url => {
      expect(() => targetOf(url)).toThrow(withKind('invalid'));
    },
  );

  test('the query is what follows the first question mark', () => {
    expect([...targetOf('/client/hubs/a?b=c?d&e=%20+').query]).toEqual([
      ['b', 'c?d'],
      ['e', '  '],
    ]);
  });
});

describe('[client-protocols 1.3] the token', () => {
  const bearer = (value: string) => request('/', { authorization: value });

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
});

describe('[client-protocols 5.3] the session to recover', () => {
  test.each([
    ['awps_connection_id=c&awps_reconnection_token=t', 'c', 't'],
    ['AWPS_Connection_Id=c&awps_RECONNECTION_token=t', 'c', 't'],
    ['awps_connection_id=c', 'c', ''],
    ['awps_connection_id=&awps_reconnection_token=t', '', ''],
    ['awps_reconnection_token=t', '', ''],
  ])('[CP-091] %s', (text, connectionId, token) => {
    expect(recoveryOf(query(text))).toEqual({ connectionId, token });
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
    ['WEBPUBSUB_MODE=sendToGroup&Group=g&NOECHO=true', 'g', true],
  ])('[CP-032] %s: messages to the group', (text, group, noEcho) => {
    expect(simpleProtocolOf(query(text)).begin().receive(frame)).toMatchObject({ kind: 'publish', group, noEcho });
  });

  test.each([
    'webpubsub_mode=',
    'webpubsub_mode=sendEvent&webpubsub_mode=',
    'webpubsub_mode=bogus',
    'WebPubSub_Mode=bogus',
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
