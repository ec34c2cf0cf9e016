import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { headerOf, lineCountOf, setLines } from '../../../src/listener/header-lines.js';

const listHeaders = ['upgrade', 'sec-websocket-key', 'sec-websocket-protocol', 'x-forwarded-for', 'origin', 'x-none'];

test('a header is what `request.headers` has, for one line, several, an empty one and none', async () => {
  const request = await received([
    ['UPGRADE', 'h2c'],
    ['Sec-WebSocket-Key', 'a=='],
    ['sec-websocket-protocol', 'a, b'],
    ['Sec-WebSocket-Protocol', ''],
    ['SEC-WEBSOCKET-PROTOCOL', 'c'],
    ['X-Forwarded-For', 'Jos\u00e9'],
    ['Origin', ''],
    ['X-Non', 'x-none'],
  ]);
  const own = listHeaders.map(name => headerOf(request, name));
  expect(own).toEqual(listHeaders.map(name => request.headers[name]));
  expect(own).toEqual(['h2c', 'a==', 'a, b, , c', 'Jos\u00e9', '', undefined]);
});

test('lines are counted, and get a value, by name in any letter case', () => {
  const request = { rawHeaders: ['Host', 'a', 'X', 'host', 'hOST', 'b', 'Hosts', 'c'] };
  expect([lineCountOf(request, 'host'), lineCountOf(request, 'x-none')]).toEqual([2, 0]);
  setLines(request, 'host', 'new');
  expect(request.rawHeaders).toEqual(['Host', 'new', 'X', 'host', 'hOST', 'new', 'Hosts', 'c']);
});

/** As Node has it of a client that sends these lines. */
async function received(lines: readonly (readonly [string, string])[]): Promise<IncomingMessage> {
  const server = createServer();
  const request = new Promise<IncomingMessage>(resolve =>
    server.once('request', (incoming, response) => {
      response.end();
      resolve(incoming);
    }),
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  get({ port, host: '127.0.0.1', headers: ['Host', 'h', ...lines.flat()] }).on('response', each => each.resume());
  try {
    return await request;
  } finally {
    server.close();
  }
}
