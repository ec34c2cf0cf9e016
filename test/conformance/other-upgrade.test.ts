import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startHub } from '../support/start-hub.js';
import { signToken } from '../support/tokens.js';

/** Sends the bytes and answers all that came until the service ended the connection. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.write(text);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';

test('[RA-002] an offer of h2c is ignored: the request is served over HTTP/1.1, and so is the next one', async () => {
  const { service } = await startHub();
  const port = Number(new URL(service.publicUrl).port);
  const answer = await exchange(
    port,
    `HEAD /api/health HTTP/1.1\r\nHost: localhost:${port}\r\n${offer}\r\n` +
      `HEAD /api/health HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer.match(/^HTTP\/1\.1 200 OK/gm)).toHaveLength(2);
});

/** As some proxies add to all requests. */
const fixedOffer = 'Connection: close, Upgrade\r\nUpgrade: websocket\r\n';

test.each([
  ['that offers h2c', offer.replace('Upgrade,', 'close, Upgrade,')],
  ['to which a proxy has added the offer of a WebSocket', fixedOffer],
])('[RA-029] a call %s is served, with its body', async (_what, offered) => {
  const { service, dial } = await startHub();
  const client = await dial();
  await client.next();
  const port = Number(new URL(service.publicUrl).port);
  const token = signToken({ aud: `${service.publicUrl}/api/hubs/chat/:send`, exp: Math.floor(Date.now() / 1000) + 60 });
  const answer = await exchange(
    port,
    `POST /api/hubs/chat/:send HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: text/plain\r\nContent-Length: 5\r\n${offered}\r\nhello`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 202 /);
  expect(await client.next()).toMatchObject({ data: 'hello' });
  const health = await exchange(port, `GET /api/health HTTP/1.1\r\nHost: localhost:${port}\r\n${offered}\r\n`);
  expect(health).toMatch(/^HTTP\/1\.1 200 /);
});

test('[CP-001] an offer of something else on a client path is no WebSocket upgrade: 400', async () => {
  const { service } = await startHub();
  const port = Number(new URL(service.publicUrl).port);
  const answer = await exchange(
    port,
    `GET /client/hubs/chat HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
});

test('[CP-001] the offer of a WebSocket without its key is refused on a client path, and answered 404 with a key elsewhere', async () => {
  const { service } = await startHub();
  const port = Number(new URL(service.publicUrl).port);
  const offerTo = (path: string, more = '') =>
    exchange(port, `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n${fixedOffer}${more}\r\n`);
  expect(await offerTo('/client/hubs/chat')).toMatch(/^HTTP\/1\.1 400 [\s\S]*Sec-WebSocket-Key/);
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  expect(await offerTo('/api/health', key)).toMatch(/^HTTP\/1\.1 404 [\s\S]*clients connect at/);
});
