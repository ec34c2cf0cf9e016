import { expect, test } from 'vitest';
import { exchange } from '../support/raw-http.js';
import { startHub } from '../support/start-hub.js';

/** A request that would be answered with 200 if the end of the one before it were misjudged. */
const hidden = 'GET /api/openapi.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Headers of a request whose length a proxy in front may read in another way. [RFC 9112 6.1, 6.3, 11.2] */
const ambiguous: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding and Content-Length': 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
  'two lengths': 'Content-Length: 0\r\nContent-Length: 4\r\n',
  'a list of lengths': 'Content-Length: 0, 4\r\n',
  'a length with a sign': 'Content-Length: +0\r\n',
  'a hexadecimal length': 'Content-Length: 0x0\r\n',
  'a negative length': 'Content-Length: -1\r\n',
  'an empty length': 'Content-Length:\r\n',
  'a length that is too large for a number': `Content-Length: ${'9'.repeat(30)}\r\n`,
  'chunked, but not last': 'Transfer-Encoding: chunked, identity\r\n',
  'an encoding that looks like chunked': 'Transfer-Encoding: xchunked\r\n',
  'a blank before the colon': 'Content-Length : 0\r\n',
  'a blank before the name': ' Content-Length: 0\r\n',
  'a lone line feed': 'X: 1\nContent-Length: 0\r\n',
  'a lone carriage return': 'X: 1\rContent-Length: 0\r\n',
  'a NUL': 'X: \0\r\n',
};

/** Chunks that a proxy in front may read in another way. [RFC 9112 7.1] */
const chunks: Readonly<Record<string, string>> = {
  'a size with a sign': '+0\r\n\r\n',
  'a size with 0x': '0x0\r\n\r\n',
  'a size that is no number': 'g\r\n\r\n',
  'a size that is too large': 'fffffffffffffffff\r\n\r\n',
  'a chunk that is longer than its size': '1\r\nab\r\n0\r\n\r\n',
  'a lone line feed after a size': '0\n\r\n',
};

const statusesOf = (received: string) =>
  Array.from(received.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));

const requests = [
  ...Object.entries(ambiguous).map(([what, lines]) => [what, `${lines}\r\n`] as const),
  ...Object.entries(chunks).map(([what, body]) => [what, `Transfer-Encoding: chunked\r\n\r\n${body}`] as const),
];

test('no request is hidden in another one, whatever its length says: 400, and the connection is closed', async () => {
  const { service } = await startHub();
  for (const [what, rest] of requests) {
    const received = await exchange(service.publicUrl, `GET /api/health HTTP/1.1\r\nHost: a\r\n${rest}${hidden}`);
    expect([what, statusesOf(received)]).toEqual([what, [400]]);
    expect([what, received.includes('openapi')]).toEqual([what, false]);
  }
  const sound = await exchange(service.publicUrl, `GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`);
  expect([statusesOf(sound), sound.includes('openapi')]).toEqual([[200, 200], true]); // it is seen where it is none
});
