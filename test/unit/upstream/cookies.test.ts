import { describe, expect, test } from 'vitest';
import { Cookies } from '../../../src/upstream/cookies.js';

test('[UE-075] a cookie goes back to where it came from', () => {
  const cookies = new Cookies();
  cookies.store(['a=1', 'b=2; Path=/api'], 'http://localhost:3000/api/connect');
  expect(cookies.header('http://localhost:3000/api/vote')).toBe('a=1; b=2');
  expect(cookies.header('http://localhost:3000/other')).toBeUndefined();
  expect(cookies.header('http://app.example/api/vote')).toBeUndefined();
});

test('[upstream-events 6.4] domain, path, expiry and secure are honoured', () => {
  const cookies = new Cookies();
  cookies.store(
    [
      'wide=1; Domain=example.com; Path=/',
      'narrow=1; Path=/',
      'tls=1; Path=/; Secure',
      'gone=1; Path=/; Max-Age=0',
      'foreign=1; Domain=other.com',
      '=;;;',
    ],
    'https://a.example.com/x',
  );
  expect(cookies.header('https://a.example.com/y')).toBe('wide=1; narrow=1; tls=1');
  expect(cookies.header('http://a.example.com/y')).toBe('wide=1; narrow=1');
  expect(cookies.header('https://b.example.com/y')).toBe('wide=1');
});

test('a later cookie of the same name replaces the first', () => {
  const cookies = new Cookies();
  cookies.store(['a=1'], 'http://localhost/');
  cookies.store(['a=2'], 'http://localhost/');
  expect(cookies.header('http://localhost/')).toBe('a=2');
});

describe('[F6] what could not be sent back', () => {
  const url = 'http://localhost/';

  test.each([
    ['[D03] UTF-8', 'name=\u00e6\u0097\u00a5; Path=/', 'name'],
    ['[D03] Latin-1', 'name=Jos\u00e9', 'name'],
    ['[D03] a name that is not ASCII', 'n\u00e9=1', 'n?'],
  ])('%s is dropped with its name', (_, line, name) => {
    const cookies = new Cookies();
    expect(cookies.store(['a=1', line, 'b=2'], url)).toEqual([
      `cookie "${name}" is dropped: it contains characters other than printable ASCII and could not be sent back`,
    ]);
    expect(cookies.header(url)).toBe('a=1; b=2');
  });

  test('a cookie above 4 KiB is dropped', () => {
    const cookies = new Cookies();
    expect(cookies.store([`big=${'x'.repeat(4094)}`], url)).toEqual([
      'cookie "big" is dropped: it is larger than 4096 bytes',
    ]);
    expect(cookies.store([`big=${'x'.repeat(4093)}`], url)).toEqual([]);
    expect(cookies.header(url)).toHaveLength(4097);
  });

  test('8 KiB are kept: the oldest go, and one that is set again is new', () => {
    const cookies = new Cookies();
    const kilobyte = 'x'.repeat(1000);
    cookies.store(['sticky=1', ...Array.from({ length: 8 }, (_, index) => `r${index}=${kilobyte}`)], url);
    cookies.store(['sticky=2'], url);
    expect(cookies.store([`r8=${kilobyte}`], url)).toEqual([
      'more than 50 cookies or 8192 bytes of them for one connection: the oldest are dropped',
    ]);
    const names = cookies
      .header(url)
      ?.split('; ')
      .map(pair => pair.split('=')[0]);
    expect(new Set(names)).toEqual(new Set(['sticky', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8']));
    expect(cookies.header(url)!.length).toBeLessThanOrEqual(8192);
  });

  test('50 cookies are kept', () => {
    const cookies = new Cookies();
    const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `c${from + index}=1`);
    expect(cookies.store(lines(0, 50), url)).toEqual([]);
    expect(cookies.store(lines(50, 60), url)).toHaveLength(1);
    const names = cookies.header(url)?.split('; ');
    expect(names).toHaveLength(50);
    expect(names).toContain('c10=1');
    expect(names).not.toContain('c9=1');
  });

  test('cookies that are gone do not count, and a removal needs no good value', () => {
    const cookies = new Cookies();
    for (let round = 0; round < 10; round += 1) {
      const name = `big${round}`;
      expect(cookies.store([`${name}=${'x'.repeat(4000)}`], url)).toEqual([]);
      expect(cookies.store([`${name}=\u00e9; Max-Age=0`], url)).toEqual([]);
    }
    expect(cookies.header(url)).toBeUndefined();
  });
});

test('a record is sent to where the cookies were, in the same order, and has the same limits', () => {
  const url = 'http://a.example.com/api/x';
  const [site, other] = ['http://a.example.com/api/y', 'http://b.example.com/api/y'];
  const original = new Cookies();
  original.store(
    ['first=1; Path=/', 'second=2; Path=/', 'wide=3; Domain=example.com', 'tls=4; Secure', 'm=5; Max-Age=60'],
    url,
  );
  original.store(['first=again; Path=/'], url);
  const copy = Cookies.from(JSON.parse(JSON.stringify(original.record())));
  for (const place of [site, other, url.replace('http', 'https'), 'http://a.example.com/']) {
    expect(copy.header(place)).toBe(original.header(place));
  }
  expect(copy.header('http://a.example.com/')).toBe('first=again; second=2');
  const more = Array.from({ length: 47 }, (_, index) => `n${index}=x`);
  for (const cookies of [original, copy]) cookies.store(more, url); // the oldest goes, which is not the one created first
  expect(copy.header(site)).toBe(original.header(site));
  expect(copy.header(site)).not.toContain('second');
  expect(copy.header(site)).toContain('first=again');
});

test('a record without a domain is not a cookie', () => {
  expect(() => Cookies.from([{ key: 'a', value: '1' }])).toThrow('not a cookie');
});
