import { expect, test } from 'vitest';
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
