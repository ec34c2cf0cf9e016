import { describe, expect, test } from 'vitest';
import { parseRedisUrl, urlForPeople, withoutPasswords } from '../../src/urls.js';

describe('a URL is shown without its secrets', () => {
  test.each([
    ['https://h:1/p', 'https://h:1/p'],
    ['localhost:8080', 'localhost:8080'],
    ['foo', 'foo'],
    ['redis://u:s3cret@h:1/0', 'redis://***@h:1/0'],
    ['redis://u:s3@cret@h:1', 'redis://***@h:1'],
    ['redis://u:s3/cret@h:1', 'redis://***@h:1'],
    ['redis://u:s3?cret@h:1', 'redis://***@h:1'],
    ['u:s3cret@h', '***@h'],
    ['https://h/p?code=s3cret', 'https://h/p?***'],
    ['https://h/p#s3cret', 'https://h/p#***'],
    ['https://h/p;s3cret', 'https://h/p;***'],
    ['https://h;AccessKey=s3cret', '***'],
    ['AccessKey=s3cret;Endpoint=https://h;Version=1.0;', '***'],
  ])('%s', (text, shown) => {
    expect(urlForPeople(text)).toBe(shown);
  });
});

test('a text is shown without the passwords of its URLs, and names of files stay as they are', () => {
  const stack = 'at file:///a/node_modules/@scope/b.js:1:2, of file:///a@b';
  expect(withoutPasswords(`from http://u:s3'c<r>et@h:99999 and "redis://u:s3'cret@h" `)).toBe(
    'from http://***@h:99999 and "redis://***@h" ',
  );
  expect(withoutPasswords(`no http://u:s3@cret@h/ and redis://:s3cret@h, ${stack}`)).toBe(
    `no http://***@h/ and redis://***@h, ${stack}`,
  );
});

test('user and password of a redis URL are decoded', () => {
  expect(parseRedisUrl('rediss://u:p%2F%40@h:1/0')).toEqual({ isTls: true, user: 'u', password: 'p/@' });
  expect(parseRedisUrl('redis://h')).toEqual({ isTls: false, user: undefined, password: undefined });
});
