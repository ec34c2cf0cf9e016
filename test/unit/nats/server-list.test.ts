import { describe, expect, test } from 'vitest';
import { parseNatsUrls } from '../../../src/nats/options.js';
import { ServerList } from '../../../src/nats/server-list.js';

function names(list: ServerList, count: number): string[] {
  return Array.from({ length: count }, () => list.next().host);
}

describe('[CL-015] NATS servers', () => {
  test('are tried in their order, round and round', () => {
    expect(names(new ServerList(parseNatsUrls('a,b,c')), 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  test('of which another one tells come after those that are configured', () => {
    const list = new ServerList(parseNatsUrls('a,b'));
    list.learn(['b:4222', '10.0.0.3:4222', '10.0.0.4:4222'], list.next());
    expect(names(list, 5)).toEqual(['b', '10.0.0.3', '10.0.0.4', 'a', 'b']);
  });

  test('are forgotten when no server tells of them any more', () => {
    const list = new ServerList(parseNatsUrls('a'));
    const first = list.next();
    list.learn(['b:1', 'c:1'], first);
    expect(names(list, 2)).toEqual(['b', 'c']);
    list.learn(['b:1'], first);
    expect(names(list, 3)).toEqual(['a', 'b', 'a']);
  });

  test('of which another one tells are reached as that one is, under its name where they are told by address', () => {
    const list = new ServerList(parseNatsUrls('tls://me:secret@nats.example:4222'));
    list.learn(['10.0.0.3:4223', '[fd00::1]:4222', 'other.example:4222'], list.next());
    const common = { isTls: true, login: { user: 'me', password: 'secret' } };
    expect([list.next(), list.next(), list.next()]).toEqual([
      { ...common, host: '10.0.0.3', port: 4223, tlsName: 'nats.example' },
      { ...common, host: 'fd00::1', port: 4222, tlsName: 'nats.example' },
      { ...common, host: 'other.example', port: 4222, tlsName: 'other.example' },
    ]);
  });

  test('configured by address have no name to give to others', () => {
    const list = new ServerList(parseNatsUrls('tls://10.0.0.1'));
    list.learn(['10.0.0.3:4222'], list.next());
    expect(list.next().tlsName).toBe('10.0.0.3');
  });
});
