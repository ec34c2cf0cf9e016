import { describe, expect, test } from 'vitest';
import { isOriginAllowed } from '../../../../src/sockets/entrances/origins.js';

describe('origins of pages', () => {
  test.each([
    ['https://app.example', 'https://app.example', true],
    ['https://app.example', 'HTTPS://App.Example', true],
    ['https://app.example', 'http://app.example', false],
    ['https://app.example', 'https://app.example:8443', false],
    ['app.example', 'http://app.example', true],
    ['app.example:8080', 'http://app.example:8080', true],
    ['app.example', 'https://evil-app.example', false],
    ['*.app.example', 'https://a.b.app.example', true],
    ['*.app.example', 'https://app.example', false],
    ['*.app.example', 'https://evilapp.example', false],
    ['https://*.app.example', 'https://a.app.example', true],
    ['https://*.app.example', 'http://a.app.example', false],
    ['https://*.app.example', 'https://.app.example', false],
    ['app.example', 'null', false],
  ])('%s and a page of %s: %s', (allowed, origin, isAllowed) => {
    expect(isOriginAllowed([allowed], origin)).toBe(isAllowed);
    expect(isOriginAllowed(['https://other.example', allowed], origin)).toBe(isAllowed);
  });

  test('none is allowed by an empty list', () => {
    expect(isOriginAllowed([], 'https://app.example')).toBe(false);
  });
});
