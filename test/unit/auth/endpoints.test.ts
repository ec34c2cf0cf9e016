import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../../src/auth/endpoints.js';

const of = (...urls: string[]) => new Endpoints(urls, () => 'http://localhost:8080');

describe('endpoints', () => {
  test('the first one is used for URLs, without a trailing slash', () => {
    expect(of('https://PubSub.example.com/', 'http://other').primary).toBe('https://pubsub.example.com');
    expect(of('https://h/base/').primary).toBe('https://h/base');
    expect(of('http://h:8080').primary).toBe('http://h:8080');
  });

  test('without any, the public listener’s address is, as it is at the time', () => {
    let port = 1;
    const endpoints = new Endpoints([], () => `http://localhost:${port}`);
    port = 8080;
    expect(endpoints.isConfigured).toBe(false);
    expect([endpoints.primary, endpoints.hostnames, endpoints.ports]).toEqual([
      'http://localhost:8080',
      ['localhost'],
      [8080],
    ]);
  });

  test('[upstream-events D6] host names have no port and no doubles; ports are those of the scheme unless given', () => {
    const endpoints = of('https://a', 'https://a:8443', 'http://b', 'http://b:80', 'http://[::1]:9');
    expect(endpoints.hostnames).toEqual(['a', 'b', '[::1]']);
    expect(endpoints.ports).toEqual([443, 8443, 80, 9]);
  });

  test('bases are authorities with paths, default ports left out', () => {
    expect(of('https://A:443/x/', 'http://b:81').bases(undefined, true)).toEqual([
      { authority: 'a', path: '/x' },
      { authority: 'b:81', path: '' },
    ]);
  });

  test('the request’s host is a base when asked for, or when nothing is configured', () => {
    const extra = { authority: 'proxy', path: '' };
    expect(of('https://a').bases('Proxy:443', false)).not.toContainEqual(extra);
    expect(of('https://a').bases('Proxy:443', true)).toContainEqual(extra);
    expect(of().bases('proxy:80', false)).toContainEqual(extra);
  });

  test.each(['', 'pubsub.example.com', 'ftp://h', 'localhost:8080', 'https://', 'wss://h'])('%j is none', url => {
    expect(() => of('https://fine', url)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test('[D14] base paths: each once, the longest first; the request’s own host may have each of them', () => {
    const endpoints = of('https://a/x', 'https://b/x/y/', 'https://c', 'https://d/x');
    expect(endpoints.basePaths).toEqual(['/x/y', '/x']);
    const own = endpoints.bases('Inner:80', true).filter(({ authority }) => authority === 'inner');
    expect(own.map(({ path }) => path)).toEqual(['', '/x/y', '/x']);
    expect(of('https://c').basePaths).toEqual([]);
  });
});
