import { describe, expect, test } from 'vitest';
import { ClientAudiences, requestAudience, WrongAudience } from '../../../src/auth/audience.js';
import { Endpoints } from '../../../src/auth/endpoints.js';

const configured = (...urls: string[]) => new Endpoints(urls, () => 'http://127.0.0.1:8080');
const endpoints = configured('https://h');

describe('[rest-api 1.3] of a REST request', () => {
  const path = '/api/hubs/chat/groups/g/connections/c';
  const allows = (audience: string, from = endpoints, host?: string) =>
    requestAudience(`${path}?api-version=2024-12-01`, from, host)(audience);

  test.each([
    `https://h${path}?api-version=2024-12-01`,
    `https://h${path}`,
    `wss://h${path}`,
    `ws://h${path}`,
    `http://h${path}`,
    `HTTPS://H${path}`,
    'https://h/api/hubs/CHAT/groups/g/connections/c',
    `https://h${path}?api-version=other&x=1`,
    `https://h${path}/`,
    `https://h${path}/deeper`,
    `https://h${path}#fragment`,
    `https://h:443${path}`,
    `http://h:80${path}`,
    'https://h/api/hubs/ch%61t/groups/g/connections/c',
  ])('[RA-003] [RA-004] [RA-005] [RA-007] %s is for it', audience => {
    expect(allows(audience)).toBe(true);
  });

  test.each([
    `https://h${path}X`,
    'https://h/api/hubs/chat/groups/g',
    'https://h/api/hubs/chat',
    'https://h',
    'https://h/',
    `https://other${path}`,
    `https://h.other${path}`,
    `https://other.h${path}`,
    `https://h:8443${path}`,
    `https://h@other${path}`,
    `https://other@h${path}`,
    'https://h/api/hubs/other/groups/g/connections/c',
    `ftp://h${path}`,
    `https:/h${path}`,
    `//h${path}`,
    `h${path}`,
    path,
    ` https://h${path}`,
    '',
    `https://h/x${path}`,
    `https://h?${path}`,
    `https://h/?https://h${path}`,
    `https://h/%${path}`,
    'https://webpubsub.azure.com',
  ])('[RA-005] [RA-006] [RA-014] %j is not', audience => {
    expect(allows(audience)).toBe(false);
  });

  test('one trailing slash of the request does not count', () => {
    expect(requestAudience('/api/hubs/chat/', endpoints, undefined)('https://h/api/hubs/chat')).toBe(true);
    expect(requestAudience('/api/hubs/chat//', endpoints, undefined)('https://h/api/hubs/chat')).toBe(false);
  });

  test.each([
    ['a path below it, so that a token for a send deletes the connection', '/connections/c', '/connections/c/:send'],
    ['another letter case of a user, whose ids differ by it', '/users/BOB', '/users/bob'],
    ['an encoded slash for a slash', '/users/a%2Fb', '/users/a/b'],
  ])('[L5] as specified, a token is also for %s', (_what, requested, audience) => {
    const isFor = requestAudience(`/api/hubs/chat${requested}`, endpoints, undefined);
    expect(isFor(`https://h/api/hubs/chat${audience}`)).toBe(true);
  });

  test('escapes are compared as they are, or both decoded once', () => {
    const isFor = requestAudience('/api/hubs/chat/groups/a%2fb%3Fc/:send', endpoints, undefined);
    expect(isFor('https://h/api/hubs/chat/groups/a%2Fb%3Fc/:send?x=1')).toBe(true);
    expect(isFor('https://h/api/hubs/chat/groups/a/b%3fc/:send')).toBe(true);
    expect(isFor('https://h/api/hubs/chat/groups/a%252fb%253Fc/:send')).toBe(false);
    const isForBroken = requestAudience('/api/hubs/chat/groups/%', endpoints, undefined);
    expect(isForBroken('https://h/api/hubs/chat/groups/%')).toBe(true);
    expect(isForBroken('https://h/api/hubs/chat/groups/%25')).toBe(false);
  });

  test('[RA-013] behind a proxy the configured endpoints decide, not the request’s host', () => {
    expect(allows(`https://h${path}`, endpoints, 'proxy:9000')).toBe(true);
    expect(allows(`https://proxy:9000${path}`, endpoints, 'proxy:9000')).toBe(false);
  });

  test('with none configured, the request’s host and the listener’s address do', () => {
    const none = configured();
    expect(allows(`https://h${path}`, none, 'H:443')).toBe(true);
    expect(allows(`http://localhost:8080${path}`, none, 'localhost:8080')).toBe(true);
    expect(allows(`http://127.0.0.1:8080${path}`, none, 'localhost:8080')).toBe(true);
    expect(allows(`https://h${path}`, none, undefined)).toBe(false);
  });

  test('each configured endpoint counts, its base path included', () => {
    const several = configured('https://h/base/', 'http://other:8080');
    expect(allows(`https://h/base${path}`, several)).toBe(true);
    expect(allows(`wss://h/BASE${path}/`, several)).toBe(true);
    expect(allows(`https://other:8080${path}`, several)).toBe(true);
    for (const wrong of [`https://h${path}`, `https://h/base2${path}`, `https://other:8080/base${path}`]) {
      expect(allows(wrong, several)).toBe(false);
    }
  });
});

describe('[client-protocols 1.3] of a client', () => {
  const audiences = new ClientAudiences(endpoints);
  const allows = (audience: string, hub = 'chat', isLegacyPath = false, host?: string) =>
    audiences.of(hub, isLegacyPath, host)(audience);

  test('that was the one before counts for no other hub, path or host', () => {
    const [audience, legacy] = ['https://h/client/hubs/chat', 'https://h/client/?hub=chat'];
    const other = 'http://other/client/hubs/chat';
    expect([allows(audience), allows(audience)]).toEqual([true, true]);
    expect(allows(audience, 'other')).toBe(false);
    expect([allows(legacy, 'chat', true), allows(legacy)]).toEqual([true, false]);
    expect([allows(other, 'chat', false, 'other'), allows(other)]).toEqual([true, false]);
    expect(allows(other, 'chat', false, 'third')).toBe(false);
  });

  test.each(['https', 'http', 'wss', 'ws'])('[CP-007] scheme %s will do', scheme => {
    expect(allows(`${scheme}://h/client/hubs/chat`)).toBe(true);
  });

  test.each([
    'ftp://h/client/hubs/chat',
    'https://h/client/hubs/other',
    'https://h/client/hubs/chat/',
    'https://h/client/hubs/chat?x=1',
    'https://h/client/hubs/chat/x',
    'https://h/client/hubs/chatX',
    'https://h/client/hubs',
    'https://h/clients/mqtt/hubs/chat',
    'https://h/client/?hub=chat',
    'https://h/api/hubs/chat/:send',
    'https://other/client/hubs/chat',
    'chat',
  ])('[CP-006] [CP-007] [RA-014] %s is not for it', audience => {
    expect(allows(audience)).toBe(false);
  });

  test('[CP-006] letter case does not count, and the hub may be escaped', () => {
    expect(allows('HTTPS://H/CLIENT/hubs/CHAT')).toBe(true);
    expect(allows('https://h/client/hubs/a`b', 'a`b')).toBe(true);
    expect(allows('https://h/client/hubs/a%60b', 'a`b')).toBe(true);
    expect(allows('https://h/client/hubs/a%2560b', 'a`b')).toBe(false);
  });

  test('[CP-011] on the legacy path both forms will do', () => {
    for (const form of ['/client/hubs/chat', '/client/?hub=chat', '/client?hub=CHAT']) {
      expect(allows(`https://h${form}`, 'chat', true)).toBe(true);
    }
    for (const form of ['/client/?hub=other', '/client/?hub=chat&x=1', '/client/', '/client/?x=1&hub=chat']) {
      expect(allows(`https://h${form}`, 'chat', true)).toBe(false);
    }
  });

  test('[L6] [client-protocols D26] the request’s own host counts besides the configured endpoints', () => {
    expect(allows('ws://proxy:9000/client/hubs/chat', 'chat', false, 'Proxy:9000')).toBe(true);
    expect(allows('wss://h/client/hubs/chat', 'chat', false, 'proxy:9000')).toBe(true);
    expect(allows('ws://other:9000/client/hubs/chat', 'chat', false, 'proxy:9000')).toBe(false);
  });
});

describe('[D19] a refusal names both sides', () => {
  const bases = [
    { authority: 'h:8080', path: '' },
    { authority: 'other', path: '/base' },
  ];

  test('what the token is for, and what would do', () => {
    expect(new WrongAudience(['http://a/x?secret=1', 'b']).answeredAt('/p', bases).message).toBe(
      'token is for http://a/x?…, b; this service answers to h:8080/p, other/base/p (HUBWIRE_ENDPOINT)',
    );
    expect(new WrongAudience([]).answeredAt('/p', []).message).toBe('token has no aud claim');
  });

  test('what would do is named once', () => {
    const twice = [{ authority: 'h:8080', path: '' }, ...bases];
    expect(new WrongAudience(['a']).answeredAt('/p', twice).message).toBe(
      'token is for a; this service answers to h:8080/p, other/base/p (HUBWIRE_ENDPOINT)',
    );
  });

  test('cut, and without control characters', () => {
    const { message } = new WrongAudience(['a\r\n\u0000\u202eb', 'x'.repeat(10_000), 'c', 'd']);
    expect(message).toBe(`token is for a    b, ${'x'.repeat(200)}…, c, …`);
    const many = Array.from({ length: 50 }, (_, index) => ({ authority: `h${index}`, path: `/${'p'.repeat(300)}` }));
    expect(new WrongAudience(['a']).answeredAt('/p', many).message.length).toBeLessThan(1_000);
  });
});
