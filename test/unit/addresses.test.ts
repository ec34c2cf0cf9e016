import { expect, test } from 'vitest';
import { isLoopback, urlOf } from '../../src/addresses.js';

test.each([
  ['127.0.0.1', 'http://localhost:80'],
  ['localhost', 'http://localhost:80'],
  ['0.0.0.0', 'http://localhost:80'],
  ['::', 'http://localhost:80'],
  ['127.0.0.2', 'http://127.0.0.2:80'],
  ['::1', 'http://[::1]:80'],
  ['10.1.2.3', 'http://10.1.2.3:80'],
  ['fe80::1%eth0', 'http://[fe80::1]:80'],
  ['app.internal', 'http://app.internal:80'],
])('[V12] a listener on %s answers at %s', (host, url) => {
  expect(urlOf(host, 80)).toBe(url);
  expect(URL.canParse(url)).toBe(true);
});

test('the scheme is that of the listener', () => {
  expect(urlOf('127.0.0.1', 8443, 'https')).toBe('https://localhost:8443');
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.0.0.2', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
])('only this machine reaches %s: %s', (host, isOurs) => {
  expect(isLoopback(host)).toBe(isOurs);
});
